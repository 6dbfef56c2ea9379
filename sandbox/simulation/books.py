"""The books of everybody in one canonical form: the same life gives the same text, whatever ids the database gave.

When something was written down is left out, and when it was due is kept: that is the same whatever beat does.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model, QuerySet

from billing.models import EntryShare, LedgerEntry, UsageLine, Wallet
from sandbox.simulation.life import Life

Row = dict[str, Any]

WALLET = (
    "available", "held", "sequence", "head_left", "cycle", "cycle_started_at", "cycle_ends_at", "warning_level",
    "low_below", "very_low_below", "unlimited", "suspended_at", "time_zone",
)  # fmt: skip
SUBSCRIPTION = (
    "plan_id", "status", "anchor_at", "period", "period_started_at", "period_ends_at", "allowance", "started_at",
)  # fmt: skip
GRANT = ("source", "amount", "remaining", "effective_at", "expires_at", "clawback_target", "taken_back")
ENTRY = (
    "sequence", "kind", "available_change", "held_change", "cost", "uncovered", "available_after", "feature_id",
    "priced_as_id", "quantity", "source", "grant_id", "hold_id", "cycle", "effective_at", "used_on", "key",
)  # fmt: skip
HOLD = ("status", "feature_id", "quantity", "amount", "unlimited", "source", "grant_id", "opened_at", "expires_at")
USAGE = ("used_on", "cycle", "feature_id", "priced_as_id", "source", "quantity", "cost", "uses")


def canonical(lives: Sequence[Life]) -> list[Row]:
    """Return what the books say of everybody, wallet by wallet, as plain values."""
    return [
        {"name": life.name, **_wallet(Wallet.objects.select_related("subscription").get(pk=wallet_id))}
        for life in sorted(lives, key=lambda each: each.name)
        for wallet_id in life.wallet_ids
    ]


def fingerprint(lives: Sequence[Life]) -> str:
    """Return the canonical books as 64 hexadecimal digits."""
    text = json.dumps(canonical(lives), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _wallet(wallet: Wallet) -> Row:
    names = _Names(wallet)
    entries = LedgerEntry.objects.filter(wallet=wallet).order_by("sequence")
    return {
        "wallet": _values(wallet, WALLET),
        "subscription": _values(wallet.subscription, SUBSCRIPTION),
        "grants": names.rows(wallet.grants.order_by("pk"), GRANT),
        "entries": names.rows(entries, ENTRY),
        "shares": names.rows(
            EntryShare.objects.filter(wallet=wallet).order_by("entry__sequence", "pk"),
            ("entry__sequence", "grant_id", "left_change", "held_change"),
        ),
        "lines": names.rows(
            UsageLine.objects.filter(wallet=wallet).order_by("entry__sequence", "position"),
            ("entry__sequence", "position", "name", "feature_id", "quantity", "cost"),
        ),
        "holds": names.rows(wallet.holds.order_by("pk"), HOLD),
        "usage": sorted(names.rows(wallet.daily_usage.all(), USAGE), key=repr),
        "notices": names.rows(wallet.notices.order_by("pk"), ("level", "cycle", "available")),
        "messages": sorted(_messages(wallet), key=repr),
        "purchases": names.rows(
            wallet.purchases.order_by("pk"), ("pack_id", "plan_id", "cents", "grant_id", "paid_at")
        ),
        "refunds": names.rows(wallet.refunds.order_by("pk"), ("cents", "status", "requested_at")),
        "disputes": names.rows(wallet.disputes.order_by("pk"), ("cents", "withdrawn_cents", "status", "opened_at")),
        "chatbots": [
            {"name": chatbot.name, "model": chatbot.model_id, "is_paused": chatbot.paused_at is not None}
            for chatbot in wallet.chatbots.order_by("pk")
        ],
    }


class _Names:
    """What a wallet's rows are called instead of their ids: by number within the wallet."""

    def __init__(self, wallet: Wallet) -> None:
        self._names: dict[str, dict[Any, Any]] = {
            "grant_id": _numbers(wallet.grants),
            "hold_id": _numbers(wallet.holds),
            "source": {f"chatbot:{pk}": f"chatbot number {number}" for pk, number in _numbers(wallet.chatbots).items()},
        }

    def rows(self, rows: QuerySet[Any], columns: Iterable[str]) -> list[Row]:
        return [{name: self._said(name, value) for name, value in row.items()} for row in rows.values(*columns)]

    def _said(self, column: str, value: Any) -> Any:
        names = self._names.get(column)
        return value if names is None else names.get(value, value)


def _numbers(related: Any) -> dict[Any, int]:
    return {pk: number for number, pk in enumerate(related.order_by("pk").values_list("pk", flat=True), start=1)}


def _messages(wallet: Wallet) -> list[Row]:
    """Return what the owner was told, in figures; a purchase's id says nothing."""
    return [
        {"kind": message.kind, "facts": {name: value for name, value in message.facts.items() if name != "purchase"}}
        for message in wallet.messages.all()
    ]


def _values(row: Model, columns: Iterable[str]) -> Row:
    return {column: getattr(row, column) for column in columns}
