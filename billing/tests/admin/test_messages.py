"""Staff read what people were told, and have mails sent again."""

from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import User
from billing.models import Message
from billing.services import messages, outbox
from billing.tests.admin.pressing import do, hidden, look, press
from billing.tests.stripe.shop import Shop

URL = "/admin/billing/message/"


@pytest.fixture
def message(alice: User, now: datetime, stripe: Shop) -> Message:
    """Alice's welcome, which waits to be mailed."""
    outbox.tell(wallet=alice.wallet, kind=Message.Kind.WELCOME, key="welcome", now=now)
    return Message.objects.get(key="welcome")


@pytest.fixture
def sent(message: Message, now: datetime, mailoutbox: list[EmailMessage]) -> Message:
    """Alice's welcome, after it was mailed."""
    messages.deliver(message_id=message.pk, now=now)
    message.refresh_from_db()
    return message


def again(message: Message) -> str:
    return f"{URL}{message.pk}/send-again/"


def may_resend(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="resend_message"))


def test_stella_reads_what_alice_was_told(browser_of_stella: Client, sent: Message) -> None:
    assert "alice@example.com" in browser_of_stella.get(URL).content.decode()
    page = browser_of_stella.get(f"{URL}{sent.pk}/change/").content.decode()
    for words in ("Welcome to CleverAI", "Your wallet is ready.", "alice@example.com", "Send again"):
        assert words in page


def test_messages_in_trouble_are_found(browser_of_stella: Client, alice: User, message: Message, now: datetime) -> None:
    for key, mail, error in (("gone", "failed", "550 no such user"), ("off", "unwanted", "switched off")):
        outbox.tell(wallet=alice.wallet, kind=Message.Kind.WELCOME, key=key, now=now)
        Message.objects.filter(key=key).update(mail=mail, error=error, next_attempt_at=None)
    found = browser_of_stella.get(f"{URL}?trouble=yes").context["cl"].result_list
    assert [row.key for row in found] == ["gone"]
    Message.objects.filter(pk=message.pk).update(error="ConnectionRefusedError")
    found = browser_of_stella.get(f"{URL}?trouble=yes").context["cl"].result_list
    assert [row.key for row in found] == ["gone", "welcome"]


def test_send_again_asks_first_and_leaves_a_line(
    browser_of_stella: Client, stella: User, sent: Message, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    asked = browser_of_stella.get(again(sent)).content.decode()
    assert "It goes to alice@example.com, in the words that it was first sent in." in asked
    sent.refresh_from_db()
    assert sent.mail == "sent"
    page = look(browser_of_stella, again(sent), reason="She never got it.")
    assert "Mail</th><td>Sent</td><td><strong>Waiting</strong>" in page
    assert not LogEntry.objects.exists()
    assert "It is sent again in a moment." in press(browser_of_stella, again(sent), page)
    assert "It was done before." in press(browser_of_stella, again(sent), page)
    line = LogEntry.objects.get()
    assert (line.user, line.object_id, line.change_message) == (
        stella,
        str(sent.pk),
        "Sent again; it was sent. She never got it.",
    )
    messages.deliver(message_id=sent.pk, now=now + timedelta(seconds=1))
    first, second = mailoutbox
    assert first.body == second.body


def test_the_picked_ones_are_sent_again(
    browser_of_stella: Client, sent: Message, alice: User, now: datetime, stripe: Shop
) -> None:
    outbox.tell(wallet=alice.wallet, kind=Message.Kind.WELCOME, key="waits", now=now)
    picked = {"action": "send_selected_again", "_selected_action": list(Message.objects.values_list("pk", flat=True))}
    page = browser_of_stella.post(URL, picked).content.decode()
    assert not LogEntry.objects.exists()
    answers = {**picked, **hidden(page), "_selected_action": picked["_selected_action"]}
    assert "This field is required." in browser_of_stella.post(URL, {**answers, "reason": " "}).content.decode()
    page = browser_of_stella.post(URL, {**answers, "reason": "The server was down."}, follow=True).content.decode()
    assert "1 of 2 mails is sent again in a moment." in page
    assert "1 never left or waits already, so there is nothing to send again." in page
    sent.refresh_from_db()
    assert (sent.mail, sent.attempts) == ("waiting", 0)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("mail", ["waiting", "unwanted", "overtaken"])
def test_what_never_left_can_t_leave_again(browser_of_stella: Client, message: Message, mail: str) -> None:
    due = message.next_attempt_at if mail == "waiting" else None
    Message.objects.filter(pk=message.pk).update(mail=mail, next_attempt_at=due)
    assert "Send again" not in browser_of_stella.get(f"{URL}{message.pk}/change/").content.decode()
    assert "It never left" in browser_of_stella.get(again(message), follow=True).content.decode()
    assert "It never left" in look(browser_of_stella, again(message), reason="Why not")
    message.refresh_from_db()
    assert message.mail == mail


def test_rita_reads_and_sends_nothing(browser_of_rita: Client, sent: Message) -> None:
    page = browser_of_rita.get(f"{URL}{sent.pk}/change/")
    assert page.status_code == 200
    assert "Send again" not in page.content.decode()
    assert browser_of_rita.get(again(sent)).status_code == 403
    assert browser_of_rita.post(again(sent)).status_code == 403
    browser_of_rita.post(URL, {"action": "send_selected_again", "_selected_action": [sent.pk]})
    sent.refresh_from_db()
    assert sent.mail == "sent"


def test_rita_may_once_she_has_the_right(browser_of_rita: Client, sent: Message) -> None:
    may_resend(User.objects.get(email="rita@example.com"))
    do(browser_of_rita, again(sent), reason="She never got it.")
    sent.refresh_from_db()
    assert sent.mail == "waiting"


def test_nobody_edits_or_deletes_what_people_were_told(browser_of_stella: Client, sent: Message) -> None:
    for address in ("add/", f"{sent.pk}/delete/"):
        assert browser_of_stella.get(URL + address).status_code == 403
    browser_of_stella.post(f"{URL}{sent.pk}/change/", {"subject": "Edited"})
    sent.refresh_from_db()
    assert sent.subject == "Welcome to CleverAI"
