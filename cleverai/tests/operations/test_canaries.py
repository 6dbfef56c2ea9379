"""Whatever people do and whatever fails: no key, cookie, token, address or card is in any line that is logged.

Everything that is secret here is a canary: a text that is looked for in all lines, from DEBUG on.
"""

import re
from datetime import datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.db import IntegrityError
from django.test import Client

from accounts.models import User
from billing import tasks
from billing.models import Checkout, Message, Purchase, StripeEvent
from billing.services import inbox, outbox
from billing.tests.stripe.shop import DECLINED_CARD, WEBHOOK, Shop
from cleverai.tests.operations.conftest import Lines
from sandbox.stripe.cards import CardDeclined

pytestmark = pytest.mark.django_db
PASSWORD = "canary passphrase of hers"
CARD = "4242424242424242"
HEADERS = {
    "Authorization": "Bearer clv_live_CANARYID_canarysecretcanarysecretcanary",
    "X-API-Key": "clv_live_CANARYID_canarysecretcanarysecretcanary",
    "Referer": "https://elsewhere.example/canary-referer?canary=1",
    "User-Agent": "canary agent",
    "Cookie": "tracker=canary-cookie",
}
QUERY = "?email=canary%40example.com&token=canary-token&next=/canary"


@pytest.fixture
def alice(alice: User) -> User:
    """Alice under a telling name and address, with a password."""
    alice.email, alice.name = "canary.alice@example.com", "Canary Carroll"
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    return alice


def check(lines: Lines, *secrets: str) -> None:
    """Look for every secret in what was logged, which must be something."""
    text = lines.text()
    assert text
    assert re.search(r"canary", text, re.IGNORECASE) is None
    for secret in (PASSWORD, CARD, settings.SECRET_KEY, settings.STRIPE_SECRET_KEY, *settings.STRIPE_WEBHOOK_SECRETS):
        assert secret not in text
    for secret in secrets:
        assert secret
        assert secret not in text


def test_logging_in_and_failing_to(lines: Lines, alice: User) -> None:
    browser = Client()
    for password in ("canary guess", PASSWORD):
        assert browser.get("/settings/billing/").status_code == 302
        browser.post(f"/accounts/login/{QUERY}", {"login": alice.email, "password": password}, headers=HEADERS)
    assert browser.get("/settings/billing/").status_code == 200

    assert [line["level"] for line in lines.of("accounts.receivers")] == ["WARNING", "INFO"]
    check(lines, browser.cookies[settings.SESSION_COOKIE_NAME].value)


def test_resetting_a_password(lines: Lines, alice: User) -> None:
    browser = Client()
    browser.post("/accounts/password/reset/", {"email": alice.email})
    (link,) = re.findall(r"http://testserver(/accounts/password/reset/key/(\S+))", mail.outbox[-1].body)
    page = browser.get(link[0], follow=True)
    browser.post(page.redirect_chain[-1][0], {"password1": "short", "password2": "short"})
    browser.post(page.redirect_chain[-1][0], {"password1": f"{PASSWORD}2", "password2": f"{PASSWORD}2"})
    assert browser.get(f"/nowhere{link[0]}").status_code == 404
    alice.refresh_from_db()
    assert alice.check_password(f"{PASSWORD}2")

    assert lines.of("django.request")
    check(lines, link[1], link[1].partition("-")[2])


def test_signing_up_with_an_address_that_a_mail_server_refuses(lines: Lines, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_PASSWORD = "127.0.0.1", 1, "canary password"
    answer = Client(raise_request_exception=False).post(
        "/accounts/signup/", {"email": "canary.new@example.com", "password1": PASSWORD}
    )

    assert answer.status_code == 503
    assert lines.of("cleverai.middleware")
    check(lines)


def test_requests_that_fail_in_every_way(lines: Lines, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IntegrityError(
            'duplicate key value violates unique constraint "accounts_user_email_key"\n'
            "DETAIL:  Key (email)=(canary.alice@example.com) already exists."
        )

    browser = Client(raise_request_exception=False, enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get(f"/canary/{QUERY}", headers=HEADERS).status_code == 404
    assert browser.post(f"/accounts/login/{QUERY}", {"password": PASSWORD}, headers=HEADERS).status_code == 403
    for ask in (browser.get, browser.post):
        assert ask(f"/settings/billing/unsubscribe/canary-token/{QUERY}", headers=HEADERS).status_code == 404
    assert browser.get("/credits/", headers={**HEADERS, "Host": "elsewhere.example"}).status_code == 400
    assert browser.delete(f"/settings/billing/{QUERY}", headers=HEADERS).status_code == 403
    monkeypatch.setattr("billing.views.overview.render", broken)
    assert browser.get(f"/settings/billing/{QUERY}").status_code == 500

    (line,) = [each for each in lines.of("django.request") if each["level"] == "ERROR"]
    assert "IntegrityError: duplicate key" in line["exception"]
    assert line["wallet_id"] == alice.wallet.pk
    check(lines, browser.cookies[settings.SESSION_COOKIE_NAME].value)


def test_buying_with_a_card_that_is_declined_and_with_one_that_pays(lines: Lines, alice: User, stripe: Shop) -> None:
    browser = Client()
    browser.force_login(alice)
    browser.post("/settings/billing/checkout/pack/pack-1000/")
    checkout = Checkout.objects.get()
    with pytest.raises(CardDeclined):
        stripe.engine.pay(checkout.stripe_session_id, card=DECLINED_CARD)
    stripe.deliver()
    assert browser.get(f"/settings/billing/checkout/{checkout.pk}/return/{QUERY}").status_code == 200
    assert not Purchase.objects.exists()
    stripe.engine.pay(checkout.stripe_session_id, card=CARD)
    stripe.deliver()
    browser.get(f"/settings/billing/checkout/{checkout.pk}/return/{QUERY}", headers=HEADERS)
    assert Purchase.objects.get().grant is not None

    check(lines, checkout.url, DECLINED_CARD, str(checkout.stripe_session_id))


def test_events_forged_and_events_that_nobody_can_follow(lines: Lines, alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice, deliver=False)
    (event,) = stripe.take_events("checkout.session.completed")
    forged = Client().post(
        WEBHOOK, b'{"canary": 1}', content_type="application/json", headers={"Stripe-Signature": "t=1,v1=canary"}
    )
    assert forged.status_code == 400
    assert stripe.post(event).status_code == 200
    row = StripeEvent.objects.get()
    StripeEvent.objects.filter(pk=row.pk).update(
        object_id="cs_test_none", attempts=inbox.ATTEMPTS_AT_NOTHING - 1, next_attempt_at=stripe.now()
    )
    assert not tasks.handle_stripe_event(row.pk)

    row.refresh_from_db()
    assert row.status == StripeEvent.Status.FAILED
    assert "was given up" in lines.of("billing.webhooks")[-1]["message"]
    check(lines, "cs_test_none")


def test_a_mail_whose_server_quotes_the_address(lines: Lines, alice: User, now: datetime, settings: Any) -> None:
    settings.EMAIL_BACKEND = "cleverai.tests.operations.test_canaries.QuotingBackend"
    outbox.tell(wallet=alice.wallet, kind=Message.Kind.WELCOME, key="canary", now=now)
    message = Message.objects.get(key="canary")
    tasks.send_message(message.pk)

    (line,) = lines.of("billing.services.messages")
    assert line["wallet_id"] == alice.wallet.pk
    message.refresh_from_db()
    assert "no such user" in message.error
    assert "no such user" in line["exception"]
    check(lines)


class QuotingBackend:
    """A mail server that repeats whom a mail was for, and the links in it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def send_messages(self, messages: list[Any]) -> int:
        links = re.findall(r"http\S+", messages[0].body)
        assert any("/unsubscribe/" in link for link in links)
        raise RuntimeError(f"550 no such user: {messages[0].to}, {links}")
