"""Without the cache people keep their pages; what needs it, and mail that doesn't leave, says so with 503."""

import logging
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from accounts.models import User

NO_CACHE, NO_MAIL = "This has to wait a moment", "Our mail isn’t leaving"
LOGIN = {"login": "alice@example.com", "password": "a long passphrase"}
MAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
NEWCOMER = {"email": "nora@example.com", "password1": "a long passphrase 77"}


class MailServerThatIsAway(EmailBackend):
    def send_messages(self, messages: list[EmailMessage]) -> int:
        raise SMTPRecipientsRefused({address: (550, b"no") for message in messages for address in message.to})


@pytest.fixture
def no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MAIL_BACKEND, MailServerThatIsAway)


@pytest.fixture
def patient() -> Client:
    """A visitor's browser, which shows what the server answers to an error."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("address", ["/", "/settings/billing/", "/settings/billing/history/", "/accounts/sessions/"])
def test_without_the_cache_alice_still_reads_her_pages(
    browser_of_alice: Client, unreachable_cache: None, address: str
) -> None:
    assert browser_of_alice.get(address).status_code == 200


@pytest.mark.usefixtures("unreachable_cache")
@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/accounts/login/", LOGIN),
        ("/accounts/signup/", NEWCOMER),
        ("/accounts/password/reset/", {"email": "alice@example.com"}),
    ],
)
def test_without_the_cache_nobody_gets_round_the_rate_limits(
    alice: User, patient: Client, address: str, form: dict[str, str]
) -> None:
    answer = patient.post(address, form)
    assert (answer.status_code, answer["Retry-After"]) == (503, "15")
    assert NO_CACHE in answer.content.decode()
    assert "session" not in patient.cookies
    assert list(User.objects.all()) == [alice]
    assert mail.outbox == []


@pytest.mark.usefixtures("unreachable_cache")
def test_a_program_is_told_about_the_cache_in_its_own_language(alice: User, patient: Client) -> None:
    answer = patient.post("/accounts/login/", LOGIN, headers={"accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["title"] == NO_CACHE


@pytest.mark.django_db
def test_a_sign_up_whose_mail_does_not_leave_says_so_and_can_be_finished(
    patient: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MAIL_BACKEND, MailServerThatIsAway)
        answer = patient.post("/accounts/signup/", NEWCOMER)
    assert answer.status_code == 503
    assert NO_MAIL in answer.content.decode()

    answer = Client().post("/accounts/login/", {"login": NEWCOMER["email"], "password": NEWCOMER["password1"]})
    assert answer["Location"] == "/accounts/confirm-email/"
    assert [message.to for message in mail.outbox] == [[NEWCOMER["email"]]]


@pytest.mark.usefixtures("no_mail")
def test_known_and_unknown_addresses_learn_the_same_when_mail_does_not_leave(
    alice: User, patient: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        patient.post("/accounts/password/reset/", {"email": email}) for email in ("alice@example.com", "x@example.com")
    ]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].content == answers[1].content
    assert f"{NO_MAIL} (SMTPRecipientsRefused)." in caplog.text
    assert "example.com" not in caplog.text


@pytest.mark.usefixtures("no_mail")
def test_a_changed_password_stands_though_its_notification_is_lost(
    alice: User, browser_of_alice: Client, caplog: pytest.LogCaptureFixture
) -> None:
    new = "another long passphrase"
    form = {"oldpassword": "a long passphrase", "password1": new, "password2": new}
    with caplog.at_level(logging.ERROR):
        assert browser_of_alice.post("/accounts/password/change/", form).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert "A notification was lost (SMTPRecipientsRefused)." in caplog.text
    assert "alice" not in caplog.text
