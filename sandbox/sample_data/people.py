"""Who the sample users are, and how to sign in as them."""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from accounts.models import User
from billing.staff_groups import BILLING, SUPPORT

PASSWORD = "clever-credits-demo"


@dataclass(frozen=True, slots=True)
class Person:
    """A sample user. `plan` is what the table of sign-ins says about them; staff without a group may do everything."""

    email: str
    name: str
    time_zone: str
    plan: str
    is_staff: bool = False
    group: str = ""


ALICE = Person("alice@cleverai.example", "Alice Moreau", "Europe/Paris", "Free")
BOB = Person("bob@cleverai.example", "Bob Tanaka", "America/New_York", "Pro")
CARLA = Person("carla@cleverai.example", "Carla Weiss", "Europe/Berlin", "Enterprise")
STELLA = Person("stella@cleverai.example", "Stella Okafor", "Europe/London", "staff: everything", is_staff=True)
SIMON = Person("simon@cleverai.example", "Simon Berg", "Europe/Oslo", "staff: support", is_staff=True, group=SUPPORT)
BELLA = Person("bella@cleverai.example", "Bella Rossi", "Europe/Rome", "staff: billing", is_staff=True, group=BILLING)
EVERYBODY = (ALICE, BOB, CARLA, STELLA, SIMON, BELLA)


def can_sign_in(person: Person) -> bool:
    """Return whether somebody has confirmed this address: the last step of creating a sample user."""
    return bool(EmailAddress.objects.filter(email=person.email, verified=True).exists())


def let_sign_in(user: User) -> None:
    """Confirm the user's address."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def let_work(person: Person) -> None:
    """Give a member of staff what they may do, and the second step that the staff's pages ask for."""
    user = User.objects.get(email=person.email)
    user.groups.set(Group.objects.filter(name=person.group))
    if not Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists():
        TOTP.activate(user, generate_totp_secret())


def hashed_password() -> str:
    """Return the hash that all sample users share: hashing is slow on purpose, and once is enough here."""
    return make_password(PASSWORD)


def find_or_create(person: Person, *, joined_at: datetime, password: str) -> User:
    """Return the user; a new one joined at `joined_at`. `password` is hashed."""
    user, _ = User.objects.get_or_create(
        email=person.email,
        defaults={
            "name": person.name,
            "time_zone": person.time_zone,
            "is_staff": person.is_staff,
            "is_superuser": person.is_staff and not person.group,
            "joined_at": joined_at,
            "password": password,
        },
    )
    return user


def sign_in_table(staff_url: str, codes_url: str) -> str:
    """Return the lines that tell how to sign in as each of them; staff find their second step at `codes_url`."""
    rows = [("Sign in as", "Password", "Plan")]
    rows += [(person.email, PASSWORD, person.plan) for person in EVERYBODY]
    lines = [f"  {email:<26}{password:<23}{plan}" for email, password, plan in rows]
    return "\n".join([*lines, f"  Staff pages: {staff_url} · the codes they ask for: {codes_url}"])
