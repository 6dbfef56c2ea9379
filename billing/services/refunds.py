"""Money that goes back: what Stripe says was refunded decides what is taken back, never what a message adds up to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from accounts.models import User
from billing import gateway
from billing.errors import InvalidRequest, KeyReused, StripeRefused
from billing.gateway.facts import RefundFacts
from billing.models import Dispute, Grant, Hold, Purchase, Refund
from billing.services import checkouts, inbox, paid_subscriptions
from billing.services.clawbacks import aim
from billing.services.ledger import lock_wallet, opening_entry, shares_of
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

#: Stripe knows a request by its key for 24 hours at least.
KEY_LASTS = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class Sale:
    """What a payment paid for, fetched because we hadn't heard of it yet; nothing when it isn't ours.

    An invoice can be paid by several payments, of which its purchase names one.
    """

    session: checkouts.Fetched | None = None
    subscription: paid_subscriptions.Fetched | None = None
    stripe_invoice_id: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A refund as Stripe had it after `started_at`, and its sale where that was news."""

    started_at: datetime
    refund: RefundFacts
    sale: Sale


@dataclass(frozen=True, slots=True)
class RefundPreview:
    """What a refund would do. Money in cents, credits in millicredits.

    `spent` includes what has expired; `taken` is gone at once, `to_come` follows when holds return it, `uncovered`
    stays with the customer.
    """

    cents_paid: int
    cents_left: int
    cents: int
    granted: int
    left: int
    held: int
    spent: int
    taken_before: int
    taken: int
    to_come: int
    uncovered: int


def fetch_refund(refund_id: str, *, now: datetime) -> Fetched:
    """Ask Stripe for a refund, and for what it refunds unless we know that."""
    refund = gateway.fetch_refund(refund_id)
    return Fetched(now, refund, fetch_sale(refund.payment_intent_id, now=now))


def sync_refund(*, refund_id: str, now: datetime) -> str:
    """Make our side what Stripe says of a refund now; return what changed, in words, or nothing."""
    return apply(fetch_refund(refund_id, now=now), now=now)


def fetch_sale(stripe_payment_intent_id: str, *, now: datetime) -> Sale:
    """Ask Stripe what a payment paid for, unless its purchase stands in our books."""
    if not stripe_payment_intent_id or _purchases_of(stripe_payment_intent_id):
        return Sale()
    if session := checkouts.fetch_session_of_payment(stripe_payment_intent_id, now=now):
        return Sale(session=session)
    invoice_id = gateway.invoice_of_payment(stripe_payment_intent_id)
    if not invoice_id:
        return Sale()
    return Sale(subscription=paid_subscriptions.fetch_invoice(invoice_id, now=now), stripe_invoice_id=invoice_id)


def apply_sale(sale: Sale, *, payment_intent_id: str, now: datetime) -> Purchase | None:
    """Grant what was paid for, before any of it is taken back; return the first purchase that the payment paid for."""
    if sale.session is not None:
        checkouts.apply(sale.session, now=now)
    if sale.subscription is not None:
        paid_subscriptions.apply(sale.subscription, now=now)
    paid = _purchases_of(payment_intent_id)
    if not paid and sale.stripe_invoice_id:
        paid = list(Purchase.objects.filter(stripe_invoice_id=sale.stripe_invoice_id).order_by("id"))
    return next(iter(paid), None)


@in_one_transaction
def apply(fetched: Fetched, *, now: datetime) -> str:
    """Record a refund's state and take back, or give back, what follows from all that was returned of its payment.

    Safe twice and in any order. Returns what changed, in words; nothing for a payment that bought nothing of ours.
    """
    facts = fetched.refund
    purchase = apply_sale(fetched.sale, payment_intent_id=facts.payment_intent_id, now=now)
    if purchase is None:
        return ""
    lock_wallet(purchase.wallet_id)
    row = _locked_row(facts, purchase)
    if row.synced_at is not None and row.synced_at > fetched.started_at:
        return inbox.OVERTAKEN
    row.stripe_refund_id, row.status, row.cents = facts.id, Refund.Status(facts.status), facts.cents
    row.synced_at, row.error = fetched.started_at, ""
    row.save()
    return follow_returned_money(
        wallet_id=purchase.wallet_id, payment_intent_id=purchase.stripe_payment_intent_id, now=now
    )


def follow_returned_money(*, wallet_id: int, payment_intent_id: str, now: datetime) -> str:
    """Let the grants of a payment follow what was refunded and disputed of it (decision 24); say what changed."""
    returned = returned_cents(payment_intent_id)
    done = []
    with settled_books(wallet_id, now=now) as books:
        for purchase in _purchases_of(payment_intent_id):
            if purchase.grant is not None:
                entry = aim(books, grant=purchase.grant, target=target_of(purchase.grant, purchase.cents, returned))
                done.append(f"Entry #{entry.sequence}." if entry else "")
    return " ".join(filter(None, done))


def returned_cents(payment_intent_id: str) -> int:
    """Return the cents of a payment that were refunded, or that a dispute has withdrawn, at present."""
    refunded = Refund.objects.filter(
        stripe_payment_intent_id=payment_intent_id, stripe_refund_id__isnull=False, status__in=Refund.RETURNED
    ).aggregate(sum=Sum("cents"))["sum"]
    withdrawn = Dispute.objects.filter(stripe_payment_intent_id=payment_intent_id).aggregate(
        sum=Sum("withdrawn_cents")
    )["sum"]
    return (refunded or 0) + (withdrawn or 0)


def target_of(grant: Grant, cents_paid: int, cents_returned: int) -> int:
    """Return the millicredits to take back when `cents_returned` of `cents_paid` went back (decision 24)."""
    return min(grant.amount, grant.amount * cents_returned // cents_paid) if cents_paid else 0


def preview(*, purchase: Purchase, cents: int) -> RefundPreview:
    """Return what refunding `cents` of a purchase would do now; nothing changes."""
    returned = returned_cents(purchase.stripe_payment_intent_id)
    cents_left = max(0, purchase.cents - returned - _requested_cents(purchase.stripe_payment_intent_id))
    grant = purchase.grant
    if grant is None:
        return RefundPreview(purchase.cents, cents_left, cents, 0, 0, 0, 0, 0, 0, 0, 0)
    wallet = grant.wallet
    left = wallet.head_left if wallet.head_grant_id == grant.pk else grant.remaining or 0
    held = _held_of(grant)
    missing = max(0, target_of(grant, purchase.cents, returned + cents) - grant.taken_back)
    taken = min(missing, left)
    to_come = min(missing - taken, held)
    return RefundPreview(
        cents_paid=purchase.cents,
        cents_left=cents_left,
        cents=cents,
        granted=grant.amount,
        left=left,
        held=held,
        spent=grant.amount - left - held - grant.taken_back,
        taken_before=grant.taken_back,
        taken=taken,
        to_come=to_come,
        uncovered=missing - taken - to_come,
    )


def request(*, purchase: Purchase, cents: int, actor: User, reason: str, key: str, now: datetime) -> Refund:
    """Refund `cents` of a purchase and return the refund, as Stripe answered or still waiting for its answer.

    It stands here before Stripe is asked, so that nothing is asked twice; `key` makes a second submit of the same form
    return the first refund. Raises InvalidRequest for more than is left of the payment or without a reason, KeyReused
    when the key stands for another refund.
    """
    refund = intend(purchase=purchase, cents=cents, actor=actor, reason=reason, key=key, now=now)
    if refund.status != Refund.Status.REQUESTED:
        return refund
    return finish_requested(refund_id=refund.pk, now=now)


def finish_requested(*, refund_id: int, now: datetime) -> Refund:
    """Ask Stripe for a refund that was intended, and return it; what Stripe refuses says why.

    Raises StripeUnavailable, after which the refund still waits and can be asked for again.
    """
    refund = Refund.objects.get(pk=refund_id)
    if refund.status != Refund.Status.REQUESTED:
        return refund
    try:
        facts = _made_before(refund, now=now) or gateway.create_refund(
            payment_intent_id=refund.stripe_payment_intent_id,
            cents=refund.cents,
            metadata={"wallet": str(refund.wallet_id), "refund": str(refund.pk)},
            idempotency_key=f"refund-{refund.pk}-{refund.requested_at.timestamp():.6f}",
        )
    except StripeRefused as error:
        Refund.objects.filter(pk=refund_id, status=Refund.Status.REQUESTED).update(
            status=Refund.Status.REFUSED, error=str(error)[:500]
        )
    else:
        apply(Fetched(now, facts, Sale()), now=now)
    refund.refresh_from_db()
    return refund


def _made_before(refund: Refund, *, now: datetime) -> RefundFacts | None:
    """Return a refund that Stripe made without our hearing of it, once its idempotency key may be forgotten there."""
    if refund.requested_at > now - KEY_LASTS:
        return None
    made = gateway.refunds_of(refund.stripe_payment_intent_id)
    return next((facts for facts in made if facts.metadata.get("refund") == str(refund.pk)), None)


@in_one_transaction
def intend(*, purchase: Purchase, cents: int, actor: User, reason: str, key: str, now: datetime) -> Refund:
    """Write a refund down before Stripe is asked, which `finish_requested` does; return it, or the key's first one.

    Raises what `request` raises.
    """
    reason = reason.strip()
    lock_wallet(purchase.wallet_id)
    if first := Refund.objects.filter(key=key).first():
        if (first.stripe_payment_intent_id, first.cents) != (purchase.stripe_payment_intent_id, cents):
            raise KeyReused("This form was used for another refund already.")
        return first
    if not reason:
        raise InvalidRequest("A refund needs a reason.")
    if not purchase.stripe_payment_intent_id:
        raise InvalidRequest("Nothing was paid for this purchase, so there is nothing to refund.")
    left = preview(purchase=purchase, cents=0).cents_left
    if type(cents) is not int or not 1 <= cents <= left:
        raise InvalidRequest(f"Between $0.01 and ${left // 100}.{left % 100:02} of this payment can be refunded.")
    return Refund.objects.create(
        wallet_id=purchase.wallet_id,
        stripe_payment_intent_id=purchase.stripe_payment_intent_id,
        cents=cents,
        status=Refund.Status.REQUESTED,
        actor=actor,
        reason=reason,
        key=key,
        requested_at=now,
    )


def _locked_row(facts: RefundFacts, purchase: Purchase) -> Refund:
    rows = Refund.objects.select_for_update()
    row = rows.filter(stripe_refund_id=facts.id).first()
    own_id = facts.metadata.get("refund", "")
    if row is None and own_id.isdecimal():
        row = rows.filter(
            pk=int(own_id), stripe_refund_id=None, stripe_payment_intent_id=purchase.stripe_payment_intent_id
        ).first()
    return row or Refund(
        wallet_id=purchase.wallet_id,
        stripe_refund_id=facts.id,
        stripe_payment_intent_id=purchase.stripe_payment_intent_id,
        requested_at=facts.created_at,
    )


def _purchases_of(payment_intent_id: str) -> list[Purchase]:
    if not payment_intent_id:
        return []
    rows = Purchase.objects.filter(stripe_payment_intent_id=payment_intent_id)
    return list(rows.select_related("grant__wallet").order_by("id"))


def _requested_cents(payment_intent_id: str) -> int:
    rows = Refund.objects.filter(stripe_payment_intent_id=payment_intent_id, status=Refund.Status.REQUESTED)
    return rows.aggregate(sum=Sum("cents"))["sum"] or 0


def _held_of(grant: Grant) -> int:
    """Return the millicredits of a grant that open holds keep."""
    holds = Hold.objects.filter(wallet_id=grant.wallet_id, status=Hold.Status.OPEN)
    kept = (shares_of(opening_entry(hold)).get(grant.pk) for hold in holds)
    return sum(share.held for share in kept if share)
