"""When time itself is wrong: clocks that go back or ahead, cycles that nobody saw, zones that nobody knows.

Always the same: what happens is defined, staff read why, and no allowance is given twice or lost.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.test import Client

from accounts import time_zones
from accounts.models import User
from billing import gateway, metering, tasks
from billing.errors import InvalidRequest
from billing.gateway.facts import SubscriptionFacts
from billing.models import Message, Plan, Subscription, Wallet
from billing.periods import period_start
from billing.services import grants, paid_subscriptions, settlement
from billing.tests.lives import everything, without_clocks
from billing.tests.people import FREE_ALLOWANCE, begin_paid_cycle, books, give, left, sign_up
from billing.tests.stripe.shop import Shop, stripe

__all__ = ["stripe"]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RESET = datetime(2025, 4, 10, tzinfo=UTC)
PACK, PRO = 50_000, 5_000_000


def settle(user: User, at: datetime) -> Wallet:
    settlement.settle(wallet_id=user.wallet.pk, now=at)
    user.wallet.refresh_from_db()
    return user.wallet


def beat(at: datetime) -> int:
    with patch("billing.tasks.timezone.now", return_value=at):
        return tasks.settle_due_wallets()


def allowances(user: User) -> list[datetime]:
    """Return when each allowance began that the user ever got."""
    found = user.wallet.grants.filter(source="allowance").order_by("effective_at")
    return list(found.values_list("effective_at", flat=True))


def resets_told(user: User) -> list[str]:
    """Return the keys of the resets that the user was told of."""
    told = Message.objects.filter(wallet=user.wallet, kind=Message.Kind.CYCLE_RESET)
    return list(told.order_by("pk").values_list("key", flat=True))


class TestAClockThatGoesBack:
    """Within five minutes it posts at the last moment; from further back nothing is posted."""

    @pytest.mark.parametrize("back", [MINUTE * 6, DAY, 40 * DAY])
    def test_after_a_reset_it_brings_no_second_allowance(self, alice: User, back: timedelta) -> None:
        settle(alice, RESET + HOUR)
        before = everything(alice.wallet)
        with pytest.raises(InvalidRequest):
            settlement.settle(wallet_id=alice.wallet.pk, now=RESET + HOUR - back)
        assert everything(alice.wallet) == before

    def test_whoever_reads_the_refusal_sees_both_times(self, alice: User) -> None:
        settle(alice, RESET + HOUR)
        with pytest.raises(
            InvalidRequest, match=r"clock says 2025-04-10 00:10:00 UTC.* last entry of 2025-04-10 01:00:00"
        ):
            metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="k", now=RESET + 10 * MINUTE)

    def test_credits_are_neither_given_nor_taken_by_it(self, alice: User, stella: User, now: datetime) -> None:
        settle(alice, RESET + HOUR)
        given = {"wallet_id": alice.wallet.pk, "amount": 1_000, "now": now}
        with pytest.raises(InvalidRequest):
            grants.issue(**given, source="promotional", business_key="gift")
        with pytest.raises(InvalidRequest):
            grants.adjust(**given, reason="Goodwill.", actor=stella, key="form")
        assert settle(alice, RESET + HOUR).available == FREE_ALLOWANCE

    def test_when_it_is_right_again_all_goes_on_and_the_same_key_is_charged(self, alice: User) -> None:
        settle(alice, RESET + HOUR)
        for _ in range(3):
            with pytest.raises(InvalidRequest):
                metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="k", now=RESET)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="k", now=RESET + 2 * HOUR)
        assert settle(alice, period_start(RESET, 1)).available == FREE_ALLOWANCE
        assert len(allowances(alice)) == 3

    def test_a_beat_that_goes_back_and_forth_over_a_reset_resets_once(self, alice: User) -> None:
        for at in (RESET - MINUTE, RESET, RESET - MINUTE, RESET + MINUTE, RESET - 2 * MINUTE, RESET + 2 * MINUTE):
            beat(at)
        assert allowances(alice)[1:] == [RESET]
        assert resets_told(alice) == ["cycle:2"]

    def test_a_small_step_back_over_a_reset_is_charged_to_the_new_cycle(self, alice: User) -> None:
        settle(alice, RESET)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="k", now=RESET - 4 * MINUTE)
        newest = alice.wallet.entries.latest("sequence")
        assert (newest.cycle, newest.posted_at) == (2, RESET)


class TestAClockThatIsFarAhead:
    """What time would bring is brought at once, each period once; the books wait there until time comes by."""

    @pytest.mark.parametrize("months", [2, 14, 120])
    def test_each_period_that_it_skips_is_issued_once(self, alice: User, now: datetime, months: int) -> None:
        wallet = settle(alice, period_start(now, months) + HOUR)
        assert allowances(alice) == [period_start(now, number) for number in range(months + 1)]
        assert (wallet.available, wallet.cycle) == (FREE_ALLOWANCE, months + 1)
        assert len(resets_told(alice)) == months

    def test_packs_are_untouched_by_it(self, alice: User, now: datetime) -> None:
        pack = give(alice.wallet, PACK, now=now)
        settle(alice, now + 4_000 * DAY)
        assert left(pack) == PACK

    def test_back_at_the_right_time_it_says_why_nothing_goes_on(self, alice: User, now: datetime) -> None:
        settle(alice, period_start(now, 14))
        with pytest.raises(InvalidRequest, match=r"2025-03-10 10:30:00 UTC.* 2026-05-10 00:00:00"):
            metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="k", now=now + HOUR)
        assert beat(now + HOUR) == 0
        assert len(allowances(alice)) == 15

    def test_once_time_comes_by_the_books_are_as_if_it_had_never_been_ahead(
        self, alice: User, bob: User, now: datetime
    ) -> None:
        settle(alice, period_start(now, 3))
        for month in range(1, 5):
            settle(bob, period_start(now, month) + HOUR)
            beat(period_start(now, month) + HOUR)
        assert without_clocks(everything(alice.wallet)) == without_clocks(everything(bob.wallet))

    def test_a_worker_whose_own_clock_is_ahead_does_nothing_and_says_so(
        self, alice: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        with (
            patch("time.time", return_value=datetime(2099, 1, 1, tzinfo=UTC).timestamp()),
            caplog.at_level(logging.ERROR),
        ):
            assert beat(datetime(2099, 1, 1, tzinfo=UTC)) == 0
        assert "settle_due_wallets does nothing here: this machine's clock is" in caplog.text
        assert len(allowances(alice)) == 1


class TestACycleThatNobodySaw:
    """Forty days without a beat, a page or a charge: everything happens afterwards, at the time it was due."""

    @pytest.fixture
    def twins(self, alice: User, bob: User, now: datetime) -> tuple[User, User]:
        """Two who did the same: they bought a pack, got a gift, and left a hold open."""
        for person in (alice, bob):
            give(person.wallet, PACK, now=now)
            give(person.wallet, 9_000, now=now, source="promotional", key="gift", expires_at=now + 9 * DAY)
            metering.hold(wallet=person.wallet, feature="flux-pro", quantity=6, key="images", now=now)
        return alice, bob

    @pytest.mark.parametrize("days", [40, 75])
    def test_the_books_are_those_of_somebody_who_was_seen_every_hour(
        self, twins: tuple[User, User], now: datetime, days: int
    ) -> None:
        unseen, seen = twins
        for hour in range(0, days * 24, 7):
            settle(seen, now + hour * HOUR)
        for person in twins:
            settle(person, now + days * DAY)
        assert without_clocks(everything(unseen.wallet)) == without_clocks(everything(seen.wallet))
        assert resets_told(unseen) == resets_told(seen)

    def test_a_contract_s_skipped_month_is_issued_and_expired(self, alice: User, now: datetime) -> None:
        Plan.objects.filter(pk="enterprise").update(allowance=700_000)
        Subscription.objects.filter(wallet=alice.wallet).update(plan="enterprise")
        wallet = settle(alice, RESET + 40 * DAY)
        assert [change for kind, change, *_ in books(wallet) if kind == "grant"] == [FREE_ALLOWANCE, 700_000, 700_000]
        assert wallet.available == 700_000

    def test_a_paid_plan_s_old_allowance_ends_and_the_next_waits_for_its_payment(
        self, alice: User, now: datetime
    ) -> None:
        ends_at = now + 30 * DAY
        period = {"wallet_id": alice.wallet.pk, "plan": "pro"}
        begin_paid_cycle(**period, starts_at=now, ends_at=ends_at, business_key="line:1", now=now)
        pack = give(alice.wallet, PACK, now=now)
        wallet = settle(alice, now + 70 * DAY)
        assert (wallet.available, left(pack)) == (PACK, PACK)
        (expiry,) = wallet.entries.filter(kind="expiry", available_change=-PRO)
        assert expiry.effective_at == ends_at + settlement.RENEWAL_GRACE
        for number, starts_at in ((2, ends_at), (3, ends_at + 30 * DAY)):
            line = {"starts_at": starts_at, "ends_at": starts_at + 30 * DAY, "business_key": f"line:{number}"}
            begin_paid_cycle(**period, **line, now=now + 70 * DAY)
        wallet.refresh_from_db()
        assert (wallet.available, wallet.cycle_ends_at) == (PRO + PACK, ends_at + 60 * DAY)
        assert wallet.grants.filter(source="allowance", amount=PRO).count() == 3


class TestZones:
    """Whose zone is missing or unknown has UTC's days; cycles are UTC's for everybody."""

    @pytest.fixture(params=["", "Mars/Olympus", "../etc/passwd"])
    def nowhere(self, request: pytest.FixtureRequest, alice: User) -> User:
        """Alice, in a zone that an older or a newer machine may have known."""
        time_zones.zone.cache_clear()
        Wallet.objects.filter(pk=alice.wallet.pk).update(time_zone=request.param)
        alice.wallet.refresh_from_db()
        return alice

    def test_a_user_without_one_has_utc(self, alice: User, now: datetime) -> None:
        assert (alice.time_zone, alice.wallet.time_zone) == ("UTC", "UTC")

    def test_somebody_can_sign_up_in_one_that_this_machine_does_not_know(self, db: None, now: datetime) -> None:
        person = sign_up("noor", at=now, time_zone="Mars/Olympus")
        assert person.wallet.available == FREE_ALLOWANCE

    @pytest.mark.parametrize("way", ["charge", "charges", "hold", "settle"])
    def test_every_way_posts_on_utc_s_day(self, nowhere: User, now: datetime, way: str) -> None:
        wallet, late = nowhere.wallet, now.replace(hour=23, minute=59)
        acts: dict[str, Callable[[], object]] = {
            "charge": lambda: metering.charge(wallet=wallet, feature="flux-pro", quantity=1, key="k", now=late),
            "charges": lambda: metering.charge_many(
                wallet=wallet, charges=[metering.Charge(feature="flux-pro", quantity=1, key="k")], now=late
            ),
            "hold": lambda: metering.capture(
                wallet=wallet,
                hold=metering.hold(wallet=wallet, feature="flux-pro", quantity=2, key="k", now=late),
                quantity=1,
                now=late,
            ),
            "settle": lambda: settlement.settle(wallet_id=wallet.pk, now=RESET),
        }
        acts[way]()
        newest = wallet.entries.latest("sequence")
        assert newest.posted_on == newest.posted_at.date()

    def test_the_log_says_once_which_it_is(
        self, nowhere: User, now: datetime, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR, logger="accounts.time_zones"):
            for number in range(3):
                metering.charge(wallet=nowhere.wallet, feature="flux-pro", quantity=1, key=f"{number}", now=now)
        name = nowhere.wallet.time_zone
        assert [record.getMessage() for record in caplog.records] == [
            f"This machine knows no time zone “{name}”: whose days follow it get those of UTC."
        ]

    def test_a_beat_settles_them_and_whoever_comes_after(self, nowhere: User, bob: User) -> None:
        assert beat(RESET) == 2
        assert allowances(nowhere)[1:] == allowances(bob)[1:] == [RESET]

    @pytest.mark.parametrize(
        "address", ["/settings/billing/", "/settings/billing/usage/", "/settings/billing/history/"]
    )
    def test_their_pages_open(self, nowhere: User, address: str) -> None:
        browser = Client()
        browser.force_login(nowhere)
        assert browser.get(address).status_code == 200


class TestAPlanThatChangesInMidCycle:
    """A cycle keeps the allowance and the thresholds that it began with; the next one has the new ones."""

    @pytest.mark.parametrize("allowance", [0, 1, 40_000, 900_000, None])
    def test_the_present_cycle_stays_as_it_is(self, alice: User, now: datetime, allowance: int | None) -> None:
        before = everything(alice.wallet)
        Plan.objects.filter(pk="free").update(allowance=allowance)
        settle(alice, RESET - MINUTE)
        assert everything(alice.wallet) == before

    @pytest.mark.parametrize(("allowance", "low"), [(0, 0), (1, 1), (40_000, 8_000), (900_000, 180_000)])
    def test_the_next_cycle_has_the_new_allowance_once(self, alice: User, allowance: int, low: int) -> None:
        Plan.objects.filter(pk="free").update(allowance=allowance)
        wallet = settle(alice, RESET)
        assert (wallet.available, wallet.low_below, wallet.unlimited) == (allowance, low, False)
        Plan.objects.filter(pk="free").update(allowance=5)
        assert settle(alice, RESET + HOUR).available == allowance

    def test_what_was_missed_meanwhile_is_issued_at_what_the_plan_says_now(self, alice: User, now: datetime) -> None:
        """Plans aren't dated as prices are: a month that nobody saw was used by nobody."""
        Plan.objects.filter(pk="free").update(allowance=40_000)
        wallet = settle(alice, RESET + 40 * DAY)
        assert [change for kind, change, *_ in books(wallet) if kind == "grant"] == [FREE_ALLOWANCE, 40_000, 40_000]

    def test_a_warning_is_judged_by_the_allowance_that_the_cycle_began_with(self, alice: User, now: datetime) -> None:
        Plan.objects.filter(pk="free").update(allowance=10)
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=80_001, key="k", now=now)
        assert alice.wallet.notices.get().level == 1

    def test_a_paid_plan_renews_at_the_new_allowance_and_the_paid_period_keeps_its_own(
        self, alice: User, stripe: Shop
    ) -> None:
        stripe.subscribe(alice)
        Plan.objects.filter(pk="pro").update(allowance=6_000_000)
        assert settle(alice, stripe.now()).available == PRO
        stripe.renew(alice)
        stripe.deliver()
        assert settle(alice, stripe.now()).available == 6_000_000
        assert alice.wallet.grants.filter(source="allowance").count() == 3


class TestAPeriodThatStripeDoesNotTell:
    """A subscription without a period leaves the cycle to what its invoices say was paid."""

    @pytest.fixture
    def without_period(self, alice: User, stripe: Shop, monkeypatch: pytest.MonkeyPatch) -> SubscriptionFacts:
        """Alice pays for Pro; from now on Stripe doesn't say for how long."""
        stripe.subscribe(alice)
        tell = gateway.fetch_subscription

        def fetch(stripe_subscription_id: str) -> SubscriptionFacts:
            return replace(tell(stripe_subscription_id), current_period_starts_at=None, current_period_ends_at=None)

        monkeypatch.setattr(gateway, "fetch_subscription", fetch)
        return fetch(stripe.subscription_of(alice).stripe_subscription_id)

    def test_the_paid_cycle_stays_as_it_is_and_the_log_says_so(
        self, alice: User, stripe: Shop, without_period: SubscriptionFacts, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = everything(settle(alice, stripe.now()))
        with caplog.at_level(logging.WARNING, logger="billing.services.paid_subscriptions"):
            paid_subscriptions.sync(stripe_subscription_id=without_period.id, now=stripe.now())
        assert everything(alice.wallet) == before
        assert f"{without_period.id} has no period at Stripe" in caplog.text

    def test_it_renews_once_by_the_invoice(self, alice: User, stripe: Shop, without_period: SubscriptionFacts) -> None:
        for _ in range(2):
            stripe.renew(alice)
            stripe.deliver(copies=2)
            stripe.reconcile()
        wallet = settle(alice, stripe.now())
        assert (wallet.available, wallet.cycle) == (PRO, 4)
        assert wallet.grants.filter(source="allowance", amount=PRO).count() == 3

    def test_a_cancelled_one_ends_with_the_paid_cycle(
        self, alice: User, stripe: Shop, without_period: SubscriptionFacts
    ) -> None:
        ends_at = Subscription.objects.get(wallet=alice.wallet).period_ends_at
        cancelled = replace(without_period, cancel_at=ends_at)
        paid_subscriptions.apply(paid_subscriptions.Fetched(stripe.now(), cancelled, ()), now=stripe.now())
        assert Subscription.objects.get(wallet=alice.wallet).status == Subscription.Status.CANCELLING
        wallet = settle(alice, ends_at)
        assert (wallet.available, wallet.subscription.plan_id) == (FREE_ALLOWANCE, "free")
