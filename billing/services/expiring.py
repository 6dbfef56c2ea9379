"""Telling owners, once a cycle, that monthly credits are about to expire unused: they don't roll over."""

from datetime import datetime
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Concat

from billing.models import Grant, Message, Wallet
from billing.selectors.expiring import NOTICE, is_worth_telling
from billing.services import outbox
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

KEY = "expiring:"
BATCH = 500


def due(*, now: datetime, limit: int = BATCH) -> list[int]:
    """Return the wallets whose owners are to be told by `now` and weren't yet, those first whose cycle ends first."""
    ending = Wallet.objects.filter(
        cycle_ends_at__gt=now,
        cycle_ends_at__lte=now + NOTICE,
        unlimited=False,
        suspended_at__isnull=True,
        owner__isnull=False,
        low_below__gt=0,
        available__gte=F("low_below"),
    )
    untold = ending.filter(~Exists(_told())).annotate(monthly_left=Subquery(_monthly_left()))
    rows = untold.filter(monthly_left__gte=F("low_below")).order_by("cycle_ends_at", "pk")
    return list(rows.values_list("pk", flat=True)[:limit])


@in_one_transaction
def tell(*, wallet_id: int, now: datetime) -> bool:
    """Tell a wallet's owner that monthly credits are about to expire, and return whether they are.

    Once a cycle, whoever calls and however often. Raises what `settlement.settle` raises.
    """
    with settled_books(wallet_id, now=now) as books:
        wallet = books.wallet
        left = sum(
            books.left[grant.pk]
            for grant in books.open_grants()
            if grant.source == Grant.Source.ALLOWANCE and grant.expires_at == wallet.cycle_ends_at
        )
        if wallet.owner_id is None or wallet.cycle_ends_at is None or not is_worth_telling(wallet, left, now=now):
            return False
        outbox.tell(
            wallet=wallet,
            kind=Message.Kind.CREDITS_EXPIRE,
            key=f"{KEY}{wallet.cycle}",
            now=now,
            cycle=wallet.cycle,
            left=left,
            ends_at=wallet.cycle_ends_at.isoformat(),
        )
        return True


def _told() -> QuerySet[Message]:
    key = Concat(Value(KEY), Cast(OuterRef("cycle"), CharField()))
    return Message.objects.filter(wallet=OuterRef("pk"), key=key)


def _monthly_left() -> QuerySet[Grant, Any]:
    """Return what is left of a wallet's grants that expire with its cycle; the head's is written on the wallet."""
    left = Case(When(pk=OuterRef("head_grant_id"), then=OuterRef("head_left")), default=F("remaining"))
    monthly = Grant.objects.filter(
        wallet=OuterRef("pk"),
        source=Grant.Source.ALLOWANCE,
        expires_at=OuterRef("cycle_ends_at"),
        opened_at__isnull=False,
        closed_at__isnull=True,
    )
    return monthly.order_by().values("wallet").annotate(sum=Sum(left)).values("sum")
