"""No user reaches another's data (G19): each route × a visitor, another customer, staff without the right.

The routes are read from the URL patterns: one that has no row in `routes.py` fails.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from string import Formatter

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import metering
from billing.models import (
    ApiKey,
    Chatbot,
    Checkout,
    ContractRequest,
    EntryNote,
    Export,
    Grant,
    LedgerEntry,
    MailPreference,
    Message,
    Notice,
    Pack,
    Purchase,
    StripePrice,
    SupportRequest,
    Wallet,
)
from billing.services import chatbots, grants, support
from billing.tests.exports.keeping import offered
from billing.tests.keys import go_pro, key_of
from cleverai.tests.routes import EVERYBODY, OWNER, ROWS, SIGNED_IN, STAFF, STAFF_WITHOUT_RIGHTS, Row, patterns

PATTERNS = patterns()
STAFF_PATTERNS = [pattern for pattern in PATTERNS if pattern.startswith(STAFF)]
CANARY = "alice-the-canary"
AT_ONCE = 20
HER_IP = "203.0.113.77"
LOGIN, STAFF_LOGIN = "/accounts/login/", "/admin/login/"
# It answers programs with a challenge, and sends a browser that wandered here to the login page's own button.
PASSKEY_LOGIN = "accounts/2fa/webauthn/login/"
# Whoever has the link out of Alice's own mail is told which address it confirms.
OUT_OF_HER_MAIL = r"accounts/^confirm-email/(?P<key>[-:\w]+)/$"

#: What an address may name, and how to find the one that is Alice's.
NUMBERS: dict[str, Callable[[User], object]] = {
    "entry": lambda alice: LedgerEntry.objects.filter(wallet=alice.wallet).latest("sequence").sequence,
    "notice": lambda alice: Notice.objects.filter(wallet=alice.wallet).latest("pk").pk,
    "export": lambda alice: Export.objects.filter(wallet=alice.wallet).latest("pk").pk,
    "checkout": lambda alice: Checkout.objects.filter(wallet=alice.wallet).latest("created_at").pk,
    "purchase": lambda alice: Purchase.objects.filter(wallet=alice.wallet).latest("pk").pk,
    "api_key": lambda alice: ApiKey.objects.filter(wallet=alice.wallet).latest("pk").pk,
    "chatbot": lambda alice: Chatbot.objects.filter(wallet=alice.wallet).latest("pk").pk,
    "session": lambda alice: UserSession.objects.filter(user=alice, ip=HER_IP).values_list("pk", flat=True).first(),
    "security_key": lambda alice: Authenticator.objects.get(user=alice, type=Authenticator.Type.WEBAUTHN).pk,
    "confirmation": lambda alice: EmailConfirmationHMAC(EmailAddress.objects.filter(user=alice).latest("pk")).key,
}


@pytest.fixture
def alice(db: None) -> User:
    """Alice with something of everything: entries, a purchase, a chatbot, a notice, a staff note, keys, a log line."""
    now = timezone.now()
    user = User.objects.create_user(f"{CANARY}@example.com", "a long passphrase", name="Alice", joined_at=now)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    metering.charge(wallet=user.wallet, feature="gpt-4o-mini", quantity=97_000, key=CANARY, now=now)
    grants.adjust(wallet_id=user.wallet.pk, amount=3_000, reason=CANARY, actor=user, key=f"goodwill:{CANARY}", now=now)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": CANARY, "credential": {}})
    _log_in_elsewhere(user)
    go_pro(user, now=now)
    buy_something(user, now)
    offered(user.wallet, now=now, source=CANARY)
    chatbots.create(wallet_id=user.wallet.pk, name=CANARY, model="gpt-4o-mini", now=now)
    key_of(user, now=now, name=CANARY)
    support.ask(wallet=user.wallet, topic="", subject=CANARY, message=CANARY, now=now)
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Wallet),
        object_id=str(user.wallet.pk),
        object_repr=CANARY,
        action_flag=CHANGE,
    )
    return user


def buy_something(user: User, now: datetime) -> None:
    """Give somebody a pack, and the Checkout that it came from, which nobody needs to ask Stripe about."""
    pack = Pack.objects.first()
    price = StripePrice.objects.create(
        stripe_price_id=CANARY, lookup_key=f"pack_{pack.pk}", pack=pack, cents=10_00, amount=pack.amount, added_at=now
    )
    checkout = Checkout.objects.create(
        wallet=user.wallet,
        price=price,
        thing=price.lookup_key,
        status=Checkout.Status.EXPIRED,
        stripe_session_id=CANARY,
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    grant = grants.issue(
        wallet_id=user.wallet.pk, source=Grant.Source.PURCHASE, amount=pack.amount, business_key=CANARY, now=now
    )
    Purchase.objects.create(
        wallet=user.wallet,
        business_key=CANARY,
        pack=pack,
        grant=grant,
        cents=price.cents,
        stripe_session_id=checkout.stripe_session_id,
        paid_at=now,
        fulfilled_at=now,
    )


@pytest.fixture
def bob(db: None) -> User:
    """Another customer, with less in his books than Alice has in hers."""
    return User.objects.create_user("bob@example.com", "a long passphrase", joined_at=timezone.now())


@pytest.fixture
def sam(db: None) -> User:
    """A member of staff whom nobody gave a right yet."""
    return User.objects.create_user("sam@example.com", "a long passphrase", is_staff=True, joined_at=timezone.now())


def browser_of(user: User) -> Client:
    if user.is_staff:
        return staff_browser(user)
    browser = Client()
    browser.force_login(user)
    return browser


def address_of(row: Row, alice: User) -> str:
    """Return a row's address with Alice's own numbers in it."""
    named = [name for _, name, *_ in Formatter().parse(row.address) if name]
    return row.address.format(**{name: NUMBERS[name](alice) for name in named})


def staff_address_of(pattern: str, alice: User) -> str:
    """Return the address of a page of the admin that is about Alice, or about some row where none is hers."""
    found = re.match(r"admin/(\w+)/(\w+)/", pattern)
    model = apps.get_model(found[1], found[2]) if found and "<path:object_id>" in pattern else None
    row = None
    if model is not None:
        hers = next((name for name in ("wallet", "user") if name in {field.name for field in model._meta.fields}), "")
        owner = {"wallet": alice.wallet, "user": alice}
        row = alice if model is User else model._default_manager.filter(**({hers: owner[hers]} if hers else {})).first()
    address = pattern.replace("<path:object_id>", str(row.pk) if row else "1").replace(
        "<int:wallet_id>", str(alice.wallet.pk)
    )
    address = address.replace("<path:content_type_id>", "1")
    return "/" + re.sub(r"\^\(\?P<app_label>.*\)/\$", "billing/", address).replace("(?P<url>.*)$", "nowhere")


def _log_in_elsewhere(user: User) -> None:
    """Let a phone of theirs be logged in: a session without anything behind it is tidied away by whoever lists them."""
    phone = Client(REMOTE_ADDR=HER_IP, headers={"user-agent": CANARY})
    phone.force_login(user)
    phone.get("/goodbye/")


def what_alice_has() -> list[object]:
    """Return everything of Alice's that somebody else's request must not have touched."""
    alice = User.objects.get(email__startswith=CANARY)
    return [
        alice.password,
        alice.is_active,
        Wallet.objects.values().get(owner=alice),
        list(alice.wallet.entries.order_by("sequence").values_list("sequence", "available_after")),
        list(Notice.objects.filter(wallet=alice.wallet).values()),
        list(Export.objects.filter(wallet=alice.wallet).values()),
        list(Message.objects.filter(wallet=alice.wallet).values()),
        list(MailPreference.objects.filter(wallet=alice.wallet).values()),
        list(Checkout.objects.filter(wallet=alice.wallet).values()),
        list(Purchase.objects.filter(wallet=alice.wallet).values()),
        list(ContractRequest.objects.filter(wallet=alice.wallet).values()),
        list(Chatbot.objects.filter(wallet=alice.wallet).values()),
        list(ApiKey.objects.filter(wallet=alice.wallet).values()),
        list(SupportRequest.objects.filter(wallet=alice.wallet).values()),
        list(EntryNote.objects.filter(entry__wallet=alice.wallet).values()),
        list(Authenticator.objects.filter(user=alice).values()),
        list(EmailAddress.objects.filter(user=alice).values()),
        list(UserSession.objects.filter(user=alice, ip=HER_IP).values()),
    ]


def shown_in(answer: HttpResponse) -> str:
    """Return what an answer says, a file's contents too."""
    return answer.getvalue().decode(errors="replace")


def leads_to(answer: HttpResponse, address: str) -> bool:
    return answer.status_code == 302 and answer["Location"].partition("?")[0] == address


def test_every_route_has_a_row() -> None:
    mine = [pattern for pattern in PATTERNS if not pattern.startswith(STAFF)]
    assert sorted(mine) == sorted(ROWS)
    assert len(STAFF_PATTERNS) > len(STAFF_WITHOUT_RIGHTS)
    assert set(STAFF_PATTERNS) >= STAFF_WITHOUT_RIGHTS


def asked(alice: User, patterns: Iterable[str]) -> Iterator[str]:
    """Yield patterns to ask for, and check now and then that nothing of Alice's has changed meanwhile."""
    before, since = what_alice_has(), []
    for pattern in patterns:
        yield pattern
        since.append(pattern)
        if len(since) == AT_ONCE:
            assert what_alice_has() == before, since
            since = []
    assert what_alice_has() == before, since


def browsers_of(user: User | None) -> Iterator[Client]:
    """Yield one and the same browser as long as somebody is signed in there, then another one."""
    browser = browser_of(user) if user else Client()
    while True:
        yield browser
        if user and SESSION_KEY not in browser.session:
            browser = browser_of(user)


def test_a_visitor_is_led_to_the_login_everywhere_else(alice: User) -> None:
    for pattern in asked(alice, ROWS):
        row = ROWS[pattern]
        address = address_of(row, alice)
        for answer in (Client().get(address), Client().post(address)):
            if row.seen_by == EVERYBODY:
                assert not leads_to(answer, LOGIN) or pattern == PASSKEY_LOGIN, pattern
            else:
                assert leads_to(answer, LOGIN), pattern
            assert CANARY not in shown_in(answer) or pattern == OUT_OF_HER_MAIL, pattern


def test_another_customer_finds_nothing_of_alice_s(alice: User, bob: User) -> None:
    browsers = browsers_of(bob)
    for pattern in asked(alice, ROWS):
        row = ROWS[pattern]
        address = address_of(row, alice)
        for answer in (next(browsers).get(address), next(browsers).post(address)):
            assert answer.status_code < 500, pattern
            assert CANARY not in shown_in(answer) or pattern == OUT_OF_HER_MAIL, pattern
            if row.seen_by == OWNER:
                # A foreign notice is answered like one that is dismissed twice; keys ask for the password first.
                assert answer.status_code in {302, 404, 405}, pattern
            if row.seen_by in {SIGNED_IN, OWNER}:
                assert not leads_to(answer, LOGIN), pattern


@pytest.mark.parametrize("who", ["visitor", "another customer"])
def test_nobody_but_staff_gets_into_the_admin(alice: User, bob: User, who: str) -> None:
    browsers = browsers_of(bob if who == "another customer" else None)
    for pattern in asked(alice, STAFF_PATTERNS):
        address = staff_address_of(pattern, alice)
        for answer in (next(browsers).get(address), next(browsers).post(address)):
            outside = answer.status_code in {403, 404} or leads_to(answer, STAFF_LOGIN) or leads_to(answer, LOGIN)
            assert outside or pattern == "admin/logout/", pattern
            assert CANARY not in shown_in(answer), pattern


def test_staff_without_the_right_see_nothing(alice: User, sam: User) -> None:
    browsers = browsers_of(sam)
    for pattern in asked(alice, STAFF_PATTERNS):
        seen = next(browsers).get(staff_address_of(pattern, alice))
        if leads_to(seen, "/admin/") and pattern not in STAFF_WITHOUT_RIGHTS:
            continue  # a row that isn't there leads back to the index, which is empty for Sam
        if seen.status_code == 302 and pattern not in STAFF_WITHOUT_RIGHTS:
            seen = next(browsers).get(seen["Location"])
        assert seen.status_code in {403, 404, 405} or pattern in STAFF_WITHOUT_RIGHTS, pattern
        assert CANARY not in shown_in(seen), pattern
    assert CANARY not in shown_in(next(browsers).get("/admin/"))


def test_staff_without_the_right_change_nothing(alice: User, sam: User) -> None:
    browsers = browsers_of(sam)
    for pattern in asked(alice, STAFF_PATTERNS):
        sent = next(browsers).post(staff_address_of(pattern, alice))
        assert sent.status_code in {302, 403, 404, 405} or pattern in STAFF_WITHOUT_RIGHTS, pattern
        assert CANARY not in shown_in(sent), pattern
