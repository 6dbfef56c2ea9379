"""Subscriptions at Stripe: the plan follows what is paid there, whichever event told of it (decisions 15 to 17)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from billing import gateway
from billing.errors import StripeNotFound, StripeUnavailable, UnexpectedPayment
from billing.gateway.facts import InvoiceFacts, LineFacts, SubscriptionFacts
from billing.models import Message, Purchase, StripePrice, StripeSubscription, Subscription
from billing.services import customers, inbox, outbox, purchases, subscriptions
from billing.services.cycles import FREE
from billing.services.ledger import Books, lock_wallet
from billing.services.purchases import Payment
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A subscription and its paid invoices, as Stripe had them after `started_at`."""

    started_at: datetime
    subscription: SubscriptionFacts
    invoices: tuple[InvoiceFacts, ...]


def fetch(stripe_subscription_id: str, *, now: datetime, invoice: InvoiceFacts | None = None) -> Fetched:
    """Ask Stripe for a subscription and what was paid for it lately; `invoice` is one to look at however old it is.

    Raises StripeUnavailable, StripeNotFound, StripeRefused.
    """
    subscription = gateway.fetch_subscription(stripe_subscription_id)
    invoices = {found.id: found for found in gateway.invoices_of_subscription(stripe_subscription_id)}
    if invoice is not None:
        invoices[invoice.id] = invoice
    paid = [found for found in invoices.values() if found.is_paid]
    return Fetched(now, subscription, tuple(_with_payments(sorted(paid, key=lambda each: each.created_at))))


def fetch_invoice(invoice_id: str, *, now: datetime) -> Fetched | None:
    """Ask Stripe for an invoice's subscription and all that was paid for it; None when no subscription sent it."""
    invoice = gateway.fetch_invoice(invoice_id)
    return fetch(invoice.subscription_id, now=now, invoice=invoice) if invoice.subscription_id else None


def sync(*, stripe_subscription_id: str, now: datetime) -> str:
    """Make a wallet's plan and its allowances what Stripe says now; return what changed, in words, or nothing."""
    return apply(fetch(stripe_subscription_id, now=now), now=now)


def sync_invoice(*, invoice_id: str, now: datetime) -> str:
    """Do what `sync` does for the subscription that an invoice belongs to."""
    fetched = fetch_invoice(invoice_id, now=now)
    return apply(fetched, now=now) if fetched else ""


@in_one_transaction
def apply(fetched: Fetched, *, now: datetime) -> str:
    """Grant what was paid and not granted yet, then let the plan follow the subscription's status.

    Safe twice and in any order: a fetch that began before the one that was applied last tells nothing of the status;
    what it saw paid stays paid. Returns what changed, in words. Raises UnexpectedPayment for a subscription of nobody
    we know, or of something we don't sell.
    """
    facts = fetched.subscription
    if not any(_sells_ours(fetched)) and not _is_known(facts):
        return ""
    wallet_id = customers.wallet_id_of(facts.customer_id)
    if wallet_id is None:
        raise UnexpectedPayment(f"{facts.id} belongs to {facts.customer_id}, who is none of our customers.")
    lock_wallet(wallet_id)
    row = _locked_row(wallet_id, facts)
    is_overtaken = False
    if row.synced_at is not None and row.synced_at > fetched.started_at:
        is_overtaken = True
    else:
        _write_down(row, fetched)
    done = [
        _begin(row, invoice, line, sold, now=now)
        for invoice in fetched.invoices
        for line, sold in _plan_lines(row, invoice)
        if not Purchase.objects.filter(wallet_id=wallet_id, business_key=purchases.line_key(line)).exists()
    ]
    done.append(_follow_status(row, now=now))
    if is_overtaken:
        done.append(inbox.OVERTAKEN)
    return " ".join(filter(None, done))


def is_paying(wallet_id: int) -> bool:
    """Whether a subscription at Stripe collects money for this wallet, or tries to."""
    return StripeSubscription.objects.filter(wallet_id=wallet_id, status__in=StripeSubscription.LIVE).exists()


def _begin(row: StripeSubscription, invoice: InvoiceFacts, line: LineFacts, sold: StripePrice, *, now: datetime) -> str:
    """Begin the period that a paid line buys, or only grant its credits where something else decides the plan."""
    if sold.plan is None:
        raise AssertionError("A plan's price names its plan.")
    key = purchases.line_key(line)
    grant = subscriptions.begin_bought_period(
        wallet_id=row.wallet_id,
        plan=sold.plan,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        business_key=key,
        payer=row,
        now=now,
    )
    payment = Payment(
        cents=invoice.paid_cents,
        paid_at=invoice.paid_at or invoice.created_at,
        stripe_payment_intent_id=invoice.payment_intent_id,
        stripe_invoice_id=invoice.id,
    )
    purchases.record(wallet_id=row.wallet_id, business_key=key, sold=sold, grant=grant, payment=payment, now=now)
    return f"{sold.plan.name} paid until {line.ends_at:%Y-%m-%d %H:%M} UTC."


def _write_down(row: StripeSubscription, fetched: Fetched) -> None:
    facts = fetched.subscription
    row.price = StripePrice.objects.filter(stripe_price_id=facts.price_id, plan__isnull=False).first()
    row.status = facts.status
    row.cancel_at = facts.cancel_at
    row.current_period_ends_at = facts.current_period_ends_at
    if facts.current_period_ends_at is None and facts.status in StripeSubscription.LIVE:
        logger.warning("%s has no period at Stripe; its plan goes by what its invoices say was paid.", facts.id)
    row.synced_at = fetched.started_at
    row.save()


def _follow_status(row: StripeSubscription, *, now: datetime) -> str:
    """Let the wallet's plan follow the subscription that pays for it; any other one changes nothing while it does."""
    plan = Subscription.objects.get(wallet_id=row.wallet_id)
    is_payer = plan.stripe_subscription_id == row.pk
    if is_payer and row.status in StripeSubscription.OVER:
        if taken_over := _hand_over(row, now=now):
            return taken_over
        subscriptions.return_to_free(wallet_id=row.wallet_id, now=now)
        return "Back on Free."
    if not is_payer:
        return _hand_over(row, now=now) if plan.plan_id == FREE else ""
    if row.status not in StripeSubscription.LIVE:
        logger.warning("%s has a status we don't know: %s. The plan stays.", row, row.status)
        return ""
    return _take_status(row, _plan_status(row, plan), now=now)


def _hand_over(row: StripeSubscription, *, now: datetime) -> str:
    """Let another subscription carry the plan on whose present period is paid; return that in words, or nothing."""
    other = subscriptions.hand_over(wallet_id=row.wallet_id, now=now)
    if other is None:
        return ""
    return f"{other.stripe_subscription_id} pays from now on. {_follow_status(other, now=now)}".strip()


def _plan_status(row: StripeSubscription, plan: Subscription) -> Subscription.Status:
    """Return what a live subscription at Stripe means for the plan; untold, its period is the one that was paid."""
    ends_at = row.current_period_ends_at or plan.period_ends_at
    if row.status in {"past_due", "paused"}:
        return Subscription.Status.PAST_DUE
    if row.cancel_at is not None and row.cancel_at <= ends_at:
        return Subscription.Status.CANCELLING
    return Subscription.Status.ACTIVE


def _take_status(row: StripeSubscription, status: Subscription.Status, *, now: datetime) -> str:
    """Give the plan a status and tell its owner, unless it had it; return the status in words, or nothing."""
    with settled_books(row.wallet_id, now=now) as books:
        subscription = books.subscription
        before = subscription.status
        if before == status or subscription.stripe_subscription_id != row.pk:
            return ""
        subscription.status = status
        subscription.save(update_fields=["status"])
        _tell(books, row, before)
    return f"{status.label}."


def _tell(books: Books, row: StripeSubscription, before: str) -> None:
    subscription = books.subscription
    ends_at = subscription.period_ends_at.isoformat()
    now = books.posted_at
    name = f"{row.stripe_subscription_id}:{ends_at}"
    if subscription.status == Subscription.Status.PAST_DUE:
        kind, key, facts = Message.Kind.PAYMENT_FAILED, f"payment_failed:{name}", {"period_ends_at": ends_at}
    elif subscription.status == Subscription.Status.CANCELLING or before == Subscription.Status.CANCELLING:
        change = "cancelling" if subscription.status == Subscription.Status.CANCELLING else "resumed"
        kind, key = Message.Kind.PLAN_CHANGED, f"{change}:{name}:{now:%Y-%m-%dT%H:%M:%S}"
        facts = {"change": change, "ends_at": ends_at}
    else:
        return
    outbox.tell(wallet=books.wallet, kind=kind, key=key, now=now, plan=subscription.plan_id, **facts)


def _locked_row(wallet_id: int, facts: SubscriptionFacts) -> StripeSubscription:
    row, _ = StripeSubscription.objects.select_for_update().get_or_create(
        stripe_subscription_id=facts.id, defaults={"wallet_id": wallet_id, "status": facts.status}
    )
    if row.wallet_id != wallet_id:
        raise UnexpectedPayment(f"{facts.id} changed hands from wallet {row.wallet_id} to wallet {wallet_id}.")
    return row


def _plan_lines(row: StripeSubscription, invoice: InvoiceFacts) -> list[tuple[LineFacts, StripePrice]]:
    """Return what an invoice buys of ours; what a person has to look at keeps no plan from ending."""
    try:
        return purchases.plan_lines(invoice)
    except UnexpectedPayment as problem:
        if row.status not in StripeSubscription.OVER:
            raise
        logger.warning("%s is over. %s", row, problem)
        return []


def _is_known(facts: SubscriptionFacts) -> bool:
    return StripeSubscription.objects.filter(stripe_subscription_id=facts.id).exists()


def _sells_ours(fetched: Fetched) -> Iterable[bool]:
    ours = _our_prices()
    yield fetched.subscription.price_id in ours
    for invoice in fetched.invoices:
        yield _bills_ours(invoice, ours)


def _our_prices() -> set[str]:
    return set(StripePrice.objects.filter(plan__isnull=False).values_list("stripe_price_id", flat=True))


def _bills_ours(invoice: InvoiceFacts, ours: set[str]) -> bool:
    return any(line.price_id in ours for line in invoice.lines)


def _with_payments(invoices: Iterable[InvoiceFacts]) -> Iterable[InvoiceFacts]:
    """Ask for the payment of each invoice of ours that we haven't written down yet."""
    ours = _our_prices()
    for invoice in invoices:
        keys = {purchases.line_key(line) for line in invoice.lines if line.price_id in ours and not line.is_proration}
        if not invoice.paid_cents or Purchase.objects.filter(business_key__in=keys).count() == len(keys):
            yield invoice
            continue
        payment_intent_id = _payment_of(invoice)
        if invoice.charged_cents and not payment_intent_id:
            raise StripeUnavailable(f"Stripe doesn't tell yet which payment paid {invoice.id}.")
        yield replace(invoice, payment_intent_id=payment_intent_id)


def _payment_of(invoice: InvoiceFacts) -> str:
    try:
        return gateway.payment_of_invoice(invoice.id)
    except StripeNotFound:
        return ""
