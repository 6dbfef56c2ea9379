"""Alice has forgotten her password; a stranger wants to know whether she has an account."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "a brand new passphrase"


def ask_for_a_link(browser: Client, email: str) -> str:
    browser.post("/accounts/password/reset/", {"email": email})
    found = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", mail.outbox[-1].body)
    return found[1] if found else ""


def test_alice_chooses_a_new_password_through_the_link(alice: User, client: Client) -> None:
    form = client.get(ask_for_a_link(client, alice.email), follow=True)
    address = form.redirect_chain[-1][0]
    answer = client.post(address, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    assert answer["Location"] == "/accounts/password/reset/key/done/"
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


def test_a_link_works_once(alice: User, client: Client) -> None:
    link = ask_for_a_link(client, alice.email)
    address = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(address, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    answer = Client().get(link)

    assert "This link doesn’t work any more" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


def test_an_unknown_address_gets_the_same_page_and_a_mail_that_says_so(alice: User) -> None:
    known = Client().post("/accounts/password/reset/", {"email": alice.email}, follow=True)
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.com"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain
    assert known.content.decode().replace(alice.email, "…") == unknown.content.decode().replace(
        "nobody@example.com", "…"
    )
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([alice.email], "Choose a new password"),
        (["nobody@example.com"], "There is no account with this address"),
    ]


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_are_answered_alike(alice: User, client: Client, email: str) -> None:
    answer = client.post("/accounts/login/", {"login": email, "password": "wrong passphrase"})
    assert answer.context["form"].non_field_errors() == ["That e-mail address and password don't belong together."]


def test_guessing_is_stopped(alice: User, client: Client) -> None:
    for _ in range(12):
        answer = client.post("/accounts/login/", {"login": alice.email, "password": "wrong passphrase"})
    assert answer.status_code == 429 or "Too many attempts" in answer.content.decode()
    right = client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert right.status_code != 302, "not even with the right password, for now"


def test_a_changed_password_ends_the_session(browser_of_alice: Client, alice: User) -> None:
    answer = browser_of_alice.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert answer.status_code == 302
    assert [message.subject for message in mail.outbox] == ["Your password was changed"]
    assert "change your password now" in mail.outbox[0].body
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert browser_of_alice.get("/settings/profile/")["Location"].startswith("/accounts/login/")
