"""A session ends everywhere at once: by logging out, from another device, with the password, with the account."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import User
from accounts.sessions import BEGAN
from accounts.tests.conftest import PASSWORD


@pytest.fixture
def phone(alice: User) -> Client:
    """Alice's other browser."""
    phone = Client()
    phone.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    return phone


def is_in(browser: Client) -> bool:
    return browser.get("/settings/profile/").status_code == 200


def test_a_stolen_cookie_is_worth_nothing_after_the_logout(browser_of_alice: Client) -> None:
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = browser_of_alice.cookies[settings.SESSION_COOKIE_NAME].value
    assert is_in(thief)
    browser_of_alice.post("/accounts/logout/")
    assert not is_in(thief)


def test_a_login_takes_a_key_that_nobody_knew_before(alice: User) -> None:
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = "k" * 32
    browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert is_in(browser)
    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != "k" * 32


def test_alice_ends_her_other_sessions(browser_of_alice: Client, phone: Client) -> None:
    assert is_in(phone)
    browser_of_alice.get("/accounts/sessions/")
    browser_of_alice.post("/accounts/sessions/")
    assert (is_in(browser_of_alice), is_in(phone)) == (True, False)


def test_alice_ends_one_of_her_other_sessions(browser_of_alice: Client, phone: Client, alice: User) -> None:
    tablet = Client()
    tablet.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert "Log out<span" in browser_of_alice.get("/accounts/sessions/").content.decode()
    row = UserSession.objects.get(session_key=phone.session.session_key)
    answer = browser_of_alice.post(f"/settings/sessions/{row.pk}/end/")
    assert answer["Location"] == "/accounts/sessions/"
    assert (is_in(browser_of_alice), is_in(phone), is_in(tablet)) == (True, False, True)
    assert browser_of_alice.post(f"/settings/sessions/{row.pk}/end/").status_code == 404


def test_nobody_ends_a_session_of_somebody_else_or_the_one_they_are_in(browser_of_alice: Client, phone: Client) -> None:
    bob = User.objects.create_user("bob@example.com", PASSWORD)
    browser_of_bob = Client()
    browser_of_bob.force_login(bob)
    for row in UserSession.objects.all():
        assert browser_of_bob.post(f"/settings/sessions/{row.pk}/end/").status_code == 404
    own = UserSession.objects.get(session_key=phone.session.session_key)
    assert phone.post(f"/settings/sessions/{own.pk}/end/").status_code == 404
    assert is_in(phone)


def test_a_session_ends_fourteen_days_after_its_login_however_much_it_is_used(phone: Client) -> None:
    day = 86_400
    session = phone.session
    assert session.get_expiry_age() > 14 * day - 60
    session[BEGAN] -= 13 * day
    session.save()
    phone.post("/settings/profile/", {"name": "Alice", "time_zone": "UTC"})
    over = Session.objects.get(pk=phone.session.session_key).expire_date
    assert timedelta(hours=23) < over - timezone.now() < timedelta(hours=25)
    assert is_in(phone)

    session = phone.session
    session[BEGAN] -= 2 * day
    session.save()
    assert not is_in(phone)


def test_logins_are_in_the_log_by_number(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="accounts.receivers")
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.email, "password": "wrong, as it happens"})
    browser.post("/accounts/login/", {"login": "nobody@example.com", "password": PASSWORD})
    browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    browser.post("/accounts/logout/")
    told = [record.getMessage() for record in caplog.records if record.name == "accounts.receivers"]
    assert told == [
        "A login failed.",
        "A login failed.",
        f"Person {alice.pk} logged in by password.",
        f"Person {alice.pk} logged out.",
    ]


def test_a_new_password_ends_every_session(browser_of_alice: Client, phone: Client) -> None:
    new = "another long passphrase"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert browser_of_alice.post("/accounts/password/change/", form).status_code == 302
    assert not is_in(phone)


def test_an_account_that_is_switched_off_is_out_at_once(alice: User, browser_of_alice: Client) -> None:
    alice.is_active = False
    alice.save()
    assert not is_in(browser_of_alice)
    answer = browser_of_alice.get("/settings/billing/balance/?shown=1-0", headers={"hx-request": "true"})
    assert (answer.status_code, answer["HX-Trigger"]) == (204, "signed-out")


def test_guessing_stops_after_five_wrong_passwords_for_known_and_unknown_addresses_alike(alice: User) -> None:
    for email, address in ((alice.email, "203.0.113.1"), ("nobody@example.com", "203.0.113.2")):
        visitor = Client(REMOTE_ADDR=address)
        for _ in range(5):
            page = visitor.post("/accounts/login/", {"login": email, "password": "wrong"}).content.decode()
            assert "belong together" in page
        stopped = visitor.post("/accounts/login/", {"login": email, "password": PASSWORD})
        assert stopped.status_code == 200
        assert "Too many attempts" in stopped.content.decode()


def test_one_visitor_s_mistakes_lock_nobody_else_out_behind_a_proxy(alice: User, settings: object) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1  # type: ignore[attr-defined]
    attacker, alices = "6.6.6.6, 203.0.113.6", "203.0.113.5"
    for number in range(12):
        form = {"login": f"guess{number}@example.com", "password": "wrong"}
        last = Client().post("/accounts/login/", form, headers={"x-forwarded-for": attacker})
    assert "Too many attempts" in last.content.decode()
    form = {"login": alice.email, "password": PASSWORD}
    assert Client().post("/accounts/login/", form, headers={"x-forwarded-for": alices}).status_code == 302


def test_a_new_secret_key_without_the_old_one_ends_every_session(browser_of_alice: Client, phone: Client) -> None:
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[old]):
        assert (is_in(browser_of_alice), is_in(phone)) == (True, True)
    with override_settings(SECRET_KEY="m" * 50, SECRET_KEY_FALLBACKS=[]):
        assert (is_in(browser_of_alice), is_in(phone)) == (False, False)
