"""What an owner loses by leaving, said before they do; and what was paid for a wallet after its owner had left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import (
    ContractRequest,
    Dispute,
    Export,
    Grant,
    Hold,
    Purchase,
    Refund,
    StripeSubscription,
    Subscription,
    SupportRequest,
    Wallet,
)
from billing.selectors import balance, chatbots


@dataclass(frozen=True, slots=True)
class Losses:
    """What goes with an account. Amounts in millicredits; `held` is part of neither of the others.

    `subscription` is None for a wallet on no plan; `is_paying` says that Stripe collects money for it.
    """

    monthly: int
    bought: int
    added: int
    held: int
    unlimited: bool
    subscription: Subscription | None
    is_paying: bool
    chatbots: int
    files: int
    holds: int
    requests: int


def losses(wallet: Wallet, *, now: datetime) -> Losses:
    """Return what a wallet's owner would lose at this moment."""
    current = balance.current(wallet)
    left = dict.fromkeys(Grant.Source, 0)
    for portion in current.portions:
        left[Grant.Source(portion.source)] += portion.left
    counts = chatbots.counts(wallet)
    requests = sum(
        model.objects.filter(wallet=wallet, answered_at=None).count() for model in (SupportRequest, ContractRequest)
    )
    return Losses(
        monthly=left[Grant.Source.ALLOWANCE],
        bought=left[Grant.Source.PURCHASE],
        added=left[Grant.Source.PROMOTIONAL] + left[Grant.Source.ADJUSTMENT],
        held=current.wallet.held,
        unlimited=current.wallet.unlimited,
        subscription=balance.subscription_of(wallet),
        is_paying=StripeSubscription.objects.filter(wallet=wallet, status__in=StripeSubscription.LIVE).exists(),
        chatbots=counts.active + counts.waiting + counts.paused,
        files=Export.objects.filter(wallet=wallet, status=Export.Status.READY, expires_at__gt=now).count(),
        holds=Hold.objects.filter(wallet=wallet, status=Hold.Status.OPEN).count(),
        requests=requests,
    )


def paid_after_leaving(*, limit: int) -> Sequence[Purchase]:
    """Return what was granted for money after a wallet's owner had left and isn't all back with them, the oldest first.

    Money goes back by refunds and by disputes that haven't been won.
    """
    late = Purchase.objects.filter(fulfilled_at__gt=F("wallet__farewell__left_at"), cents__gt=0)
    refunded = _sum_of(Refund.objects.filter(status__in=Refund.RETURNED), "cents")
    withdrawn = _sum_of(Dispute.objects.all(), "withdrawn_cents")
    waiting = late.annotate(returned=refunded + withdrawn).filter(returned__lt=F("cents"))
    return list(waiting.order_by("pk")[:limit])


def _sum_of(rows: QuerySet[Any], cents: str) -> Coalesce:
    """Return what the rows about an outer row's payment come to, 0 where there are none."""
    about = rows.filter(stripe_payment_intent_id=OuterRef("stripe_payment_intent_id"))
    return Coalesce(Subquery(about.values("stripe_payment_intent_id").annotate(sum=Sum(cents)).values("sum")), 0)
