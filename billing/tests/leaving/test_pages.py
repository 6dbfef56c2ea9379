"""Alice deletes her account: what she is told before, what it takes, and what is left of her login."""

import re
from datetime import datetime

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from accounts.models import User
from billing import metering, tasks
from billing.models import Departure, Farewell, Wallet
from billing.services import chatbots, support
from billing.tests.exports.keeping import offered
from billing.tests.leaving.conftest import LEAVE, NOW, PASSWORD, logged_in
from billing.tests.people import books, give
from billing.tests.stripe.shop import Shop


def words(answer: object) -> str:
    page = answer.content.decode()  # type: ignore[attr-defined]
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def test_she_sees_exactly_what_she_would_lose(alice: User, stripe: Shop) -> None:
    now = stripe.now()
    stripe.subscribe(alice)
    stripe.buy_pack(alice)
    give(alice.wallet, 2_500, now=now, source="promotional")
    metering.hold(wallet=alice.wallet, feature="web-search", quantity=1, key="open", now=now)
    for name in ("One", "Two"):
        chatbots.create(wallet_id=alice.wallet.pk, name=name, model="gpt-4o", now=now)
    offered(alice.wallet, now=now)
    support.ask(wallet=alice.wallet, topic="", subject="Why?", message="Tell me.", now=now)

    page = words(logged_in(alice).get(LEAVE))

    for told in (
        "4,995 credits left of this cycle’s monthly credits",
        "1,000 credits that you bought",
        "2.5 credits that we gave you",
        "The result of 1 piece of work under way, for which 5 credits are set aside",
        "Your Pro plan, which would have lasted until 10 Apr 2025. It ends at once, nothing more is charged",
        "2 chatbots. They stop answering at once",
        "1 exported file ",
        "1 question to us without an answer yet",
        "A fingerprint of your address until 10 Apr 2025, 00:00",
        "A last mail goes to alice@example.com",
        "This can’t be undone",
    ):
        assert told in page, told


def test_who_has_nothing_is_threatened_with_nothing(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(LEAVE))
    assert "100 credits left of this cycle’s monthly credits" in page
    for untold in ("that you bought", "under way", "chatbot", "exported", "nothing more is charged", "contract"):
        assert untold not in page, untold


def test_a_login_alone_does_not_do(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert browser.get(LEAVE)["Location"].startswith("/accounts/reauthenticate/")
    answer = browser.post(NOW, {"address": alice.email})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert User.objects.filter(pk=alice.pk).exists()

    answer = browser.post("/accounts/reauthenticate/?next=" + NOW, {"password": PASSWORD, "next": NOW})
    assert answer["Location"] == "/goodbye/", "the click goes on where it was interrupted"
    assert not User.objects.filter(pk=alice.pk).exists()


@pytest.mark.parametrize("typed", ["", "bob@example.com", "alice", "alice@example.com\x00", "x" * 300, "Al\u200bice"])
def test_another_address_deletes_nothing(browser_of_alice: Client, alice: User, typed: str) -> None:
    answer = browser_of_alice.post(NOW, {"address": typed})
    assert answer.status_code == 200
    assert answer.context["form"].errors["address"]
    assert "What you lose" in words(answer)
    alice.refresh_from_db()
    assert alice.wallet.owner == alice
    assert not Farewell.objects.exists()


def test_who_has_no_wallet_is_told_so(db: None) -> None:
    rita = User.objects.create_user("rita@example.com", PASSWORD)
    Wallet.objects.filter(owner=rita).update(owner=None)
    browser = logged_in(rita)
    for answer in (browser.get(LEAVE), browser.post(NOW, {"address": "x"}), browser.post(NOW, {"address": rita.email})):
        assert answer.status_code == 404
    assert User.objects.filter(pk=rita.pk).exists()


def test_nothing_is_deleted_by_looking(browser_of_alice: Client, alice: User) -> None:
    assert browser_of_alice.get(NOW).status_code == 405
    assert browser_of_alice.head(LEAVE).status_code == 200
    assert User.objects.filter(pk=alice.pk).exists()


def test_her_login_goes_with_every_session_and_step(alice: User, bob: User) -> None:
    browser, phone, other = logged_in(alice), logged_in(alice), logged_in(bob)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Blue", "credential": {}})
    before = books(bob.wallet), UserSession.objects.filter(user=bob).count()
    wallet_id = alice.wallet.pk

    answer = browser.post(NOW, {"address": " ALICE@example.com "})

    assert answer["Location"] == "/goodbye/"
    assert "Your account is deleted" in words(browser.get("/goodbye/"))
    for seat in (browser, phone):
        assert seat.get("/settings/profile/")["Location"].startswith("/accounts/login/")
    assert not User.objects.filter(email=alice.email).exists()
    assert not Authenticator.objects.exists()
    assert not EmailAddress.objects.filter(email=alice.email).exists()
    assert (UserSession.objects.count(), Session.objects.count()) == (1, 1)
    assert Wallet.objects.get(pk=wallet_id).owner is None
    assert (books(bob.wallet), UserSession.objects.filter(user=bob).count()) == before
    assert other.get("/settings/profile/").status_code == 200


def test_a_second_click_says_goodbye_too(browser_of_alice: Client, alice: User) -> None:
    form = {"address": alice.email}
    assert browser_of_alice.post(NOW, form)["Location"] == "/goodbye/"
    assert browser_of_alice.post(NOW, form)["Location"] == "/goodbye/"
    assert Client().post(NOW)["Location"] == "/goodbye/"
    assert Farewell.objects.count() == 1


def test_whoever_is_logged_in_is_told_no_farewell(browser_of_alice: Client) -> None:
    assert browser_of_alice.get("/goodbye/")["Location"] == "/settings/data/"


def test_a_last_mail_leaves_once_and_the_address_is_forgotten(browser_of_alice: Client, alice: User) -> None:
    browser_of_alice.post(NOW, {"address": alice.email})
    mail.outbox.clear()
    for _ in range(2):
        tasks.sweep_farewells()

    (message,) = mail.outbox
    assert (message.to, message.subject) == (["alice@example.com"], "Your CleverAI account is deleted")
    assert "nothing more is charged" in message.body
    assert "Alice" not in message.body
    farewell = Farewell.objects.get()
    assert (farewell.address, farewell.next_attempt_at) == ("", None)
    assert farewell.finished_at is not None


def test_the_last_superuser_stays(stella: User, now: datetime) -> None:
    browser = logged_in(stella)
    answer = browser.post(NOW, {"address": stella.email})
    assert "You are the only superuser" in words(answer)
    assert User.objects.filter(pk=stella.pk, is_active=True).exists()

    User.objects.create_superuser("olga@example.com", PASSWORD, joined_at=now)
    assert browser.post(NOW, {"address": stella.email})["Location"] == "/goodbye/"


def test_the_same_address_can_sign_up_again_and_gets_no_second_month(browser_of_alice: Client, alice: User) -> None:
    old = alice.wallet.pk
    browser_of_alice.post(NOW, {"address": alice.email})
    again = User.objects.create_user(alice.email, PASSWORD)
    assert again.wallet.pk != old
    assert again.wallet.available == 0
    assert Departure.objects.count() == 1
