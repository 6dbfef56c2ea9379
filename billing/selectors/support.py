"""What a person has asked our support, and with which level it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.models import Plan, SupportRequest, Wallet
from billing.selectors.balance import subscription_of

PAGE = 20


@dataclass(frozen=True, slots=True)
class Page:
    """A page of requests, newest first; `older` is what the next one begins before, or None on the last.

    `waiting` is how many of all requests nobody has answered yet.
    """

    rows: Sequence[SupportRequest]
    waiting: int
    level: Plan.Support
    before: int | None
    older: int | None


def page(wallet: Wallet, *, before: int | None = None) -> Page:
    """Return the wallet's requests, from just before a request's number on if one is given."""
    mine = SupportRequest.objects.filter(wallet=wallet)
    found = mine.order_by("-id")
    rows = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    return Page(
        rows=rows[:PAGE],
        waiting=mine.filter(answered_at=None).count(),
        level=level_of(wallet),
        before=before,
        older=rows[PAGE - 1].pk if len(rows) > PAGE else None,
    )


def level_of(wallet: Wallet) -> Plan.Support:
    """Return the support level of the wallet's plan; without a plan it is basic."""
    subscription = subscription_of(wallet)
    return Plan.Support(subscription.plan.support) if subscription else Plan.Support.BASIC
