"""What must be true when a simulation is over, each checked from another side than the product's own proof, too."""

from collections import Counter
from collections.abc import Iterator

from django.db.models import Q, QuerySet

from billing.models import EntryShare, Grant, LedgerEntry, Message, Purchase, Refund, StripeEvent, Wallet
from billing.periods import period_at, period_start
from billing.services import proof, reconciliation
from sandbox.simulation import Simulation
from sandbox.simulation.statement import statement


def differences(simulation: Simulation) -> list[str]:
    """Return in words everything that isn't as it must be; nothing is the proof."""
    found = [str(difference) for difference in proof.prove()]
    with simulation.machine.running():
        found += _beside_stripe(simulation)
    for check in (_statements, _free_months, _paid_months, _packs, _left_lying):
        found += check(simulation)
    return found


def _beside_stripe(simulation: Simulation) -> Iterator[str]:
    """Stripe has taken and returned what our books say, and a reconciliation finds nothing to do."""
    run = reconciliation.run(now=simulation.machine.now(), since_last_run=False)
    yield from (f"reconciliation: {finding}" for finding in run.findings)
    repairs = {what: number for what, number in run.counts.items() if what.endswith(("repaired", "missed"))}
    yield from (f"reconciliation had to act: {number} {what}" for what, number in repairs.items())
    engine = simulation.machine.engine
    paid = sum(charge["amount"] for charge in engine.all("charge") if charge["status"] == "succeeded")
    booked = {purchase.stripe_payment_intent_id: purchase.cents for purchase in Purchase.objects.all()}
    if paid != sum(booked.values()):
        yield f"Stripe took {paid} cents, and our books say {sum(booked.values())}"
    returned = sum(refund["amount"] for refund in engine.all("refund") if refund["status"] in ("succeeded", "pending"))
    ours = sum(Refund.objects.filter(status__in=Refund.RETURNED).values_list("cents", flat=True))
    if returned != ours:
        yield f"Stripe returned {returned} cents, and our books say {ours}"


def _statements(simulation: Simulation) -> Iterator[str]:
    """The months of every wallet add up to what is in it."""
    for life in simulation.lives:
        for wallet in Wallet.objects.filter(pk__in=life.wallet_ids):
            closing = statement(life, wallet)[-1].closing
            if closing != wallet.posted:
                yield f"{life.name}'s months add up to {closing}, and there are {wallet.posted}"


def _free_months(simulation: Simulation) -> Iterator[str]:
    """Who was on Free all along got one allowance a period, at the moments that the calendar says."""
    changed = Message.objects.filter(kind__in=[Message.Kind.PLAN_STARTED, Message.Kind.PLAN_ENDED])
    for wallet in Wallet.objects.exclude(owner=None).exclude(pk__in=changed.values("wallet")):
        anchor = wallet.subscription.anchor_at
        last = period_at(anchor, simulation.machine.now())
        expected = [period_start(anchor, number) for number in range(last + 1)]
        started = list(_allowances(wallet).values_list("effective_at", flat=True))
        if started != expected[-len(started) :] or len(started) < last:
            yield f"wallet {wallet.pk} was given {len(started)} Free months, and {len(expected)} have begun"


def _paid_months(simulation: Simulation) -> Iterator[str]:
    """Every paid invoice gave one allowance, and no moment began two."""
    engine = simulation.machine.engine
    paid = Counter(invoice["customer"] for invoice in engine.all("invoice", status="paid"))
    for wallet in Wallet.objects.filter(customer__isnull=False).select_related("customer"):
        granted = _allowances(wallet).filter(purchase__isnull=False).count()
        if granted != paid[str(wallet.customer.stripe_customer_id)]:
            yield f"wallet {wallet.pk} was given {granted} paid months, and has paid for others"
    for wallet in Wallet.objects.all():
        starts = Counter(_allowances(wallet).values_list("effective_at", flat=True))
        yield from (f"wallet {wallet.pk} was given {n} allowances at {at}" for at, n in starts.items() if n > 1)


def _packs(simulation: Simulation) -> Iterator[str]:
    """No time, no reset and no change of plans has taken anything of a pack."""
    packs = Grant.objects.filter(source=Grant.Source.PURCHASE)
    expired = Q(kind=LedgerEntry.Kind.EXPIRY, grant__in=packs)
    shares = EntryShare.objects.filter(entry__kind=LedgerEntry.Kind.EXPIRY, grant__in=packs)
    for count in (LedgerEntry.objects.filter(expired).count(), shares.count(), packs.exclude(expires_at=None).count()):
        if count:
            yield f"{count} packs have expired"


def _left_lying(simulation: Simulation) -> Iterator[str]:
    """Nothing is due that isn't done: no wallet, no event, no mail."""
    now = simulation.machine.now()
    undone = {
        "wallets are due": Wallet.objects.filter(next_due_at__lte=now),
        "events aren't handled": StripeEvent.objects.exclude(
            status__in=[StripeEvent.Status.DONE, StripeEvent.Status.IGNORED]
        ),
        "refunds aren't finished": Refund.objects.filter(status=Refund.Status.REQUESTED),
        "mails weren't sent": Message.objects.filter(mail__in=[Message.Mail.WAITING, Message.Mail.FAILED]),
    }
    for what, rows in undone.items():
        if count := rows.count():
            yield f"{count} {what}"


def _allowances(wallet: Wallet) -> QuerySet[Grant]:
    return Grant.objects.filter(wallet=wallet, source=Grant.Source.ALLOWANCE).order_by("effective_at", "pk")
