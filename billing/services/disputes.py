"""Payments that a bank took back: what Stripe's balance has lost to a dispute counts like a refund (decision 24)."""

from dataclasses import dataclass
from datetime import datetime

from billing import gateway
from billing.gateway.facts import DisputeFacts
from billing.models import Dispute
from billing.services import inbox, refunds
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction


@dataclass(frozen=True, slots=True)
class Fetched:
    """A dispute as Stripe had it after `started_at`, and its sale where that was news."""

    started_at: datetime
    dispute: DisputeFacts
    sale: refunds.Sale


def fetch_dispute(dispute_id: str, *, now: datetime) -> Fetched:
    """Ask Stripe for a dispute, and for what was paid for unless we know that."""
    dispute = gateway.fetch_dispute(dispute_id)
    return Fetched(now, dispute, refunds.fetch_sale(dispute.payment_intent_id, now=now))


def sync_dispute(*, dispute_id: str, now: datetime) -> str:
    """Make our side what Stripe says of a dispute now; return what changed, in words, or nothing."""
    return apply(fetch_dispute(dispute_id, now=now), now=now)


@in_one_transaction
def apply(fetched: Fetched, *, now: datetime) -> str:
    """Record a dispute's state and take back what was withdrawn, or give back what was reinstated.

    Safe twice and in any order. Returns what changed, in words; nothing for a payment that bought nothing of ours.
    """
    facts = fetched.dispute
    purchase = refunds.apply_sale(fetched.sale, payment_intent_id=facts.payment_intent_id, now=now)
    if purchase is None:
        return ""
    lock_wallet(purchase.wallet_id)
    row = Dispute.objects.select_for_update().filter(stripe_dispute_id=facts.id).first()
    if row is not None and row.synced_at > fetched.started_at:
        return inbox.OVERTAKEN
    row = row or Dispute(wallet_id=purchase.wallet_id, stripe_dispute_id=facts.id, opened_at=facts.created_at)
    row.stripe_payment_intent_id = purchase.stripe_payment_intent_id
    row.cents, row.withdrawn_cents = facts.cents, facts.withdrawn_cents
    row.status, row.reason = facts.status, facts.reason
    row.synced_at = fetched.started_at
    row.save()
    return refunds.follow_returned_money(
        wallet_id=purchase.wallet_id, payment_intent_id=purchase.stripe_payment_intent_id, now=now
    )
