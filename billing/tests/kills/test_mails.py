"""G14: whoever sends a mail may be killed before or after it: the mail is never lost, and comes twice at most."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

import pytest

from billing import emails, metering
from billing.models import Message
from billing.services import messages, outbox, settlement
from billing.tests.clockwork.machinery import until
from billing.tests.kills.mortal import live
from billing.tests.kills.post_office import (
    ANSWERED,
    GOODBYE,
    LONGEST_WAIT,
    READ,
    STAGES,
    TAKEN,
    PostOffice,
    open_office,
)
from billing.tests.people import sign_up

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

LONG = [pytest.mark.long, pytest.mark.timeout(7_200)]
RESET = datetime(2025, 4, 10, tzinfo=UTC)
Raise = Callable[[int], Message]


@pytest.fixture
def office(settings: Any) -> Iterator[PostOffice]:
    """The mail server that mails go to."""
    with open_office() as office:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", office.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield office


@pytest.fixture
def told(now: datetime) -> Raise:
    """Let something happen to a new customer of whom it is told: a warning, a welcome or a reset, in turn."""

    def raise_one(number: int) -> Message:
        wallet = sign_up(f"customer{number}", at=now).wallet
        match number % 3:
            case 0:
                metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=96_000, key="much", now=now)
            case 1:
                outbox.tell(wallet=wallet, kind=Message.Kind.WELCOME, key="welcome", now=now)
            case _:
                settlement.settle(wallet_id=wallet.pk, now=RESET)
        return Message.objects.get(wallet=wallet)

    return raise_one


def send(message: Message) -> str | None:
    """Do what a worker does that was hinted at as soon as the message was there."""
    return messages.deliver(message_id=message.pk, now=message.raised_at)


def sweep(message: Message, *, claims: int = 1) -> list[int]:
    """Do what the sweeper does when so many claims have run out; return what it found to send."""
    now = message.raised_at + claims * outbox.CLAIM
    found = outbox.due(now=now)
    for message_id in found:
        messages.deliver(message_id=message_id, now=now)
    return found


def is_sent(message: Message) -> bool:
    message.refresh_from_db()
    return message.mail == Message.Mail.SENT


def assert_came(office: PostOffice, message: Message, *, times: int) -> None:
    """Assert that a mail is sent, so many copies came, and that all are the same mail."""
    assert is_sent(message), message.error
    name = emails.message_id_of(message)
    until(lambda: len(office.copies_of(name)) >= times, "the copies", seconds=LONGEST_WAIT)
    copies = office.copies_of(name)
    assert len(copies) == times
    assert {copy["To"] for copy in copies} == {message.recipient}
    assert {copy["Subject"] for copy in copies} == {message.subject}
    assert {copy.get_body(("plain",)).get_content().strip() for copy in copies} == {message.text.strip()}


@pytest.mark.parametrize("crashes", [40, pytest.param(400, marks=LONG)])
def test_a_sender_killed_while_it_speaks_with_the_mail_server_loses_nothing(
    office: PostOffice, told: Raise, crashes: int
) -> None:
    for number, stage in enumerate(islice(cycle(STAGES), crashes)):
        message = told(number)
        office.deadly_stage = stage

        assert live(lambda message=message: send(message), meanwhile=office.victims.put).was_killed, stage

        assert not is_sent(message), stage
        assert send(message) is None, "until its claim has run out the mail is the dead worker's"
        assert sweep(message) == [message.pk], stage
        assert_came(office, message, times=2 if stage in {READ, TAKEN, ANSWERED, GOODBYE} else 1)
        assert sweep(message, claims=1_000) == [], stage
    assert len({mail["Message-ID"] for mail in office.mails}) == crashes


def test_a_sender_killed_at_any_statement_loses_nothing(office: PostOffice, told: Raise) -> None:
    undisturbed = told(0)
    moments = live(lambda: send(undisturbed)).moments
    assert_came(office, undisturbed, times=1)
    assert len(moments) >= 12
    for number, moment in enumerate(moments, start=1):
        message = told(3 * number)

        assert live(lambda message=message: send(message), dies_at=number).was_killed, moment

        came = len(office.copies_of(emails.message_id_of(message)))
        repeats = 0 if is_sent(message) else 1
        assert sweep(message, claims=2) == [message.pk] * repeats, moment
        assert_came(office, message, times=came + repeats)
        assert came + repeats <= 2, moment


def test_each_crash_repeats_a_mail_once_at_most(office: PostOffice, told: Raise) -> None:
    message = told(0)
    for crash in range(5):
        office.deadly_stage = TAKEN
        now = message.raised_at + crash * outbox.CLAIM
        killed = live(
            lambda now=now: messages.deliver(message_id=message.pk, now=now), meanwhile=office.victims.put
        ).was_killed
        assert killed
    sweep(message, claims=5)
    assert_came(office, message, times=6)
    assert sweep(message, claims=1_000) == []
