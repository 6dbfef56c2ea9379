"""Nobody finds out who has an account: not from what is answered, and not from how much work an answer takes."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from accounts.models import User
from accounts.tests.conftest import PASSWORD

UNKNOWN = "nobody@example.com"


class CountingHasher(MD5PasswordHasher):
    """A hasher that counts how often it is made to work: with a real one, that is what takes the time."""

    algorithm = "counting"
    worked = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).worked += 1
        return super().encode(password, salt)


@pytest.fixture
def alice(db: None, settings: object) -> User:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]  # type: ignore[attr-defined]
    user = User.objects.create_user("alice@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


#: What differs from one answer to the next, whoever asks.
EACH_TIME_ANOTHER = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w+|"challenge": "[^"]+"')
FORMS = {
    "login": ("/accounts/login/", "login", {"password": "wrong passphrase"}),
    "reset": ("/accounts/password/reset/", "email", {}),
    "sign-up": ("/accounts/signup/", "email", {"password1": "another passphrase"}),
}


def ask(what: str, email: str) -> tuple[int, list[tuple[str, int]], str, list[str]]:
    """Return how much hashing an answer took, where it leads, what it says and which cookies it sets."""
    address, name, more = FORMS[what]
    CountingHasher.worked = 0
    browser = Client()
    answer = browser.post(address, {name: email, **more}, follow=True)
    text = EACH_TIME_ANOTHER.sub("", answer.content.decode().replace(email, "…"))
    return CountingHasher.worked, answer.redirect_chain, text, sorted(browser.cookies)


@pytest.mark.parametrize("what", FORMS)
def test_a_known_and_an_unknown_address_are_answered_alike_with_the_same_work(alice: User, what: str) -> None:
    known, unknown = ask(what, alice.email), ask(what, UNKNOWN)
    assert known == unknown
    assert known[0] > 0 or what == "reset"


@pytest.mark.parametrize("what", FORMS)
@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}], ids=["switched-off", "without-password"])
def test_a_strange_account_is_answered_like_none(alice: User, what: str, change: dict[str, object]) -> None:
    User.objects.filter(pk=alice.pk).update(**change)
    known, unknown = ask(what, alice.email), ask(what, UNKNOWN)
    assert known[1:] == unknown[1:]


def test_an_address_that_somebody_else_has_can_be_added_no_more_than_looks_so(alice: User) -> None:
    bob = User.objects.create_user("bob@example.com", PASSWORD)
    EmailAddress.objects.create(user=bob, email=bob.email, verified=True, primary=True)
    answers = []
    for email in (alice.email, UNKNOWN):
        browser = Client()
        browser.post("/accounts/login/", {"login": bob.email, "password": PASSWORD})
        browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
        answer = browser.post("/accounts/email/", {"action_add": "", "email": email}, follow=True)
        answers.append((answer.redirect_chain, answer.status_code))
    assert answers[0] == answers[1]
