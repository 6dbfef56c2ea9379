"""Switching a mail off from the mail: by its link, or by the mail program itself (RFC 8058)."""

from datetime import datetime

import pytest
from django.core.signing import Signer
from django.test import Client

from accounts.models import User
from billing.models import MailPreference
from billing.services import messages
from billing.tests.messages.conftest import Mail, Tell
from billing.tests.pages.reading import words

Topic = MailPreference.Topic


@pytest.fixture
def link(alice: User) -> str:
    """The link in Alice's warnings."""
    return address(messages.unsubscribe_token(alice.wallet, Topic.WARNINGS))


def address(token: str) -> str:
    return f"/settings/billing/unsubscribe/{token}/"


def stranger() -> Client:
    """A browser that nobody is signed in to, as strict about forms as a real one."""
    return Client(enforce_csrf_checks=True)


def switched_off(user: User) -> list[str]:
    return list(user.wallet.mail_preferences.filter(is_wanted=False).values_list("topic", flat=True))


def test_a_look_changes_nothing(alice: User, link: str) -> None:
    page = stranger().get(link)
    assert page.status_code == 200
    assert "Stop these mails? You will no longer get “Warnings when credits run low”." in words(page)
    assert "alice" not in words(page).lower()
    assert switched_off(alice) == []


def test_the_button_does_it_without_a_login(alice: User, link: str) -> None:
    page = stranger().post(link)
    assert page.status_code == 200
    assert "These mails are off" in words(page)
    assert switched_off(alice) == [Topic.WARNINGS]
    assert "These mails are off" in words(stranger().get(link))


def test_a_mail_program_s_own_button_does_it_too(alice: User, link: str) -> None:
    answer = stranger().post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200, "a redirect would not be followed"
    assert switched_off(alice) == [Topic.WARNINGS]


def test_twice_is_once(alice: User, link: str) -> None:
    for _ in range(2):
        assert stranger().post(link).status_code == 200
    assert switched_off(alice) == [Topic.WARNINGS]
    assert MailPreference.objects.count() == 1


def test_the_link_of_a_mail_is_the_one(alice: User, tell: Tell, mailoutbox: list[Mail], now: datetime) -> None:
    messages.deliver(message_id=tell("welcome").pk, now=now)
    in_header = mailoutbox[0].message()["List-Unsubscribe"].strip("<>")
    assert stranger().post(in_header.removeprefix("http://127.0.0.1:8000")).status_code == 200
    assert switched_off(alice) == [Topic.NEWS]


def test_one_link_is_one_topic_of_one_person(alice: User, bob: User, link: str) -> None:
    stranger().post(link)
    assert messages.wanted(alice.wallet, Topic.RESETS)
    assert messages.wanted(bob.wallet, Topic.WARNINGS)


@pytest.mark.parametrize("spoil", [lambda token: token[:-1], lambda token: f"9{token}", lambda token: "guessed"])
def test_a_link_that_isn_t_ours_does_nothing(alice: User, spoil: object) -> None:
    token = spoil(messages.unsubscribe_token(alice.wallet, Topic.WARNINGS))
    for page in (stranger().get(address(token)), stranger().post(address(token))):
        assert page.status_code == 404
        assert "This link isn’t complete Nothing was changed." in words(page)
    assert switched_off(alice) == []


def test_what_is_signed_for_another_purpose_isn_t_ours(alice: User) -> None:
    token = Signer(salt="something else").sign(f"{alice.wallet.pk}.{Topic.WARNINGS}")
    assert stranger().post(address(token)).status_code == 404
    assert switched_off(alice) == []


def test_a_topic_that_is_gone_is_told_like_a_link_that_isn_t_ours(alice: User) -> None:
    token = messages.unsubscribing.sign(f"{alice.wallet.pk}.horoscopes")
    assert stranger().get(address(token)).status_code == 404
