"""Alice sets up her authenticator app; the next login asks for a code."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.core.context import request_context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    """Return what an authenticator app with this key shows now."""
    (counter,) = auth.yield_hotp_counters_from_time()
    return auth.format_hotp_value(auth.hotp_value(secret, counter))


def prove_it_is_me(browser: Client) -> None:
    assert browser.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


@pytest.fixture
def secret(browser_of_alice: Client, django_capture_on_commit_callbacks: Callable[..., Any]) -> str:
    """The key that Alice's app got when she set it up."""
    prove_it_is_me(browser_of_alice)
    secret: str = browser_of_alice.get("/accounts/2fa/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks() as after_commit:
        answer = browser_of_alice.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    with request_context(answer.wsgi_request):
        for callback in after_commit:
            callback()
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    return secret


def test_the_page_asks_for_her_password_first(browser_of_alice: Client) -> None:
    answer = browser_of_alice.get("/accounts/2fa/totp/activate/")
    assert answer["Location"].startswith("/accounts/reauthenticate/")


def test_the_qr_code_is_part_of_the_page(browser_of_alice: Client) -> None:
    prove_it_is_me(browser_of_alice)
    page = browser_of_alice.get("/accounts/2fa/totp/activate/")
    assert '<svg class="qr"' in page.content.decode()
    assert "data:" not in page.content.decode()
    assert "data:" not in page["Content-Security-Policy"]


def test_a_wrong_code_switches_nothing_on(browser_of_alice: Client, alice: User) -> None:
    prove_it_is_me(browser_of_alice)
    browser_of_alice.get("/accounts/2fa/totp/activate/")
    answer = browser_of_alice.post("/accounts/2fa/totp/activate/", {"code": "000000"})
    assert answer.context["form"].errors["code"] == ["That code isn't right. Type the one that is shown now."]
    assert not Authenticator.objects.filter(user=alice).exists()


def test_she_gets_recovery_codes_and_a_mail(secret: str, browser_of_alice: Client, alice: User) -> None:
    page = browser_of_alice.get("/accounts/2fa/recovery-codes/")
    codes = Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes()
    assert len(codes) == 10
    assert all(code in page.content.decode() for code in codes)
    assert get_adapter().is_mfa_enabled(alice)
    told = {message.subject for message in mail.outbox if message.to == [alice.email]}
    assert told == {"Two-step verification is on"}


def test_the_next_login_needs_a_code(secret: str, alice: User) -> None:
    browser = Client()
    answer = browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert browser.get("/settings/profile/")["Location"].startswith("/accounts/login/"), "half a login opens nothing"

    code = Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes()[0]
    assert browser.post("/accounts/2fa/authenticate/", {"code": code})["Location"] == "/"
    assert browser.get("/settings/profile/").status_code == 200


def test_the_login_page_offers_passkeys_from_our_own_files(client: Client) -> None:
    page = client.get("/accounts/login/").content.decode()
    assert 'src="/static/mfa/js/webauthn.js"' in page
    assert client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"}).json()["request_options"]


def test_a_reset_password_doesn_t_pass_the_second_step(secret: str, alice: User) -> None:
    thief = Client()
    thief.post("/accounts/password/reset/", {"email": alice.email})
    (link,) = re.findall(r"http://testserver(/accounts/password/reset/key/\S+)", mail.outbox[-1].body)
    page = thief.get(link, follow=True)
    thief.post(page.redirect_chain[-1][0], {"password1": "the thief's own words", "password2": "the thief's own words"})
    assert thief.get("/settings/profile/").status_code == 302
    answer = thief.post("/accounts/login/", {"login": alice.email, "password": "the thief's own words"})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert thief.get("/settings/profile/").status_code == 302


def test_each_step_is_removed_by_itself(secret: str, browser_of_alice: Client, alice: User) -> None:
    for name in ("Blue key", "Red key"):
        Authenticator.objects.create(user=alice, type="webauthn", data={"name": name, "credential": {}})
    browser_of_alice.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=alice, type="totp").exists()
    blue = Authenticator.objects.filter(user=alice, type="webauthn").earliest("pk")
    browser_of_alice.post(f"/accounts/2fa/webauthn/keys/{blue.pk}/remove/")
    left = Authenticator.objects.filter(user=alice, type="webauthn")
    assert [step.data["name"] for step in left] == ["Red key"]


def test_a_changed_password_and_another_address_are_mailed(browser_of_alice: Client, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="new@example.com", verified=True)
    prove_it_is_me(browser_of_alice)
    browser_of_alice.post("/accounts/email/", {"action_primary": "", "email": "new@example.com"})
    new = {"password1": "another long passphrase", "password2": "another long passphrase"}
    browser_of_alice.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([alice.email], "Your e-mail address was changed"),
        (["new@example.com"], "Your password was changed"),
    ]
