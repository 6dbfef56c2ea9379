"""Five more people, each in a state that the sample customers are not in: for pictures, and nobody else."""

from datetime import datetime, timedelta

from accounts.models import User
from billing import metering
from billing.models import Export, Subscription, Wallet
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import custom
from billing.services import wallets
from billing.services.exports import LASTS
from sandbox.sample_data import people
from sandbox.sample_data.people import Person
from sandbox.sample_data.sales import sales_of

NORA = Person("nora@cleverai.example", "Nora Lind", "Europe/Oslo", "Free")
OSCAR = Person("oscar@cleverai.example", "Oscar Ruiz", "Europe/Madrid", "Free")
PAULA = Person("paula@cleverai.example", "Paula Costa", "Europe/Lisbon", "Pro")
SUE = Person("sue@cleverai.example", "Sue Park", "Asia/Seoul", "Free")
FARAH = Person("farah@cleverai.example", "Farah Aziz", "Asia/Karachi", "Free")
EVERYBODY = (NORA, OSCAR, PAULA, SUE, FARAH)


def load(*, now: datetime) -> None:
    """Create whom there isn't yet: new, out of credits, with a failed payment, suspended, with files."""
    password = people.hashed_password()
    stories = (None, _use_all, _fail_to_pay, _be_suspended, _ask_for_files)
    for person, tell in zip(EVERYBODY, stories, strict=True):
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


def _ask_for_files(user: User, now: datetime) -> None:
    """Ask for three files: one is no longer kept, one is ready, and one is being written by a worker that is slow."""
    metering.charge(wallet=user.wallet, feature="gpt-4o", quantity=2_453, key="state:chat", now=now)
    first = now - timedelta(days=400)
    states: list[dict[str, object]] = [
        {"status": Export.Status.EXPIRED, "ready_at": now - LASTS * 2, "expires_at": now - LASTS},
        {
            "status": Export.Status.READY,
            "stored_as": "farah.xlsx",
            "size": 12_600_000,
            "sha256": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            "ready_at": now,
            "expires_at": now + LASTS,
        },
        {"status": Export.Status.WRITING, "lines_written": 71_250, "attempts": 1, "next_attempt_at": now + LASTS},
    ]
    for number, state in enumerate(states):
        wanted = Wanted(user.wallet, What.STATEMENT, custom((first - timedelta(days=number)).date(), now.date()))
        _file(user.wallet, wanted, str(number), now, state)


def _file(wallet: Wallet, wanted: Wanted, fingerprint: str, now: datetime, state: dict[str, object]) -> None:
    Export.objects.create(
        wallet=wallet, what=wanted.what, file_format=Format.XLSX, asked=wanted.as_json, fingerprint=fingerprint,
        lines=120_400, created_at=now, **state,
    )  # fmt: skip
