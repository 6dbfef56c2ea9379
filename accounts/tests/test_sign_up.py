"""Alice signs up, confirms her address and is in."""

import re

import pytest
from allauth.core.context import request_context
from django.core import mail
from django.test import Client

from accounts.forms import SignupForm
from accounts.models import User
from accounts.tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def sign_up(browser: Client, **fields: str) -> str:
    """Post the sign-up form and return where it leads."""
    form = {"email": "alice@example.com", "password1": PASSWORD, **fields}
    answer = browser.post("/accounts/signup/", form)
    assert answer.status_code == 302, answer.context["form"].errors
    return answer["Location"]


def link_in_the_newest_mail(path: str) -> str:
    found = re.search(rf"http://testserver({path}\S+)", mail.outbox[-1].body)
    assert found
    return found[1]


def test_she_signs_up_confirms_and_is_logged_in(client: Client) -> None:
    assert sign_up(client) == "/accounts/confirm-email/"
    assert client.get("/settings/profile/").status_code == 302, "not before the address is confirmed"

    link = link_in_the_newest_mail("/accounts/confirm-email/")
    assert "Is <strong" in client.get(link).content.decode()
    answer = client.post(link)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/settings/profile/").status_code == 200
    assert User.objects.get().emailaddress_set.get().verified


def test_she_cannot_log_in_before_she_has_confirmed(client: Client) -> None:
    sign_up(client)
    answer = Client().post("/accounts/login/", {"login": "alice@example.com", "password": PASSWORD})
    assert answer["Location"] == "/accounts/confirm-email/"
    assert Client().get("/settings/profile/")["Location"].startswith("/accounts/login/")


def test_the_mail_has_our_words_as_text_and_html(client: Client) -> None:
    sign_up(client)
    message = mail.outbox[-1]
    page, kind = message.alternatives[0]
    assert message.subject == "Welcome to CleverAI: confirm your e-mail address"
    assert message.body.startswith("Hello,\n\nWelcome to CleverAI.")
    assert kind == "text/html"
    assert ">Confirm my address</a>" in page
    assert 'style="' not in page


def test_her_browser_tells_the_time_zone(client: Client) -> None:
    sign_up(client, time_zone="Asia/Kolkata")
    assert User.objects.get().time_zone == "Asia/Kolkata"


@pytest.mark.parametrize("time_zone", ["", "Mars/Olympus", "../etc/passwd", "localtime", "x" * 65])
def test_without_a_known_time_zone_it_is_utc(client: Client, time_zone: str) -> None:
    sign_up(client, time_zone=time_zone)
    assert User.objects.get().time_zone == "UTC"


def test_an_address_is_one_account_however_it_is_written(client: Client) -> None:
    sign_up(client, email="Alice@Example.com")
    sign_up(Client(), email="ALICE@EXAMPLE.COM")
    assert [user.email for user in User.objects.all()] == ["alice@example.com"]


def test_a_taken_address_looks_like_a_new_one(alice: User) -> None:
    stranger = Client()
    taken = stranger.post("/accounts/signup/", {"email": alice.email, "password1": "another passphrase"}, follow=True)
    fresh = Client().post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD}, follow=True)

    assert taken.redirect_chain == fresh.redirect_chain
    assert taken.content.decode().replace(alice.email, "…") == fresh.content.decode().replace("new@example.com", "…")
    assert [message.subject for message in mail.outbox if message.to == [alice.email]] == [
        "You already have an account"
    ]
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_of_two_sign_ups_at_once_the_second_is_answered_as_if_it_came_later(client: Client) -> None:
    form = SignupForm({"email": "alice@example.com", "password1": PASSWORD})
    assert form.is_valid()
    first = User.objects.create_user("alice@example.com", "the first passphrase")

    request = client.get("/accounts/signup/").wsgi_request
    with request_context(request):
        user, answer = form.try_save(request)

    assert user is None
    assert answer["Location"] == "/accounts/confirm-email/"
    assert User.objects.get() == first
    assert mail.outbox[-1].subject == "You already have an account"


@pytest.mark.parametrize("password", ["", "short", "1234567890123", "password123", "alice@example.com"])
def test_a_weak_password_is_refused(client: Client, password: str) -> None:
    answer = client.post("/accounts/signup/", {"email": "alice@example.com", "password1": password})
    assert answer.status_code == 200
    assert answer.context["form"].errors["password1"]
    assert not User.objects.exists()
    assert not mail.outbox


def test_a_used_or_broken_link_says_so(client: Client) -> None:
    sign_up(client)
    link = link_in_the_newest_mail("/accounts/confirm-email/")
    client.post(link)
    for stale in (link, "/accounts/confirm-email/broken:link/"):
        answer = Client().get(stale)
        assert answer.status_code == 200
        assert "doesn’t work any more" in answer.content.decode() or "can’t be confirmed" in answer.content.decode()
