"""Random lives of wallets, drawn by Hypothesis, and what their books say when ids are left out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from billing import metering
from billing.errors import MeteringError
from billing.models import Grant, Hold, Wallet
from billing.services import grants, subscriptions, wallets
from billing.tests.people import begin_paid_cycle

FEATURES = ["gpt-4o", "gpt-4o-mini", "flux-pro", "video-generation", "analytics", "custom-training"]
ACTIONS = ["charge", "charge", "charge", "many", "hold", "capture", "capture", "release", "extend", "workflow", "grant"]
ACTIONS += ["chatbot", "repeat", "suspend_or_resume", "take", "change_plan", "limit"]
HOURS = [0, 0, 0, 0, 0, 0, 1, 3, 26, 24 * 9, 24 * 45]

Step = tuple[str, int, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(ACTIONS),
        st.sampled_from(HOURS),
        st.sampled_from(FEATURES),
        st.one_of(st.integers(1, 4), st.integers(1, 9_000)),
    ),
    min_size=4,
    max_size=25,
)


@contextmanager
def undone() -> Iterator[None]:
    """Undo what an example did."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass
class Life:
    """One wallet's life: steps in, answers out."""

    wallet: Wallet
    now: datetime
    beat: Callable[[datetime, datetime], None] = lambda since, until: None
    holds: list[Hold] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    repeated: Callable[[], Any] = lambda: None

    def run(self, drawn: list[Step]) -> None:
        """Take all steps; refusals are answers too."""
        for number, (action, hours, feature, size) in enumerate(drawn):
            until = self.now + timedelta(hours=hours, minutes=number)
            self.beat(self.now, until)
            self.now = until
            act = getattr(self, f"_{action}")
            try:
                answer = act(f"{action} {number}", feature, size)
            except MeteringError as refusal:
                answer = f"{type(refusal).__name__}: {refusal}"
            self.answers.append(answer)
        self.wallet.refresh_from_db()

    def _charge(self, key: str, feature: str, size: int) -> Any:
        occurred_at = self.now - timedelta(hours=size) if size % 3 == 0 else None

        def charge() -> Any:
            return self._said(
                metering.charge(
                    wallet=self.wallet,
                    feature=feature,
                    quantity=size,
                    key=key,
                    occurred_at=occurred_at,
                    confirmed=size % 7 == 0,
                    now=self.now,
                )
            )

        self.repeated = charge
        return charge()

    def _repeat(self, key: str, feature: str, size: int) -> Any:
        return self.repeated()

    def _chatbot(self, key: str, feature: str, size: int) -> Any:
        return self._said(
            metering.charge(
                wallet=self.wallet,
                feature="chatbot-message",
                priced_as="gpt-4o",
                quantity=size,
                key=key,
                source="chatbot:7",
                detail={"chatbot": "Ada"},
                now=self.now,
            )
        )

    def _many(self, key: str, feature: str, size: int) -> Any:
        items = [
            metering.Charge(feature=feature if number % 2 else "gpt-4o", quantity=size + number, key=f"{key} {number}")
            for number in range(3)
        ]
        answers = metering.charge_many(wallet=self.wallet, charges=items, now=self.now)
        return [str(one) if isinstance(one, MeteringError) else self._said(one) for one in answers]

    def _workflow(self, key: str, feature: str, size: int) -> Any:
        nodes = [metering.Node(name="use", feature=feature, quantity=size), metering.Node(name="free step")]
        return self._said(
            metering.charge_workflow(wallet=self.wallet, workflow="report", nodes=nodes, key=key, now=self.now)
        )

    def _hold(self, key: str, feature: str, size: int) -> Any:
        minimum = min(size, 50) if size % 2 else None
        lasts = timedelta(minutes=1 + size % 1_440)
        # the wallet as its caller may have it: read some time ago, its settings new
        self.wallet.refresh_from_db()
        held = metering.hold(
            wallet=self.wallet,
            feature=feature,
            quantity=size,
            minimum=minimum,
            key=key,
            lasts=lasts,
            confirmed=size % 7 == 0,
            now=self.now,
        )
        self.holds.append(held)
        return held.quantity, held.amount, held.unlimited, held.opened_at, held.expires_at, held.source

    def _capture(self, key: str, feature: str, size: int) -> Any:
        if not self.holds:
            return None
        held = self.holds[size % len(self.holds)]
        quantity = min(size, held.quantity) if size % 4 else size
        return self._said(metering.capture(wallet=self.wallet, hold=held, quantity=quantity, now=self.now))

    def _release(self, key: str, feature: str, size: int) -> Any:
        if not self.holds:
            return None
        return self._said(metering.release(wallet=self.wallet, hold=self.holds[size % len(self.holds)], now=self.now))

    def _extend(self, key: str, feature: str, size: int) -> Any:
        if not self.holds:
            return None
        until = self.now + timedelta(minutes=size % 600)
        return metering.extend(wallet=self.wallet, hold=self.holds[-1], until=until, now=self.now).expires_at

    def _grant(self, key: str, feature: str, size: int) -> Any:
        starts_at = self.now + timedelta(hours=size) if size % 5 == 0 else self.now
        grants.issue(
            wallet_id=self.wallet.pk,
            source=Grant.Source.PROMOTIONAL,
            amount=size * 7,
            business_key=key,
            effective_at=starts_at,
            expires_at=starts_at + timedelta(hours=size) if size % 2 else None,
            now=self.now,
        )

    def _take(self, key: str, feature: str, size: int) -> Any:
        grants.adjust(
            wallet_id=self.wallet.pk,
            amount=-size,
            reason="Given twice.",
            actor=self.wallet.owner,
            key=f"adjust {key}",
            now=self.now,
        )

    def _suspend_or_resume(self, key: str, feature: str, size: int) -> Any:
        self.wallet.refresh_from_db()
        suspended_at = None if self.wallet.suspended_at else self.now
        Wallet.objects.filter(pk=self.wallet.pk).update(suspended_at=suspended_at)

    def _limit(self, key: str, feature: str, size: int) -> Any:
        """Be asked above an amount that about half of what follows costs, or never again."""
        confirm_above = size * 9 if size % 3 else None
        return wallets.set_limits(
            wallet_id=self.wallet.pk, max_output_tokens=4_096 + size % 2, confirm_above=confirm_above
        )

    def _change_plan(self, key: str, feature: str, size: int) -> Any:
        match size % 4:
            case 0:
                subscriptions.begin_contract(wallet_id=self.wallet.pk, allowance=size * 11, now=self.now)
            case 1:
                subscriptions.begin_contract(wallet_id=self.wallet.pk, allowance=None, now=self.now)
            case 2:
                subscriptions.return_to_free(wallet_id=self.wallet.pk, now=self.now)
            case _:
                starts_at = self.now - timedelta(minutes=size)
                begin_paid_cycle(
                    wallet_id=self.wallet.pk,
                    plan="pro",
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(days=30),
                    business_key=f"invoice {key}",
                    now=self.now,
                )

    @staticmethod
    def _said(answer: metering.Answer) -> Any:
        return answer.cost, answer.uncovered, answer.available, answer.posted_at, answer.replayed


def state(wallet: Wallet) -> dict[str, object]:
    """Return a wallet's row, without ids."""
    wallet.refresh_from_db()
    columns = [
        "available", "held", "sequence", "last_posted_at", "last_posted_on", "head_left", "cycle", "cycle_started_at",
        "cycle_ends_at", "warning_level", "low_below", "very_low_below", "unlimited",
    ]  # fmt: skip
    numbers = _numbers(wallet.grants)
    return {column: getattr(wallet, column) for column in columns} | {"head": numbers.get(wallet.head_grant_id)}


def everything(wallet: Wallet) -> dict[str, Any]:
    """Return all that the books say of a wallet, with rows numbered within the wallet instead of their ids."""
    grant_numbers, hold_numbers = _numbers(wallet.grants), _numbers(wallet.holds)

    def rows(related: Any, *without: str) -> list[dict[str, Any]]:
        found = []
        for row in related.values():
            if "grant_id" in row:
                row["grant_id"] = grant_numbers.get(row["grant_id"])
            if "hold_id" in row:
                row["hold_id"] = hold_numbers.get(row["hold_id"])
                if row["kind"] == "capture":  # its hash names the hold
                    row["request_hash"] = None
            found.append({name: value for name, value in row.items() if name not in ("id", "wallet_id", *without)})
        return found

    entries = wallet.entries.order_by("sequence")
    return {
        "wallet": state(wallet),
        "entries": rows(entries, "actor_id"),
        "shares": [rows(entry.shares.order_by("id"), "entry_id") for entry in entries],
        "lines": [rows(entry.lines.order_by("position"), "entry_id") for entry in entries],
        "usage": rows(wallet.daily_usage.order_by("used_on", "cycle", "feature", "priced_as", "source")),
        "grants": rows(wallet.grants.order_by("id"), "business_key"),
        "holds": rows(wallet.holds.order_by("id")),
        "notices": rows(wallet.notices.order_by("id")),
    }


def without_clocks(said: dict[str, Any]) -> dict[str, Any]:
    """Drop when things were written down, keeping when they were due: that is the same whatever beat does."""
    clocks = {"posted_at", "posted_on", "opened_at", "closed_at", "raised_at", "last_posted_at", "last_posted_on"}

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key not in clocks}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    return strip(said)


def _numbers(related: Any) -> dict[int, int]:
    return {pk: number for number, pk in enumerate(related.order_by("id").values_list("id", flat=True))}
