"""Sending: rendered once, sent once, not when nobody wants it or it isn't true any more, and what servers refuse."""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from smtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings

from accounts.models import User
from billing import metering
from billing.models import MailPreference, Message
from billing.services import messages, outbox, settlement, subscriptions
from billing.tests.messages.conftest import Mail, Tell
from billing.tests.people import begin_paid_cycle, give

RESET = datetime(2025, 4, 10, tzinfo=UTC)
Topic = MailPreference.Topic
Breaks = Callable[[Exception], None]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Breaks:
    """Let the mail server fail with an error from now on."""

    def breaks(error: Exception) -> None:
        def refuse(*_: object) -> int:
            raise error

        monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)

    return breaks


def deliver(message: Message, now: datetime) -> str | None:
    """Deliver a message and read it again."""
    state = messages.deliver(message_id=message.pk, now=now)
    message.refresh_from_db()
    return state


def warn(user: User, spent: int, now: datetime) -> Message:
    """Let somebody spend so many credits and return the warning that this raised."""
    user.wallet.refresh_from_db()
    metering.charge(
        wallet=user.wallet, feature="gpt-4o-mini", quantity=spent * 1_000, key=f"{user.wallet.sequence}", now=now
    )
    return Message.objects.filter(wallet=user.wallet, kind="low_credits").order_by("-id")[0]


def test_a_mail_leaves_once(tell: Tell, mailoutbox: list[Mail], now: datetime) -> None:
    message = tell("welcome")
    assert deliver(message, now) == "sent"
    assert deliver(message, now + timedelta(days=1)) is None
    assert len(mailoutbox) == 1
    assert (message.mail, message.sent_at, message.attempts) == ("sent", now, 1)
    assert (message.recipient, message.subject) == ("alice@example.com", "Welcome to CleverAI")
    assert (message.text, message.error) == (mailoutbox[0].body, "")


def test_two_workers_send_one_mail(
    tell: Tell, mailoutbox: list[Mail], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = tell("welcome")
    others: list[object] = []
    send = "django.core.mail.backends.locmem.EmailBackend.send_messages"

    def meanwhile(_: object, mails: list[Mail]) -> int:
        others.append(messages.deliver(message_id=message.pk, now=now))
        mailoutbox.extend(mails)
        return len(mails)

    monkeypatch.setattr(send, meanwhile)
    assert deliver(message, now) == "sent"
    assert others == [None]
    assert len(mailoutbox) == 1


def test_headers_tell_programs_what_it_is(tell: Tell, mailoutbox: list[Mail], now: datetime) -> None:
    welcome, failed = tell("welcome"), tell("payment_failed", plan="pro", period_ends_at=RESET.isoformat())
    for message in (welcome, failed):
        deliver(message, now)
    optional, about_money = (mail.message() for mail in mailoutbox)
    assert optional["Auto-Submitted"] == about_money["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(rf"<message\.{welcome.pk}\.\d+@cleverai\.example>", optional["Message-ID"])
    assert optional["Message-ID"] != about_money["Message-ID"]
    assert optional["Reply-To"] is about_money["Reply-To"] is None
    assert optional["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = optional["List-Unsubscribe"]
    on_its_way = message_from_bytes(optional.as_bytes(), policy=default)
    assert on_its_way["List-Unsubscribe"].strip() == link, "folded before the link at most, never inside it"
    assert re.fullmatch(rf"<{re.escape(settings.SITE_URL)}/settings/billing/unsubscribe/\S+/>", link)
    assert link.strip("<>") in mailoutbox[0].body
    assert about_money["List-Unsubscribe"] is about_money["List-Unsubscribe-Post"] is None


def test_a_repeat_after_a_crash_says_the_same_under_the_same_name(
    alice: User, mailoutbox: list[Mail], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = warn(alice, 85, now)
    with monkeypatch.context() as crashing:
        crashing.setattr("billing.services.outbox.finish", die)
        with pytest.raises(KeyboardInterrupt):
            messages.deliver(message_id=message.pk, now=now)
    warn(alice, 2, now)
    assert deliver(message, now) is None, "its claim hasn't run out"
    assert deliver(message, now + outbox.CLAIM) == "sent"
    first, second = mailoutbox
    assert (first.subject, first.body) == (second.subject, second.body)
    assert first.message()["Message-ID"] == second.message()["Message-ID"]
    assert message.attempts == 2


def test_a_mail_that_no_worker_comes_back_from_is_given_up(
    tell: Tell, now: datetime, mailoutbox: list[Mail], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = tell("welcome")
    with monkeypatch.context() as crashing:
        crashing.setattr("billing.emails.post", die)
        for _ in range(outbox.ATTEMPTS):
            with pytest.raises(KeyboardInterrupt):
                messages.deliver(message_id=message.pk, now=now)
            now += outbox.CLAIM
    assert deliver(message, now) == "failed"
    assert message.error == "No worker came back from 10 attempts."
    assert mailoutbox == []


def die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("nobody listens"),
        TimeoutError("timed out"),
        SMTPServerDisconnected("gone"),
        SMTPDataError(451, b"try later"),
        SMTPRecipientsRefused({"alice@example.com": (450, b"mailbox busy")}),
        SMTPAuthenticationError(535, b"wrong password"),
        SMTPSenderRefused(550, b"who are you", "billing@cleverai.example"),
        SMTPException("no idea"),
    ],
)
def test_what_may_pass_is_tried_again_later_and_later(
    tell: Tell, now: datetime, server: Breaks, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    message = tell("welcome")
    server(error)
    waits = []
    while deliver(message, now) == "waiting":
        assert message.next_attempt_at is not None
        waits.append(message.next_attempt_at - now)
        assert message.error
        now = message.next_attempt_at
        assert not errors(caplog)
    assert [wait // timedelta(minutes=1) for wait in waits] == [1, 3, 9, 27, 81, 243, 360, 360, 360]
    assert (message.mail, message.attempts, message.next_attempt_at) == ("failed", outbox.ATTEMPTS, None)
    assert errors(caplog) == [f"The mail of message {message.pk} is given up after 10 attempts."]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged for an operator to look at."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SMTPRecipientsRefused({"alice@example.com": (550, b"no such user")}), "Refused for good: 550 no such user"),
        (SMTPDataError(554, b"looks like spam"), "Refused for good: 554 looks like spam"),
    ],
)
def test_what_a_server_will_never_take_is_given_up_with_its_words(
    tell: Tell, now: datetime, server: Breaks, error: Exception, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    message = tell("welcome")
    server(error)
    assert deliver(message, now) == "failed"
    assert (message.mail, message.error, message.attempts, message.sent_at) == ("failed", words, 1, None)
    assert errors(caplog) == [f"The mail of message {message.pk} is given up after 1 attempt."]


def test_a_mail_that_can_t_be_written_says_why_and_keeps_no_other_waiting(
    tell: Tell, now: datetime, mailoutbox: list[Mail]
) -> None:
    broken, whole = tell("pack_receipt", purchase=123_456), tell("welcome")
    assert deliver(broken, now) == "waiting"
    assert broken.error == "DoesNotExist: Purchase matching query does not exist."
    assert deliver(whole, now) == "sent"
    assert len(mailoutbox) == 1


def test_a_mail_goes_to_where_its_reader_is_by_now(
    alice: User, tell: Tell, now: datetime, mailoutbox: list[Mail], server: Breaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = tell("welcome")
    with monkeypatch.context():
        server(ConnectionRefusedError())
        deliver(message, now)
    monkeypatch.undo()
    alice.email = "alice@new.example"
    alice.save()
    assert deliver(message, now + timedelta(minutes=1)) == "sent"
    assert mailoutbox[-1].to == ["alice@new.example"]
    assert message.recipient == "alice@new.example"


def test_switched_off_mails_stay_in_the_app(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    messages.set_preference(wallet=alice.wallet, topic=Topic.WARNINGS, is_wanted=False, now=now)
    message = warn(alice, 85, now)
    assert deliver(message, now) == "unwanted"
    assert message.error == "Its reader has switched these mails off."
    assert mailoutbox == []
    assert Message.objects.filter(wallet=alice.wallet, pk=message.pk, seen_at=None).exists()


def test_switching_one_topic_off_leaves_the_others_and_all_about_money(
    alice: User, tell: Tell, now: datetime, mailoutbox: list[Mail]
) -> None:
    for topic in (Topic.WARNINGS, Topic.RESETS):
        messages.set_preference(wallet=alice.wallet, topic=topic, is_wanted=False, now=now)
    failed = tell("payment_failed", plan="pro", period_ends_at=RESET.isoformat())
    assert [deliver(each, now) for each in (tell("welcome"), failed)] == ["sent", "sent"]
    settlement.settle(wallet_id=alice.wallet.pk, now=RESET)
    assert deliver(Message.objects.get(kind="cycle_reset"), RESET) == "unwanted"
    messages.set_preference(wallet=alice.wallet, topic=Topic.RESETS, is_wanted=True, now=RESET)
    settlement.settle(wallet_id=alice.wallet.pk, now=datetime(2025, 5, 10, tzinfo=UTC))
    assert deliver(Message.objects.latest("id"), datetime(2025, 5, 10, tzinfo=UTC)) == "sent"


def test_nobody_to_send_it_to(alice: User, tell: Tell, now: datetime, mailoutbox: list[Mail]) -> None:
    message = tell("welcome")
    type(alice.wallet).objects.filter(pk=alice.wallet.pk).update(owner=None)
    assert deliver(message, now) == "unwanted"
    assert (message.error, mailoutbox) == ("There is nobody to send it to.", [])


def test_an_address_that_nobody_confirmed_gets_nothing(
    alice: User, tell: Tell, now: datetime, mailoutbox: list[Mail]
) -> None:
    address = EmailAddress.objects.create(user=alice, email="Alice@example.com", primary=True, verified=False)
    assert deliver(tell("welcome"), now) == "unwanted"
    assert mailoutbox == []
    address.verified = True
    address.save()
    assert deliver(tell("welcome"), now) == "sent"


def test_of_several_missed_resets_only_the_last_is_mailed(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    june = datetime(2025, 6, 11, tzinfo=UTC)
    settlement.settle(wallet_id=alice.wallet.pk, now=june)
    resets = list(Message.objects.filter(kind="cycle_reset").order_by("id"))
    assert [deliver(reset, june) for reset in resets] == ["overtaken", "overtaken", "sent"]
    assert resets[0].error == "A later cycle has begun."
    assert len(mailoutbox) == 1


def test_a_warning_that_a_pack_has_answered_is_not_mailed(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    message = warn(alice, 85, now)
    give(alice.wallet, 1_000_000, now=now)
    assert deliver(message, now) == "overtaken"
    assert (message.error, mailoutbox) == ("Credits were added meanwhile.", [])


def test_a_warning_of_the_cycle_before_is_not_mailed(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    message = warn(alice, 85, now)
    assert deliver(message, RESET) == "overtaken", "nothing had touched the wallet since its cycle ended"
    assert (message.error, mailoutbox) == ("A later cycle has begun.", [])


def test_an_unlimited_contract_answers_a_warning(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    message = warn(alice, 85, now)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    assert deliver(message, now) == "overtaken"
    assert mailoutbox == []


def test_of_two_warnings_that_wait_together_only_the_stronger_is_mailed(
    alice: User, now: datetime, mailoutbox: list[Mail]
) -> None:
    low = warn(alice, 85, now)
    very_low = warn(alice, 12, now)
    assert deliver(low, now) == "overtaken"
    assert low.error == "A stronger warning follows."
    assert deliver(very_low, now) == "sent"
    assert [mail.subject for mail in mailoutbox] == ["Credits are very low: 3 credits left"]


def test_warnings_that_are_mailed_in_time_are_all_mailed(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    for spent in (85, 12, 3):
        assert deliver(warn(alice, spent, now), now) == "sent"
    assert [mail.subject for mail in mailoutbox] == [
        "Credits are low: 15 credits left",
        "Credits are very low: 3 credits left",
        "You are out of credits",
    ]


def test_a_failed_payment_that_was_made_up_for_is_not_mailed(
    alice: User, tell: Tell, now: datetime, mailoutbox: list[Mail]
) -> None:
    message = tell("payment_failed", plan="pro", period_ends_at=RESET.isoformat())
    later = now + timedelta(hours=6)
    begin_paid_cycle(
        wallet_id=alice.wallet.pk, plan="pro", starts_at=now, ends_at=RESET, business_key="line", now=later
    )
    assert deliver(message, later) == "overtaken"
    assert (message.error, mailoutbox) == ("It was paid meanwhile.", [])


def test_staff_send_a_mail_again_as_it_was_though_it_is_history(
    alice: User, now: datetime, mailoutbox: list[Mail]
) -> None:
    message = warn(alice, 85, now)
    deliver(message, now)
    assert outbox.send_again(message_id=message.pk, now=RESET)
    assert deliver(message, RESET) == "sent"
    first, second = mailoutbox
    assert first.body == second.body


def test_sent_again_still_asks_whether_it_is_wanted(alice: User, now: datetime, mailoutbox: list[Mail]) -> None:
    message = warn(alice, 85, now)
    deliver(message, now)
    messages.set_preference(wallet=alice.wallet, topic=Topic.WARNINGS, is_wanted=False, now=now)
    outbox.send_again(message_id=message.pk, now=now)
    assert deliver(message, now) == "unwanted"
    assert len(mailoutbox) == 1
