"""Four more people, each in a state that the sample customers are not in: for pictures, and nobody else."""

from datetime import datetime, timedelta

from accounts.models import User
from billing import metering
from billing.models import Subscription
from billing.services import wallets
from sandbox.sample_data import people
from sandbox.sample_data.people import Person
from sandbox.sample_data.sales import sales_of

NORA = Person("nora@cleverai.example", "Nora Lind", "Europe/Oslo", "Free")
OSCAR = Person("oscar@cleverai.example", "Oscar Ruiz", "Europe/Madrid", "Free")
PAULA = Person("paula@cleverai.example", "Paula Costa", "Europe/Lisbon", "Pro")
SUE = Person("sue@cleverai.example", "Sue Park", "Asia/Seoul", "Free")
EVERYBODY = (NORA, OSCAR, PAULA, SUE)


def load(*, now: datetime) -> None:
    """Create whom there isn't yet: new, out of credits, with a failed payment, suspended."""
    password = people.hashed_password()
    for person, tell in ((NORA, None), (OSCAR, _use_all), (PAULA, _fail_to_pay), (SUE, _be_suspended)):
        if people.can_sign_in(person):
            continue
        joined_at = now if tell is None else now - timedelta(days=6)
        user = people.find_or_create(person, joined_at=joined_at, password=password)
        if tell is not None:
            tell(user, now)
        people.let_sign_in(user)


def _use_all(user: User, now: datetime) -> None:
    metering.charge(wallet=user.wallet, feature="gpt-4o-mini", quantity=84_000, key="state:chat", now=now)
    metering.charge(wallet=user.wallet, feature="gpt-4o", quantity=3_200, key="state:last", now=now)


def _fail_to_pay(user: User, now: datetime) -> None:
    """Subscribe, and let the payment fail as far as our pages know; reconciling with Stripe mends that."""
    sales = sales_of(user.wallet)
    sales.subscribe(now - timedelta(days=5))
    sales.pay(0, now)
    metering.charge(wallet=user.wallet, feature="claude-3.5-sonnet", quantity=41_300, key="state:chat", now=now)
    Subscription.objects.filter(wallet=user.wallet).update(status=Subscription.Status.PAST_DUE)


def _be_suspended(user: User, now: datetime) -> None:
    metering.charge(wallet=user.wallet, feature="gpt-4o", quantity=2_453, key="state:chat", now=now)
    wallets.suspend(wallet_id=user.wallet.pk, reason="A card that was reported stolen.", now=now)
