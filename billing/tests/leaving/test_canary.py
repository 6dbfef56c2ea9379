"""Of whoever has left no word is anywhere: no table, no cache key, no file and no line of the log has it.

One strange string stands in every text that a person can write, that staff or Stripe can write about one, and that a
browser sends by itself. Then the account is deleted, the clockwork runs, and everything is searched.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.test import Client
from psycopg import sql

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import metering, tasks
from billing.metering import Node
from billing.models import (
    ApiKey,
    Chatbot,
    Checkout,
    ContractRequest,
    Departure,
    Dispute,
    EntryNote,
    Export,
    LedgerEntry,
    MailPreference,
    Message,
    Refund,
    StripeEvent,
    SupportRequest,
    UsageLine,
    Wallet,
)
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.services import (
    api_keys,
    chatbots,
    contracts,
    departures,
    exports,
    grants,
    messages,
    proof,
    refunds,
    support,
    wallets,
)
from billing.services.export_writing import storage
from billing.tests.leaving.conftest import NOW, PASSWORD, logged_in
from billing.tests.people import books, sign_up
from billing.tests.stripe.shop import Shop

CANARY = "kanarie7vogel"
EMAIL = f"{CANARY}@example.com"
#: An address that nobody else has, for what takes nothing but one.
ADDRESS = "2001:db8:7a:9::71"
TRACES = (CANARY, CANARY.upper(), ADDRESS)
#: Columns that no erasing reaches, because callers give them to charges and history can't be changed: they have to be
#: names of requests and of what used something, never of people (docs/security.md).
CALLERS = {"key", "source", "detail"}


TABLES = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"


@pytest.fixture
def canary(db: None, stripe: Shop, stella: User, files: Path) -> User:
    """A customer whose every word is the canary, who has paid, asked, been refunded, been suspended and been told."""
    user = User.objects.create_user(EMAIL, PASSWORD, name=f"{CANARY} {CANARY}", joined_at=stripe.now())
    wallet, now = user.wallet, stripe.now()
    stripe.subscribe(user)
    payment = stripe.buy_pack(user)
    stripe.begin_pack(user, pack="pack-5000")
    _use(user, now)
    _write(user, stella, now)
    _be_written_about(user, stella, stripe.payment_of(payment), now)
    stripe.engine.dispute(stripe.payment_of(payment))
    deliver_with_names(stripe)
    _be_acted_on(user, stella)
    tasks.sweep_messages()
    Message.objects.filter(wallet=wallet).update(error=CANARY)
    exported = exports.request(wanted=Wanted(wallet, What.USAGE, None), file_format=Format.CSV, now=now)
    tasks.write_export(exported.pk)
    Export.objects.filter(pk=exported.pk).update(asked={"days": None, "source": CANARY})
    unfinished = Wanted(wallet, What.USAGE, None, source=f"workflow:{CANARY}")
    exports.request(wanted=unfinished, file_format=Format.CSV, now=now)
    wallets.suspend(wallet_id=wallet.pk, reason=f"Because of {CANARY}.", now=now)
    return user


def _use(user: User, now: datetime) -> None:
    nodes = [Node(name=CANARY, feature="web-search", quantity=1), Node(name=f"{CANARY} again")]
    metering.charge_workflow(wallet=user.wallet, workflow="report", nodes=nodes, key="run", now=now)
    bot = chatbots.create(wallet_id=user.wallet.pk, name=CANARY, model="gpt-4o", now=now)
    metering.charge(
        wallet=user.wallet, feature="chatbot-message", priced_as="gpt-4o", quantity=100, key="chat",
        source=f"chatbot:{bot.pk}", now=now,
    )  # fmt: skip
    gone = chatbots.create(wallet_id=user.wallet.pk, name=f"{CANARY} gone", model="gpt-4o", now=now)
    chatbots.delete(wallet_id=user.wallet.pk, chatbot_id=gone.pk, now=now)
    api_keys.create(wallet_id=user.wallet.pk, name=CANARY, scopes=["read"], expires_at=None, created_by=user, now=now)
    metering.hold(wallet=user.wallet, feature="web-search", quantity=1, key="open", now=now)


def _write(user: User, stella: User, now: datetime) -> None:
    wallet = user.wallet
    asked = support.ask(wallet=wallet, topic="", subject=CANARY, message=f"I am {CANARY}.", now=now)
    support.answer(request_id=asked.pk, text=f"Dear {CANARY}", actor=stella, now=now)
    support.ask(wallet=wallet, topic="", subject=f"{CANARY} waits", message=CANARY, now=now)
    wish = contracts.request_contract(wallet=wallet, company=CANARY, monthly_credits=None, message=CANARY, now=now)
    contracts.mail_request(request_id=wish.pk, now=now)
    topic = MailPreference.Topic.NEWS
    messages.set_preference(wallet=wallet, topic=topic, is_wanted=False, now=now)
    EmailAddress.objects.create(user=user, email=f"second-{EMAIL}", verified=False)


def _be_written_about(user: User, stella: User, payment: str, now: datetime) -> None:
    wallet = user.wallet
    grants.adjust(wallet_id=wallet.pk, amount=5_000, reason=f"For {CANARY}", actor=stella, key="gift", now=now)
    purchase = wallet.purchases.get(stripe_payment_intent_id=payment)
    refunds.request(purchase=purchase, cents=100, actor=stella, reason=CANARY, key="refund", now=now)
    rows: list[Model] = [user, wallet, purchase, *SupportRequest.objects.all(), *ContractRequest.objects.all()]
    rows += list(EmailAddress.objects.filter(user=user))
    rows += [*Refund.objects.filter(wallet=wallet), *Message.objects.filter(wallet=wallet)]
    rows += [*EntryNote.objects.filter(entry__wallet=wallet), *Chatbot.objects.filter(wallet=wallet)]
    rows += list(ApiKey.objects.filter(wallet=wallet))
    for row in rows:
        _log(row, stella)


def _log(row: Model, stella: User) -> None:
    LogEntry.objects.create(
        user=stella,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=f"{row} {CANARY}"[:200],
        action_flag=CHANGE,
        change_message=f"Because of {CANARY}.",
    )


def _be_acted_on(user: User, stella: User) -> None:
    """Let staff do on their own pages what leaves a line about a row that doesn't name its wallet."""
    browser = staff_browser(stella)
    key = Authenticator.objects.create(user=user, type="webauthn", data={"name": CANARY, "credential": {}})
    assert browser.post(f"/admin/mfa/authenticator/{key.pk}/delete/", {"post": "yes"}).status_code == 302
    for event in StripeEvent.objects.all():
        _log(event, stella)


def deliver_with_names(stripe: Shop) -> None:
    """Deliver Stripe's events with all that Stripe knows of a person in each, and more than it has ever told."""
    about = {"email": EMAIL, "name": CANARY, "phone": CANARY, "address": {"line1": CANARY}, "customer_name": CANARY}
    for event in deepcopy(stripe.take_events()):
        thing = event["data"]["object"]
        for name in ("customer_details", "billing_details", "shipping", "evidence", "cancellation_details"):
            thing[name] = {**(thing.get(name) or {}), **about}
        for name in ("customer_email", "customer_name", "description", "receipt_email", "statement_descriptor", CANARY):
            thing[name] = CANARY
        thing["metadata"] = {**(thing.get("metadata") or {}), CANARY: CANARY, "thing": f"For {CANARY}"}
        assert stripe.post(event).status_code == 200
    stripe.work()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def everything_kept(files: Path) -> Iterator[tuple[str, str]]:
    """Yield where something stands, and what, of every row of every table, of the cache, and of the kept files."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT to_jsonb(row) FROM {} AS row").format(sql.Identifier(table)))
            for (row,) in cursor.fetchall():
                for column, value in (json.loads(row) if isinstance(row, str) else row).items():
                    yield f"{table}.{column}", json.dumps(value, ensure_ascii=False)
    for session in Session.objects.all():
        yield "a session", json.dumps(session.get_decoded(), default=str)
    store = cache._cache.get_client(write=True)  # type: ignore[attr-defined]
    for key in store.scan_iter(match=f"*{cache.key_prefix}*"):
        yield "a cache key", key.decode(errors="replace")
        yield f"cache {key!r}", (store.get(key) or b"").decode(errors="replace")
    for path in files.rglob("*"):
        yield "a file's name", path.name
        yield f"file {path.name}", path.read_text(errors="replace") if path.is_file() else ""


def found_in(files: Path) -> dict[str, str]:
    """Return where the canary stands, and in what."""
    return {place: text for place, text in everything_kept(files) if any(trace in text for trace in TRACES)}


def test_no_word_of_hers_is_left_anywhere(
    canary: User,
    bob: User,
    stripe: Shop,
    files: Path,
    log: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[list[object]]],
) -> None:
    wallet_id = canary.wallet.pk
    browser = logged_in(canary, **{"user-agent": f"{CANARY}/1.0", "accept-language": CANARY})
    phone = Client(REMOTE_ADDR=ADDRESS, headers={"user-agent": CANARY})
    phone.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    Authenticator.objects.create(user=canary, type=Authenticator.Type.TOTP, data={"secret": CANARY, "name": CANARY})
    browser.get(f"/settings/billing/history/?source={CANARY}", headers={"referer": f"https://{CANARY}.example/"})
    browser.post("/accounts/password/reset/", {"email": EMAIL})
    before, bobs = books(canary.wallet), books(bob.wallet)
    singers = set(found_in(files))
    assert [place for place in singers if place.startswith("cache ")], "her sessions are in the cache"
    assert [place for place in singers if place.startswith("file ")], "a file of hers waits for her"
    assert "a session" in singers
    assert singers >= {
        "accounts_user.email", "accounts_user.name", "account_emailaddress.email", "mfa_authenticator.data",
        "usersessions_usersession.user_agent", "usersessions_usersession.ip", "billing_supportrequest.answer",
        "billing_contractrequest.company", "billing_chatbot.name", "billing_message.recipient", "billing_message.text",
        "billing_apikey.name",
        "billing_message.error", "billing_entrynote.reason", "billing_refund.reason", "billing_export.asked",
        "billing_usageline.name", "billing_wallet.suspension_reason", "django_admin_log.object_repr",
        "django_admin_log.change_message",
    }, "the canary sings before"  # fmt: skip
    assert "billing_stripeevent.payload" not in singers, "what Stripe knows of a person is never written down"

    with django_capture_on_commit_callbacks(execute=True):  # what is in the cache goes then
        assert browser.post(NOW, {"address": EMAIL})["Location"] == "/goodbye/"
    deliver_with_names(stripe)
    tasks.sweep_farewells()
    tasks.sweep_exports()
    deliver_with_names(stripe)
    stripe.reconcile()

    assert found_in(files) == {}
    assert [record.getMessage() for record in log.records if any(trace in log.text for trace in TRACES)] == []
    assert (books(Wallet.objects.get(pk=wallet_id))[: len(before)], books(bob.wallet)) == (before, bobs)
    assert proof.prove() == []
    assert mail.outbox[-1].to == [EMAIL], "the last mail is out, and nothing of it stayed"


def test_no_file_stays_that_a_worker_left_on_its_way(alice: User, bob: User, stripe: Shop, files: Path) -> None:
    """One worker died between storing a file and saying so, one failed for good, and one is still at it."""
    died, failed, late = (
        exports.request(wanted=Wanted(alice.wallet, what, None), file_format=file_format, now=stripe.now())
        for what, file_format in ((What.USAGE, Format.CSV), (What.HISTORY, Format.CSV), (What.USAGE, Format.JSONL))
    )
    Export.objects.filter(pk__in=[died.pk, late.pk]).update(status="writing", attempts=2)
    Export.objects.filter(pk=failed.pk).update(status="failed", attempts=1, next_attempt_at=None)
    for name in (f"{died.pk}.1.csv", f"{died.pk}.2.csv", f"{failed.pk}.1.csv"):
        storage().save(name, ContentFile(CANARY.encode()))
    kept = exports.request(wanted=Wanted(bob.wallet, What.USAGE, None), file_format=Format.CSV, now=stripe.now())
    tasks.write_export(kept.pk)

    departures.leave(wallet_id=alice.wallet.pk, now=stripe.now())
    tasks.sweep_exports()
    storage().save(f"{late.pk}.2.jsonl", ContentFile(CANARY.encode()))
    stripe.wait(exports.CLAIM)
    tasks.sweep_exports()

    assert list(Export.objects.all()) == [kept]
    assert [path.name for path in files.rglob("*") if path.is_file()] == [f"{kept.pk}.1.csv"]


def test_what_the_books_keep_is_complete(canary: User, stripe: Shop, files: Path) -> None:
    wallet_id = canary.wallet.pk
    kept = [UsageLine, Refund, Dispute, Checkout, LedgerEntry, StripeEvent]
    before = [model._default_manager.count() for model in kept]
    logged_in(canary).post(NOW, {"address": EMAIL})
    tasks.sweep_farewells()

    after = [model._default_manager.count() for model in kept]
    assert after == before
    for line in UsageLine.objects.filter(wallet_id=wallet_id):
        assert (line.name, line.cost % 5_000) == ("", 0)
    assert LogEntry.objects.filter(object_repr="Erased", change_message="").count() > 10
    assert set(LogEntry.objects.values_list("user__email", flat=True)) == {"stella@example.com"}


def test_nothing_but_a_name_is_ever_taken_out_of_the_books(alice: User, bob: User, now: datetime) -> None:
    for user in (alice, bob):
        nodes = [Node(name="Look it up", feature="web-search", quantity=1)]
        metering.charge_workflow(wallet=user.wallet, workflow="report", nodes=nodes, key="run", now=now)
    departures.leave(wallet_id=alice.wallet.pk, now=now)
    hers, his = (UsageLine.objects.filter(wallet=user.wallet) for user in (alice, bob))
    for lines, change in (
        (his, {"name": ""}),
        (hers, {"name": "Something else"}),
        (hers, {"name": "", "cost": 0}),
        (hers, {"name": "", "quantity": 2}),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            lines.update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        hers._raw_delete("default")
    assert hers.update(name="") == 1
    assert [(line.name, line.cost) for line in UsageLine.objects.order_by("pk")] == [("", 5_000), ("Look it up", 5_000)]


def test_what_callers_give_to_a_charge_is_theirs_and_stays(alice: User, stripe: Shop, files: Path) -> None:
    """Keys, sources and details are names of requests; a caller who puts a person into them breaks the contract."""
    metering.charge(
        wallet=alice.wallet, feature="gpt-4o", quantity=1, key=CANARY, source=CANARY, detail={"note": CANARY},
        now=stripe.now(),
    )  # fmt: skip
    logged_in(alice).post(NOW, {"address": alice.email})
    tasks.sweep_farewells()
    places = {place.partition(".")[2] for place in found_in(files)}
    assert places == CALLERS


def test_anonymous_sessions_are_forgotten_when_they_are_over(db: None, stripe: Shop) -> None:
    """What somebody types on the way to a login stands in a session that names no account; it goes with its time."""
    Client().post("/accounts/signup/", {"email": EMAIL, "password1": PASSWORD})
    assert Session.objects.exists()
    stripe.wait(timedelta(days=60_000))
    tasks.forget_expired()
    assert not Session.objects.exists()


def test_a_hash_of_an_address_is_forgotten_with_its_month(alice: User, stripe: Shop) -> None:
    logged_in(alice).post(NOW, {"address": alice.email})
    tasks.forget_expired()
    assert Departure.objects.count() == 1
    stripe.advance(days=31)
    tasks.forget_expired()
    assert not Departure.objects.exists()


def test_another_customer_loses_nothing(canary: User, bob: User, stripe: Shop, files: Path) -> None:
    bots = [chatbots.create(wallet_id=bob.wallet.pk, name="Bob's own", model="gpt-4o", now=stripe.now())]
    support.ask(wallet=bob.wallet, topic="", subject="Bob's", message="Mine.", now=stripe.now())
    nodes = [Node(name="Bob's step", feature="web-search", quantity=1)]
    metering.charge_workflow(wallet=bob.wallet, workflow="report", nodes=nodes, key="run", now=stripe.now())
    logged_in(canary).post(NOW, {"address": EMAIL})
    tasks.sweep_farewells()
    assert Chatbot.objects.get(pk=bots[0].pk).name == "Bob's own"
    assert SupportRequest.objects.get().subject == "Bob's"
    assert UsageLine.objects.get(wallet=bob.wallet).name == "Bob's step"
    assert sign_up("carol", at=stripe.now()).wallet.available == 100_000
