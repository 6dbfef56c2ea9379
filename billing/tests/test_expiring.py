"""Use it or lose it: owners are told once, in time, before monthly credits expire unused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.core.mail import EmailMultiAlternatives

from accounts.models import User
from billing import metering, tasks
from billing.models import MailPreference, Message, Wallet
from billing.selectors import balance as balances
from billing.selectors.expiring import expiring as selected
from billing.services import departures, expiring, messages, settlement, subscriptions, wallets
from billing.tests.people import FREE_ALLOWANCE, begin_paid_cycle, give, sign_up

RESET = datetime(2025, 4, 10, tzinfo=UTC)
DAY, HOUR, TICK = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
IN_TIME = RESET - 3 * DAY

Mails = list[EmailMultiAlternatives]


def beat(now: datetime) -> int:
    with patch("billing.tasks.timezone.now", return_value=now):
        return tasks.tell_of_expiring_credits()


def told(user: User) -> list[dict[str, object]]:
    return list(user.wallet.messages.filter(kind="credits_expire").order_by("id").values_list("facts", flat=True))


def use(user: User, millicredits: int, now: datetime, key: str = "use") -> None:
    metering.charge(wallet=user.wallet, feature="gpt-4o-mini", quantity=millicredits, key=key, now=now)


def test_an_owner_is_told_once_a_cycle(alice: User) -> None:
    assert beat(IN_TIME - TICK) == 0
    assert beat(IN_TIME) == 1
    for hours in range(1, 72, 7):
        assert beat(IN_TIME + hours * HOUR) == 0
        assert expiring.tell(wallet_id=alice.wallet.pk, now=IN_TIME + hours * HOUR)
    assert told(alice) == [{"cycle": 1, "left": 100_000, "ends_at": RESET.isoformat()}]

    settlement.settle(wallet_id=alice.wallet.pk, now=RESET)
    assert beat(RESET) == 0
    assert beat(datetime(2025, 5, 8, tzinfo=UTC)) == 1
    assert [facts["cycle"] for facts in told(alice)] == [1, 2]


@pytest.mark.parametrize(("used", "times"), [(0, 1), (80_000, 1), (80_001, 0), (100_000, 0)])
def test_at_least_twenty_percent_is_worth_a_word(alice: User, now: datetime, used: int, times: int) -> None:
    if used:
        use(alice, used, now)
    assert beat(IN_TIME) == times
    assert expiring.tell(wallet_id=alice.wallet.pk, now=IN_TIME) == bool(times)
    assert [facts["left"] for facts in told(alice)] == [FREE_ALLOWANCE - used] * times


def test_only_what_expires_with_the_cycle_counts(alice: User, now: datetime) -> None:
    use(alice, 90_000, now)
    give(alice.wallet, 500_000, now=now)
    give(alice.wallet, 70_000, now=now, source="promotional", expires_at=RESET)
    assert beat(IN_TIME) == 0
    assert not expiring.tell(wallet_id=alice.wallet.pk, now=IN_TIME)
    assert told(alice) == []


def test_credits_behind_the_head_count_too(alice: User, now: datetime) -> None:
    give(alice.wallet, 70_000, now=now, source="promotional", expires_at=RESET - HOUR)
    assert beat(IN_TIME) == 1
    assert told(alice)[0]["left"] == 100_000


def test_what_a_hold_keeps_is_not_left(alice: User) -> None:
    film = {"feature": "video-generation", "quantity": 54, "key": "film"}
    metering.hold(wallet=alice.wallet, lasts=DAY, now=IN_TIME - HOUR, **film)
    assert beat(IN_TIME) == 0


def test_pro_is_told_of_its_five_thousand(alice: User, now: datetime) -> None:
    begin_paid_cycle(wallet_id=alice.wallet.pk, plan="pro", starts_at=now, ends_at=RESET, business_key="1", now=now)
    assert beat(IN_TIME) == 1
    assert told(alice)[0]["left"] == 5_000_000


def test_an_unlimited_wallet_loses_nothing(alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    assert beat(IN_TIME) == 0
    assert not expiring.tell(wallet_id=alice.wallet.pk, now=IN_TIME)


def test_a_suspended_wallet_can_t_use_them(alice: User) -> None:
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A card was stolen.", now=IN_TIME)
    assert beat(IN_TIME) == 0
    assert not expiring.tell(wallet_id=alice.wallet.pk, now=IN_TIME)
    wallets.resume(wallet_id=alice.wallet.pk)
    assert beat(IN_TIME + HOUR) == 1


def test_a_plan_without_monthly_credits_has_none_to_lose(alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=0, now=now)
    give(alice.wallet, 500_000, now=now)
    assert beat(IN_TIME) == 0


def test_nobody_is_told_of_a_wallet_that_was_left(alice: User) -> None:
    departures.leave(wallet_id=alice.wallet.pk, now=IN_TIME)
    assert beat(IN_TIME + HOUR) == 0
    assert not expiring.tell(wallet_id=alice.wallet.pk, now=IN_TIME + HOUR)


def test_a_wallet_that_wasn_t_touched_for_months_is_settled_first(alice: User) -> None:
    later = datetime(2025, 7, 8, tzinfo=UTC)
    assert expiring.tell(wallet_id=alice.wallet.pk, now=later)
    assert told(alice) == [{"cycle": 4, "left": 100_000, "ends_at": "2025-07-10T00:00:00+00:00"}]


def test_one_that_can_t_be_told_keeps_no_other_waiting(alice: User, bob: User) -> None:
    really_tell = expiring.tell

    def tell(*, wallet_id: int, now: datetime) -> bool:
        if wallet_id == alice.wallet.pk:
            raise ZeroDivisionError
        return really_tell(wallet_id=wallet_id, now=now)

    with patch.object(expiring, "tell", tell):
        beat(IN_TIME)
    assert (told(alice), len(told(bob))) == ([], 1)


def test_the_overview_and_the_task_are_of_one_mind(alice: User, now: datetime) -> None:
    """What the selector says of a balance is what the query finds, whatever is left and whenever."""
    for number, (left, hours_to_go) in enumerate([(100_000, 71), (20_000, 1), (19_999, 1), (100_000, 73), (50_000, 0)]):
        user = sign_up(f"person{number}", at=now)
        if left < FREE_ALLOWANCE:
            use(user, FREE_ALLOWANCE - left, now)
        moment = RESET - hours_to_go * HOUR
        found = selected(balances.current(user.wallet), now=moment)
        assert (user.wallet.pk in expiring.due(now=moment)) == (found is not None)
        assert found is None or (found.left, found.ends_at) == (left, RESET)


class TestTheMail:
    """The mail, in its reader's zone, unless it isn't wanted or isn't true any more."""

    @pytest.fixture
    def deliver(self, mailoutbox: Mails) -> Callable[..., str | None]:
        def deliver(user: User, *, at: datetime = IN_TIME) -> str | None:
            message = Message.objects.get(wallet=user.wallet, kind="credits_expire")
            return messages.deliver(message_id=message.pk, now=at)

        return deliver

    @pytest.fixture(autouse=True)
    def _told(self, alice: User, now: datetime) -> None:
        alice.time_zone = "America/New_York"
        alice.save()
        give(alice.wallet, 1_000_000, now=now)
        use(alice, 40_000, now)
        assert beat(IN_TIME) == 1

    def test_it_says_what_is_left_and_the_reader_s_day(self, alice: User, deliver, mailoutbox: Mails) -> None:
        assert deliver(alice) == "sent"
        (mail,) = mailoutbox
        assert mail.subject == "60 monthly credits expire on 9 Apr 2025"
        assert "60 of your 100 monthly credits are still there. They expire on 9 Apr 2025: monthly" in mail.body
        assert "What is left\n- Monthly credits: 60 credits\n- Bought credits: 1,000 credits\n" in mail.body
        assert "The 1,000 credits that you bought stay as long as you like." in mail.body
        assert "Stop these mails:" in mail.body
        assert "<h1>60 monthly credits expire on 9 Apr 2025</h1>" in str(mail.alternatives[0][0])

    def test_it_says_what_is_left_when_it_is_sent(self, alice: User, deliver, mailoutbox: Mails) -> None:
        use(alice, 10_500, IN_TIME, "more")
        assert deliver(alice) == "sent"
        assert mailoutbox[0].subject == "49.5 monthly credits expire on 9 Apr 2025"

    def test_it_is_dropped_when_they_were_used_meanwhile(self, alice: User, deliver, mailoutbox: Mails) -> None:
        use(alice, 40_001, IN_TIME, "more")
        assert deliver(alice) == "overtaken"
        assert mailoutbox == []

    def test_it_is_dropped_after_the_reset(self, alice: User, deliver, mailoutbox: Mails) -> None:
        assert deliver(alice, at=RESET) == "overtaken"
        assert mailoutbox == []

    def test_it_is_dropped_when_nothing_is_burned_any_more(self, alice: User, deliver, mailoutbox: Mails) -> None:
        Wallet.objects.filter(owner=alice).update(unlimited=True)
        assert deliver(alice) == "overtaken"
        assert mailoutbox == []

    def test_who_wants_no_mails_about_resets_gets_none(self, alice: User, deliver) -> None:
        messages.set_preference(wallet=alice.wallet, topic=MailPreference.Topic.RESETS, is_wanted=False, now=IN_TIME)
        assert deliver(alice) == "unwanted"
