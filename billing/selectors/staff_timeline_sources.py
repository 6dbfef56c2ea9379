"""What the line of a wallet's time consists of."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet

from billing.models import (
    ApiKey,
    Checkout,
    ContractRequest,
    Dispute,
    Export,
    Grant,
    LedgerEntry,
    Message,
    Notice,
    Purchase,
    Refund,
    StripeEvent,
    SupportRequest,
    Wallet,
)
from billing.selectors.staff_log import ACTED_ON, lines_about
from billing.selectors.staff_timeline import ENTRY, Source
from billing.selectors.stripe_events import events_about

Kind = LedgerEntry.Kind

#: What the filter offers: its word in the address, and its label.
GROUPS = {
    "usage": "Usage",
    "credits": "Credits in and out",
    "holds": "Holds",
    "sales": "Sales and refunds",
    "stripe": "Stripe’s events",
    "told": "Mails and warnings",
    "requests": "Requests and answers",
    "staff": "Staff’s acts",
    "other": "Exports, API keys and logins",
}


def readable(may: Callable[[str], bool]) -> list[Source]:
    """Return the sources that somebody may read, by their permissions; of staff's acts those on what they may read."""
    acted_on = [model for model in ACTED_ON if may(f"{model._meta.app_label}.view_{model._meta.model_name}")]
    acts = partial(_staff_acts, acted_on=acted_on)
    return [
        replace(source, rows=acts) if source.word == "act" else source for source in SOURCES if may(source.permission)
    ]


def _grants(wallet: Wallet) -> QuerySet[Grant]:
    return wallet.grants.all()


def _checkouts(wallet: Wallet) -> QuerySet[Checkout]:
    return wallet.checkouts.all()


def _purchases(wallet: Wallet) -> QuerySet[Purchase]:
    return wallet.purchases.select_related("pack", "plan", "grant")


def _refunds(wallet: Wallet) -> QuerySet[Refund]:
    return wallet.refunds.select_related("actor")


def _disputes(wallet: Wallet) -> QuerySet[Dispute]:
    return wallet.disputes.all()


def _messages(wallet: Wallet) -> QuerySet[Message]:
    return wallet.messages.defer("text", "html")


def _notices(wallet: Wallet) -> QuerySet[Notice]:
    return wallet.notices.all()


def _support(wallet: Wallet) -> QuerySet[SupportRequest]:
    return wallet.support_requests.select_related("answered_by")


def _contracts(wallet: Wallet) -> QuerySet[ContractRequest]:
    return wallet.contract_requests.select_related("answered_by")


def _exports(wallet: Wallet) -> QuerySet[Export]:
    return wallet.exports.all()


def _api_keys(wallet: Wallet) -> QuerySet[ApiKey]:
    return wallet.api_keys.defer("secret_hash").select_related("replaced_by")


def _sessions(wallet: Wallet) -> QuerySet[Any]:
    sessions: QuerySet[Any] = UserSession.objects.filter(user=wallet.owner_id)
    return sessions if wallet.owner_id else sessions.none()


def _stripe_events(wallet: Wallet) -> QuerySet[StripeEvent]:
    return events_about(wallet).defer("payload")


def _staff_acts(wallet: Wallet, *, acted_on: Sequence[type[Model]] = ACTED_ON) -> QuerySet[LogEntry]:
    return lines_about(wallet.pk, acted_on).select_related("user", "content_type")


#: In the order of what is shown first of what happened at the same time: effects above causes.
SOURCES = (
    Source(ENTRY, "usage", 90, "billing.view_ledgerentry", kinds=(Kind.CHARGE, Kind.CAPTURE)),
    Source(
        ENTRY,
        "credits",
        90,
        "billing.view_ledgerentry",
        kinds=(Kind.GRANT, Kind.EXPIRY, Kind.CLAWBACK, Kind.ADJUSTMENT),
    ),
    Source(ENTRY, "holds", 90, "billing.view_ledgerentry", kinds=(Kind.HOLD, Kind.RELEASE)),
    Source("notice", "told", 85, "billing.view_notice", "raised_at", _notices),
    Source("message", "told", 80, "billing.view_message", "raised_at", _messages),
    Source("ended", "credits", 75, "billing.view_grant", "closed_at", _grants),
    Source("refund", "sales", 70, "billing.view_refund", "requested_at", _refunds),
    Source("dispute", "sales", 65, "billing.view_dispute", "opened_at", _disputes),
    Source("purchase", "sales", 60, "billing.view_purchase", "fulfilled_at", _purchases),
    Source("checkout", "sales", 55, "billing.view_checkout", "created_at", _checkouts),
    Source("event", "stripe", 50, "billing.view_stripeevent", "received_at", _stripe_events),
    Source("answer", "requests", 45, "billing.view_supportrequest", "answered_at", _support),
    Source("question", "requests", 40, "billing.view_supportrequest", "created_at", _support),
    Source("contract-answer", "requests", 35, "billing.view_contractrequest", "answered_at", _contracts),
    Source("contract", "requests", 30, "billing.view_contractrequest", "created_at", _contracts),
    Source("act", "staff", 25, "billing.view_wallet", "action_time", _staff_acts),
    Source("written", "other", 20, "billing.view_export", "ready_at", _exports),
    Source("export", "other", 15, "billing.view_export", "created_at", _exports),
    Source("key-end", "other", 14, "billing.view_apikey", "revoked_at", _api_keys),
    Source("key", "other", 12, "billing.view_apikey", "created_at", _api_keys),
    Source("login", "other", 10, "accounts.view_user", "created_at", _sessions),
)
