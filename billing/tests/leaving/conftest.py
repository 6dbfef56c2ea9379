"""Alice, who is about to leave, in a browser that has just proved that it is she."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from billing.tests.exports.keeping import files
from billing.tests.stripe.shop import stripe

__all__ = ["files", "stripe"]

PASSWORD = "a long passphrase"
LEAVE, NOW = "/settings/data/delete/", "/settings/data/delete/now/"


def logged_in(user: User, **headers: str) -> Client:
    """Return a browser in which somebody has logged in, and given the password again a moment ago."""
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    browser = Client(headers=headers)
    answers = [browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})]
    answers.append(browser.post("/accounts/reauthenticate/", {"password": PASSWORD}))
    assert [answer.status_code for answer in answers] == [302, 302]
    return browser


@pytest.fixture
def browser_of_alice(alice: User) -> Client:
    return logged_in(alice)
