"""Our books beside Stripe's: what was missed is made up for, and what can't be explained is left to a person."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from django.db.models import Count

from billing import gateway
from billing.errors import MeteringError, PaymentError, StripeNotFound, StripeUnavailable
from billing.gateway.facts import EventFacts, InvoiceFacts, SessionFacts
from billing.models import (
    Checkout,
    Dispute,
    Purchase,
    ReconciliationRun,
    Refund,
    StripeEvent,
    StripePrice,
    StripeSubscription,
)
from billing.queue import hint
from billing.selectors import leaving
from billing.services import checkouts, disputes, inbox, paid_subscriptions, purchases, refunds

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: So long Stripe keeps its events: a first run looks back this far.
KEPT = timedelta(days=30)
#: Clocks differ, and lists may lag behind what happened.
OVERLAP = timedelta(hours=2)
#: A session is created up to a day before it is paid, an invoice an hour or more.
CREATED_BEFORE = timedelta(days=2)
#: A renewal that Stripe hasn't collected by then was missed by us, or is late.
RENEWAL_IS_LATE = timedelta(hours=2)
STAYS_WRONG = timedelta(hours=1)
BATCH = 100


@dataclass
class Tally:
    """What a run went through, which sessions and invoices it saw paid, and what it found, in words."""

    counts: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    paid: set[str] = field(default_factory=set)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a figure."""
        self.counts[what] = self.counts.get(what, 0) + number

    def find(self, words: str) -> None:
        """Leave something to a person, once."""
        if words not in self.findings:
            self.findings.append(words)

    def repaired(self, what: str, row: str, repair: Callable[[], object]) -> bool:
        """Run a repair and return whether it came through; what it can't do is a finding, and stops no other repair.

        Raises StripeUnavailable, which stops them all.
        """
        try:
            repair()
        except StripeUnavailable:
            raise
        except (PaymentError, MeteringError) as error:
            self.find(f"{row} can't be brought into our books: {error}")
        except Exception as error:
            logger.exception("%s can't be repaired.", row)
            self.find(f"{row} can't be brought into our books ({type(error).__name__}); the log says why.")
        else:
            self.count(what)
            return True
        return False


def run(*, now: datetime, since_last_run: bool = True) -> ReconciliationRun:
    """Compare with Stripe all since the last whole run, repair what is safe, and return what was done and found.

    Without a run before, or on demand, it looks as far back as Stripe keeps events.

    Safe twice, and beside webhooks: it calls what they call. The events that were missed are in the inbox afterwards.
    A run that Stripe didn't answer to its end has no `finished_at`; the next one looks back just as far.
    """
    tally = Tally()
    since = _since(now) if since_last_run else now - KEPT
    this = ReconciliationRun.objects.create(started_at=now)
    try:
        this.last_event_id = _receive_missed_events(tally, since=since, now=now)
        _repair_sessions(tally, since=since, now=now)
        _repair_invoices(tally, since=since, now=now)
        _repair_refunds(tally, since=since, now=now)
        _repair_disputes(tally, since=since, now=now)
        _close_checkouts(tally, now=now)
        _look_at_late_renewals(tally, now=now)
        _find_grants_without_payment(tally, since=since)
        _find_second_subscriptions(tally)
        _find_payments_after_leaving(tally)
        this.finished_at = now
    except PaymentError as error:
        tally.find(f"Stripe couldn't be asked to the end: {error}")
    _find_events_in_trouble(tally, now=now)
    this.counts, this.findings = tally.counts, tally.findings
    this.save()
    return this


def latest() -> ReconciliationRun | None:
    """Return the newest run that got anywhere, or None before the first; one under way has found nothing yet."""
    return ReconciliationRun.objects.exclude(finished_at=None, findings=[]).order_by("-started_at", "-pk").first()


def _since(now: datetime) -> datetime:
    """Return how far back to look: to the last whole run, or to what it saw last where Stripe's clock is behind."""
    last = ReconciliationRun.objects.filter(finished_at__isnull=False).order_by("-started_at", "-pk").first()
    if last is None:
        return now - KEPT
    seen_at = StripeEvent.objects.filter(stripe_event_id=last.last_event_id).values_list("occurred_at", flat=True)
    return max(min(last.started_at, seen_at.first() or last.started_at) - OVERLAP, now - KEPT)


def _receive_missed_events(tally: Tally, *, since: datetime, now: datetime) -> str:
    """Put into the inbox what never reached it; return the id of the newest event that Stripe told of."""
    newest = ""
    for batch in _batches(gateway.events_since(since, inbox.TYPES)):
        newest = batch[-1].id
        tally.count("events seen", len(batch))
        known = set(
            StripeEvent.objects.filter(stripe_event_id__in=[event.id for event in batch]).values_list(
                "stripe_event_id", flat=True
            )
        )
        for event in batch:
            if event.id not in known:
                tally.repaired("events missed", f"Event {event.id}", partial(_receive, event, now=now))
    return newest


def _receive(event: EventFacts, *, now: datetime) -> None:
    event_id = inbox.receive(event=event, via=StripeEvent.Via.RECONCILIATION, now=now)
    if event_id is not None:
        hint("billing.tasks.handle_stripe_event", event_id)


def _repair_sessions(tally: Tally, *, since: datetime, now: datetime) -> None:
    """Fulfil the sessions that were completed and not followed."""
    for batch in _batches(gateway.sessions_since(since - CREATED_BEFORE)):
        tally.count("sessions seen", len(batch))
        tally.paid |= {session.id for session in batch if session.is_paid}
        for session in _not_followed(batch):
            row = f"Checkout Session {session.id}"
            sync = partial(checkouts.sync_session, session_id=session.id, now=now)
            if tally.repaired("sessions repaired", row, sync) and any(_not_followed([session])):
                tally.find(f"{row} is complete, and our books don't show it.")


def _not_followed(sessions: list[SessionFacts]) -> list[SessionFacts]:
    """Return those of our paid sessions whose credits, subscription or state we don't have."""
    ours = _our_prices()
    granted = _fulfilled(_session_key(session.id) for session in sessions)
    subscriptions = StripeSubscription.objects.filter(
        stripe_subscription_id__in=[session.subscription_id for session in sessions]
    ).values_list("stripe_subscription_id", flat=True)
    behind = Checkout.objects.filter(stripe_session_id__in=[session.id for session in sessions]).exclude(
        status=Checkout.Status.COMPLETE
    )
    done = granted | {_session_key(session.id) for session in sessions if session.subscription_id in set(subscriptions)}
    done -= {_session_key(session_id or "") for session_id in behind.values_list("stripe_session_id", flat=True)}
    return [
        session
        for session in sessions
        if session.is_paid and ours & set(session.price_ids) and _session_key(session.id) not in done
    ]


def _repair_invoices(tally: Tally, *, since: datetime, now: datetime) -> None:
    """Grant the allowances that were paid for and not issued."""
    for batch in _batches(gateway.paid_invoices_since(since - CREATED_BEFORE)):
        tally.count("invoices seen", len(batch))
        tally.paid |= {invoice.id for invoice in batch if invoice.is_paid}
        for invoice in _not_granted(batch):
            row = f"Invoice {invoice.id}"
            sync = partial(paid_subscriptions.sync_invoice, invoice_id=invoice.id, now=now)
            if tally.repaired("invoices repaired", row, sync) and any(_not_granted([invoice])):
                tally.find(f"{row} is paid, and nothing was granted for it.")


def _not_granted(invoices: list[InvoiceFacts]) -> list[InvoiceFacts]:
    """Return the paid invoices with a line of ours that bought nothing yet."""
    ours = _our_prices()
    keys = {
        purchases.line_key(line): invoice
        for invoice in invoices
        for line in invoice.lines
        if invoice.is_paid and not line.is_proration and line.price_id in ours
    }
    missing = {invoice.id: invoice for key, invoice in keys.items() if key not in _fulfilled(keys)}
    return list(missing.values())


def _repair_refunds(tally: Tally, *, since: datetime, now: datetime) -> None:
    """Follow the refunds that we don't know, or know differently."""
    for batch in _batches(gateway.refunds_since(since - CREATED_BEFORE)):
        tally.count("refunds seen", len(batch))
        rows = Refund.objects.filter(stripe_refund_id__in=[refund.id for refund in batch])
        known = set(rows.values_list("stripe_refund_id", "status", "cents"))
        for refund in batch:
            if (refund.id, refund.status, refund.cents) not in known and _is_our_payment(refund.payment_intent_id):
                sync = partial(refunds.sync_refund, refund_id=refund.id, now=now)
                tally.repaired("refunds repaired", f"Refund {refund.id}", sync)


def _repair_disputes(tally: Tally, *, since: datetime, now: datetime) -> None:
    """Follow the disputes that we don't know, or know differently."""
    for batch in _batches(gateway.disputes_since(since - CREATED_BEFORE)):
        tally.count("disputes seen", len(batch))
        rows = Dispute.objects.filter(stripe_dispute_id__in=[dispute.id for dispute in batch])
        known = set(rows.values_list("stripe_dispute_id", "status", "withdrawn_cents"))
        for dispute in batch:
            state = (dispute.id, dispute.status, dispute.withdrawn_cents)
            if state not in known and _is_our_payment(dispute.payment_intent_id):
                sync = partial(disputes.sync_dispute, dispute_id=dispute.id, now=now)
                tally.repaired("disputes repaired", f"Dispute {dispute.id}", sync)


def _close_checkouts(tally: Tally, *, now: datetime) -> None:
    """Look at what is open here although Stripe has closed it by now."""
    stale = Checkout.objects.filter(
        status__in=[Checkout.Status.OPEN, Checkout.Status.PROCESSING],
        stripe_session_id__isnull=False,
        expires_at__lt=now - OVERLAP,
    )
    for checkout in stale.order_by("expires_at")[:BATCH]:
        sync = partial(checkouts.sync, checkout=checkout, now=now)
        tally.repaired("checkouts looked at", f"Checkout {checkout.pk}", sync)


def _look_at_late_renewals(tally: Tally, *, now: datetime) -> None:
    """Look at subscriptions whose next period should have been paid by now."""
    late = StripeSubscription.objects.filter(
        status__in=StripeSubscription.LIVE, current_period_ends_at__lt=now - RENEWAL_IS_LATE
    )
    for row in late.order_by("synced_at")[:BATCH]:
        subscription_id = row.stripe_subscription_id
        sync = partial(paid_subscriptions.sync, stripe_subscription_id=subscription_id, now=now)
        tally.repaired("late renewals looked at", f"Subscription {subscription_id}", sync)


def _find_grants_without_payment(tally: Tally, *, since: datetime) -> None:
    """Report recent purchases that Stripe has no payment for; grants without a purchase are the proof's affair."""
    for purchase in Purchase.objects.filter(fulfilled_at__gte=since).order_by("pk").iterator(BATCH):
        tally.count("purchases checked")
        seen = {purchase.stripe_invoice_id, purchase.stripe_session_id} & tally.paid
        if not seen and not _is_paid_at_stripe(purchase):
            tally.find(
                f"Purchase {purchase.pk} of wallet {purchase.wallet_id} ({purchase.business_key}) granted credits,"
                " and Stripe has no such payment."
            )


def _find_second_subscriptions(tally: Tally) -> None:
    """Report who pays for two plans at once: each grants its credits, and one of them is likely a mistake."""
    live = StripeSubscription.objects.filter(status__in=StripeSubscription.LIVE)
    twice = live.values("wallet_id").annotate(number=Count("pk")).filter(number__gt=1)
    for wallet_id in twice.order_by("wallet_id").values_list("wallet_id", flat=True):
        names = live.filter(wallet_id=wallet_id).order_by("pk").values_list("stripe_subscription_id", flat=True)
        tally.find(f"Wallet {wallet_id} pays for several subscriptions at once: {', '.join(names)}.")


def _find_payments_after_leaving(tally: Tally) -> None:
    """Report what was paid for a wallet after its owner had left: nobody can use it."""
    for purchase in leaving.paid_after_leaving(limit=BATCH):
        tally.find(
            f"Purchase {purchase.pk} of wallet {purchase.wallet_id} was paid after its owner had left: refund it."
        )


def _is_paid_at_stripe(purchase: Purchase) -> bool:
    try:
        if purchase.stripe_invoice_id:
            return gateway.fetch_invoice(purchase.stripe_invoice_id).is_paid
        return bool(purchase.stripe_session_id) and gateway.fetch_session(purchase.stripe_session_id).is_paid
    except StripeNotFound:
        return False


def _find_events_in_trouble(tally: Tally, *, now: datetime) -> None:
    """Report the events that were given up, and those that have failed for a while."""
    for event in StripeEvent.objects.filter(status=StripeEvent.Status.FAILED).order_by("-pk")[:BATCH]:
        tally.find(f"Event {event.stripe_event_id} ({event.type}) was given up: {event.error}")
    failing = StripeEvent.objects.filter(status=StripeEvent.Status.PENDING, received_at__lt=now - STAYS_WRONG)
    for event in failing.exclude(error="").order_by("-pk")[:BATCH]:
        tally.find(f"Event {event.stripe_event_id} ({event.type}) still fails: {event.error}")


def _session_key(session_id: str) -> str:
    return f"checkout_session:{session_id}"


def _our_prices() -> set[str]:
    return set(StripePrice.objects.values_list("stripe_price_id", flat=True))


def _fulfilled(keys: Iterable[str]) -> set[str]:
    return set(Purchase.objects.filter(business_key__in=list(keys)).values_list("business_key", flat=True))


def _is_our_payment(payment_intent_id: str) -> bool:
    """Whether a payment bought something of ours, as far as we know after the sessions and invoices were repaired."""
    return bool(payment_intent_id) and Purchase.objects.filter(stripe_payment_intent_id=payment_intent_id).exists()


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
