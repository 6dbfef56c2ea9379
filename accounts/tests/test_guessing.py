"""Guessing is stopped for each address, each visitor and each account, whatever is guessed at."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
FORMS = {
    "login": ("/accounts/login/", lambda n: {"login": f"guess{n}@example.com", "password": "wrong passphrase"}),
    "reset": ("/accounts/password/reset/", lambda n: {"email": f"guess{n}@example.com"}),
    "sign-up": ("/accounts/signup/", lambda n: {"email": f"guess{n}@example.com", "password1": PASSWORD}),
}


def is_stopped(answer: object) -> bool:
    """Return whether an answer says that there were too many attempts."""
    return answer.status_code == 429 or b"Too many" in answer.content  # type: ignore[attr-defined]


@pytest.mark.parametrize("what", FORMS)
def test_one_visitor_is_stopped_however_many_addresses_are_tried(what: str) -> None:
    address, form = FORMS[what]
    answers = [is_stopped(Client().post(address, form(number))) for number in range(32)]
    assert not any(answers[:9])
    assert answers[-1]
    assert not is_stopped(Client(REMOTE_ADDR="203.0.113.9").post(address, form(99))), "somebody else goes on"


@pytest.mark.parametrize("what", FORMS)
def test_behind_our_proxies_the_visitor_counts_and_not_what_they_claim(what: str, settings: object) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2  # type: ignore[attr-defined]
    address, form = FORMS[what]
    for number in range(32):
        claimed = f"10.0.0.{number}, 203.0.113.6, 198.51.100.1"
        last = Client().post(address, form(number), headers={"x-forwarded-for": claimed})
    assert is_stopped(last)
    other = {"x-forwarded-for": "10.0.0.1, 203.0.113.5, 198.51.100.1"}
    assert not is_stopped(Client().post(address, form(99), headers=other))


def test_one_address_is_mailed_few_links_whoever_asks(alice: User) -> None:
    for number in range(12):
        visitor = Client(REMOTE_ADDR=f"203.0.113.{number}")
        last = visitor.post("/accounts/password/reset/", {"email": alice.email})
    assert is_stopped(last)
    assert len(mail.outbox) == 5


def test_one_account_is_guessed_at_five_times_whoever_guesses(alice: User) -> None:
    wrong = {"login": alice.email, "password": "wrong passphrase"}
    answers = [Client(REMOTE_ADDR=f"203.0.113.{number}").post("/accounts/login/", wrong) for number in range(7)]
    assert [is_stopped(answer) for answer in answers] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("code", ["000000", "00000000"])
def test_a_second_step_is_guessed_at_five_times(alice: User, code: str) -> None:
    TOTP.activate(alice, generate_totp_secret())
    RecoveryCodes.activate(alice)
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    answers = [browser.post("/accounts/2fa/authenticate/", {"code": code}) for _ in range(7)]
    assert [is_stopped(answer) for answer in answers] == [False] * 5 + [True] * 2
    right = RecoveryCodes(Authenticator.objects.get(user=alice, type="recovery_codes")).get_unused_codes()[0]
    assert browser.post("/accounts/2fa/authenticate/", {"code": right}).status_code != 302, "not even right, for now"
    assert browser.get("/settings/profile/").status_code == 302


def test_a_password_asked_for_once_more_is_guessed_at_few_times(browser_of_alice: Client) -> None:
    answers = [browser_of_alice.post("/accounts/reauthenticate/", {"password": "wrong"}) for _ in range(12)]
    assert is_stopped(answers[-1])


def test_a_recovery_code_works_once(alice: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    statuses = []
    for _ in range(2):
        browser = Client()
        browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
        statuses.append(browser.post("/accounts/2fa/authenticate/", {"code": code}).status_code)
    assert statuses == [302, 200]
