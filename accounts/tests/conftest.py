"""Alice, who has an account, and a browser."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal import auth
from django.test import Client

from accounts.models import User

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _one_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let authenticator apps show one code for the whole test: theirs change each half minute."""
    (counter,) = auth.yield_hotp_counters_from_time()
    monkeypatch.setattr(auth, "yield_hotp_counters_from_time", lambda: iter([counter]))


@pytest.fixture
def alice(db: None) -> User:
    user = User.objects.create_user("alice@example.com", PASSWORD, name="Alice", time_zone="Europe/Berlin")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def browser_of_alice(alice: User) -> Client:
    """A browser in which Alice has just logged in with her password."""
    browser = Client()
    answer = browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert answer.status_code == 302
    return browser
