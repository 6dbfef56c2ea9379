"""Nobody enters the staff's pages without a second step that was used in this session, and not long ago."""

import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from accounts import second_step
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.second_step import let_time_pass, staff_browser
from accounts.tests.test_two_step import code_of

pytestmark = pytest.mark.django_db
ADMIN, PEOPLE = "/admin/", "/admin/accounts/user/?q=alice"
ASKED = "/accounts/2fa/reauthenticate/"
MINUTE = 60


@pytest.fixture
def stella(db: None) -> User:
    """A superuser who has no second step yet."""
    stella = User.objects.create_superuser("stella@example.com", PASSWORD)
    EmailAddress.objects.create(user=stella, email=stella.email, verified=True, primary=True)
    return stella


@pytest.fixture
def secret(stella: User) -> str:
    """The key in Stella's authenticator app, with recovery codes beside it."""
    secret = generate_totp_secret()
    TOTP.activate(stella, secret)
    RecoveryCodes.activate(stella)
    return secret


def log_in(user: User) -> Client:
    browser = Client()
    assert browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code == 302
    return browser


def test_whoever_has_none_is_told_and_led_to_set_one_up(stella: User) -> None:
    browser = log_in(stella)
    page = browser.get(PEOPLE, follow=True)
    assert page.redirect_chain[-1][0].startswith("/admin/login/")
    assert "A second step first" in page.content.decode()
    assert "/accounts/2fa/totp/activate/" in page.content.decode()

    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = browser.get("/accounts/2fa/totp/activate/").context["form"].secret
    answer = browser.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)}, follow=True)
    assert "Go on to the staff’s pages" in answer.content.decode()
    assert browser.get(ADMIN, follow=True).redirect_chain[-1][0] == f"{ASKED}?next=%2Fadmin%2F", "then it is asked for"


def test_a_login_with_a_code_is_enough(stella: User, secret: str) -> None:
    browser = log_in(stella)
    assert browser.get(PEOPLE, follow=True).redirect_chain[-1][0] == "/accounts/2fa/authenticate/"
    browser.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert browser.get(ADMIN).status_code == 200


def test_a_password_alone_never_is(stella: User, secret: str) -> None:
    browser = Client()
    browser.force_login(stella)
    answer = browser.get(PEOPLE, follow=True)
    assert answer.redirect_chain[-1][0].startswith(ASKED)
    assert "second step" in answer.content.decode()
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert browser.get(PEOPLE).status_code == 302
    assert browser.post(ASKED, {"code": "000000", "next": PEOPLE}).status_code == 200
    assert browser.get(PEOPLE).status_code == 302
    assert browser.post(ASKED, {"code": code_of(secret), "next": PEOPLE})["Location"] == PEOPLE
    assert browser.get(PEOPLE).status_code == 200


def test_a_recovery_code_counts_once(stella: User, secret: str) -> None:
    code = Authenticator.objects.get(user=stella, type="recovery_codes").wrap().get_unused_codes()[0]
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(stella)
        browser.post(ASKED, {"code": code})
    assert [browser.get(ADMIN).status_code for browser in browsers] == [200, 302]


def test_whoever_has_a_key_alone_is_asked_for_the_key(stella: User) -> None:
    Authenticator.objects.create(user=stella, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "credential": {}})
    RecoveryCodes.activate(stella)
    browser = Client()
    browser.force_login(stella)
    assert browser.get("/admin/login/")["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/")


def test_a_step_that_was_taken_away_opens_nothing_any_more(stella: User) -> None:
    browser = staff_browser(stella)
    assert browser.get(ADMIN).status_code == 200
    Authenticator.objects.filter(user=stella).delete()
    assert browser.get(ADMIN).status_code == 302


def test_somebody_else_s_step_is_no_step_of_hers(stella: User, alice: User) -> None:
    browser = staff_browser(stella)
    session = browser.session
    session["account_authentication_methods_user"] = str(alice.pk)
    session.save()
    assert browser.get(ADMIN).status_code == 302


def test_half_an_hour_without_a_click_asks_again(stella: User) -> None:
    browser = staff_browser(stella)
    for _ in range(3):
        let_time_pass(browser, seconds=29 * MINUTE)
        assert browser.get(ADMIN).status_code == 200
    let_time_pass(browser, seconds=30 * MINUTE)
    assert browser.get(PEOPLE)["Location"].startswith("/admin/login/")
    assert browser.get("/settings/profile/").status_code == 200, "the rest of CleverAI stays open"


def test_so_does_a_working_day_however_busy(stella: User) -> None:
    browser = staff_browser(stella)
    session = browser.session
    session["account_authentication_methods"][0]["at"] -= second_step.LONGEST_SECONDS
    session["staff_active_at"] = time.time()
    session.save()
    assert browser.get(ADMIN).status_code == 302


def test_a_form_that_was_sent_too_late_goes_on_after_the_code(stella: User, alice: User, secret: str) -> None:
    browser = staff_browser(stella, enforce_csrf_checks=True)
    address = f"/admin/accounts/user/{alice.pk}/change/"
    token = browser.get(address).context["csrf_token"]
    form = {"name": "Alicia", "time_zone": "Europe/Berlin", "is_active": "on", "csrfmiddlewaretoken": str(token)}
    let_time_pass(browser, seconds=31 * MINUTE)
    answer = browser.post(address, form)
    assert answer["Location"].startswith(ASKED)
    alice.refresh_from_db()
    assert alice.name == "Alice"

    sent = {"code": code_of(secret), "next": address, "csrfmiddlewaretoken": str(token)}
    assert browser.post(ASKED, sent)["Location"] == "/admin/accounts/user/"
    alice.refresh_from_db()
    assert alice.name == "Alicia"


def test_nobody_is_led_to_another_site(stella: User) -> None:
    browser = staff_browser(stella)
    for goal in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert browser.get("/admin/login/", {"next": goal})["Location"] == ADMIN


def test_customers_are_asked_nothing(alice: User, browser_of_alice: Client) -> None:
    assert browser_of_alice.get("/admin/login/").status_code == 403
    assert browser_of_alice.get("/settings/profile/").status_code == 200
