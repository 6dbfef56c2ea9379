"""What is done after somebody has left: a last mail, an end at Stripe, and names that go. The row is the truth.

Nothing of it can be done in the transaction that parts a wallet from its owner, so that a worker does it, and tries
again until it is done. Stripe is never given up: who has left must not be charged again.
"""

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from billing import emails, gateway
from billing.errors import StripeNotFound
from billing.models import Customer, Farewell
from billing.services import checkouts, customers, departures, erasure
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction

logger = logging.getLogger(__name__)

#: After so many attempts the last mail is given up, and the address with it: two days.
MAIL_ATTEMPTS = 12
LONGEST_DELAY = timedelta(hours=6)
#: For so long a claimed farewell is one worker's.
CLAIM = timedelta(minutes=2)
BATCH = 100
LONGEST_ERROR = 500
SAY = "billing.tasks.say_farewell"


@in_one_transaction
def begin(*, wallet_id: int, address: str, now: datetime) -> Farewell:
    """Part a wallet from its owner (`departures.leave`), and write down what is left to do; return that.

    `address` gets the last mail. Doing it again changes nothing.
    """
    lock_wallet(wallet_id)
    departures.leave(wallet_id=wallet_id, now=now)
    defaults = {"left_at": now, "address": address, "next_attempt_at": now}
    return Farewell.objects.get_or_create(wallet_id=wallet_id, defaults=defaults)[0]


def due(*, now: datetime) -> list[int]:
    """Return the farewells to go on with by `now`, those that have waited longest first.

    A customer whom Stripe made for a wallet after its farewell was over, because the request was under way, is found
    here too.
    """
    waiting = Farewell.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at", "pk")
    late = Farewell.objects.filter(finished_at__isnull=False, wallet__customer__stripe_customer_id__isnull=False)
    return [pk for rows in (waiting, late.order_by("pk")) for pk in rows.values_list("pk", flat=True)[:BATCH]]


def go_on(*, farewell_id: int, now: datetime) -> bool:
    """Do what is left of a farewell, each part whether or not another fails; return whether nothing is left.

    Must run outside a transaction: Stripe and a mail server are waited for. A crash after the mail repeats it once.
    """
    farewell = _claim(farewell_id=farewell_id, now=now)
    if farewell is None:
        return False
    problems = []
    for part in (_mail, _end_at_stripe, _forget_names):
        try:
            part(farewell, now=now)
        except Exception as error:  # whatever one part's trouble is, the others are due as well
            problems.append(f"{part.__name__.strip('_')}: {type(error).__name__}")
            logger.warning("Farewell %s has to wait (%s).", farewell.pk, problems[-1])
    if problems:
        _postpone(farewell, error=", ".join(problems), now=now)
        return False
    return bool(_mine(farewell).update(finished_at=now, next_attempt_at=None, address="", error=""))


def _claim(*, farewell_id: int, now: datetime) -> Farewell | None:
    """Count one attempt and keep other workers off meanwhile; None when it isn't due, or another has it."""
    row = Farewell.objects.filter(pk=farewell_id)
    waiting = row.filter(Q(next_attempt_at__lte=now) | Q(finished_at__isnull=False))
    if not waiting.update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM, finished_at=None):
        return None
    return row.get()


def _postpone(farewell: Farewell, *, error: str, now: datetime) -> None:
    """Write down why an attempt came to nothing and when the next one is due: after 1, 3, 9 … minutes to six hours."""
    delay = min(timedelta(minutes=3 ** min(farewell.attempts - 1, 10)), LONGEST_DELAY)
    if farewell.attempts >= MAIL_ATTEMPTS:
        logger.error("Farewell %s isn't over after %s attempts (%s).", farewell.pk, farewell.attempts, error)
    _mine(farewell).update(next_attempt_at=now + delay, error=error[:LONGEST_ERROR])


def _mine(farewell: Farewell) -> QuerySet[Farewell]:
    """Return the row while this worker's claim on it holds: another one has counted a further attempt."""
    return Farewell.objects.filter(pk=farewell.pk, attempts=farewell.attempts, finished_at=None)


def _mail(farewell: Farewell, *, now: datetime) -> None:
    """Send the last mail and forget the address; forget it as well where the mail is given up."""
    if not farewell.address:
        return
    try:
        emails.farewell(farewell)
    except Exception as error:  # whatever it is, the address must not wait for it for ever
        if farewell.attempts < MAIL_ATTEMPTS:
            raise
        logger.error("The last mail of farewell %s is given up (%s).", farewell.pk, type(error).__name__)
    farewell.address = ""
    Farewell.objects.filter(pk=farewell.pk).update(address="")


def _end_at_stripe(farewell: Farewell, *, now: datetime) -> None:
    """Close what could still be paid and delete the customer: subscriptions end with them."""
    checkouts.close_all(wallet_id=farewell.wallet_id, now=now)
    customer = Customer.objects.filter(wallet_id=farewell.wallet_id).exclude(stripe_customer_id=None).first()
    if customer is None or customer.stripe_customer_id is None:
        return
    with suppress(StripeNotFound):  # it was deleted there already
        gateway.delete_customer(customer.stripe_customer_id)
    customers.forget_customer(stripe_customer_id=customer.stripe_customer_id, now=now)


def _forget_names(farewell: Farewell, *, now: datetime) -> None:
    erasure.forget_step_names(wallet_id=farewell.wallet_id)
