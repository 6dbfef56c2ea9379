"""Charging for what was used: who pays, in which order, and what is refused (decisions 1 to 8, 12, 26, 27)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from billing import metering
from billing.errors import (
    InsufficientCredits,
    InvalidQuantity,
    NoPlan,
    NoPriceInForce,
    UnknownFeature,
    UnknownWallet,
    WalletSuspended,
)
from billing.models import FeaturePrice, LedgerEntry, Subscription, Wallet
from billing.selectors import catalog
from billing.tests.people import books, give, left, planless_wallet

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

PRICES = [
    ("gpt-4o-mini", 1_000, 1_000),
    ("gpt-4o", 1_000, 5_000),
    ("claude-3.5-sonnet", 1_000, 3_000),
    ("o1-preview", 1_000, 15_000),
    ("dall-e-3-standard", 1, 40_000),
    ("dall-e-3-hd", 1, 80_000),
    ("stable-diffusion", 1, 10_000),
    ("flux-pro", 1, 20_000),
    ("web-search", 1, 5_000),
    ("pdf-summary", 1, 10_000),
    ("video-generation", 60, 100_000),
    ("analytics", 1, 0),
    ("custom-training", 1, 50_000),
]


@pytest.mark.parametrize(("feature", "quantity", "cost"), PRICES)
def test_each_feature_costs_what_the_documentation_says(
    alice: User, now: datetime, feature: str, quantity: int, cost: int
) -> None:
    assert metering.quote(feature=feature, quantity=quantity, now=now).cost == cost
    answer = metering.charge(wallet=alice.wallet, feature=feature, quantity=quantity, key="first", now=now)
    assert (answer.cost, answer.uncovered, answer.available) == (cost, 0, 100_000 - cost)


def test_alice_chats_and_her_ledger_says_what_it_was(alice: User, now: datetime) -> None:
    answer = metering.charge(
        wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="chat 1", detail={"input": 2_000}, now=now
    )
    entry = LedgerEntry.objects.get(wallet__owner=alice, kind="charge")
    assert (answer.sequence, answer.cost, answer.available, answer.replayed) == (2, 12_265, 87_735, False)
    assert (entry.sequence, entry.available_change, entry.cost, entry.available_after) == (2, -12_265, 12_265, 87_735)
    assert (entry.feature_id, entry.priced_as_id, entry.quantity, entry.source) == ("gpt-4o", "gpt-4o", 2_453, "app")
    assert entry.price == FeaturePrice.objects.get(feature="gpt-4o")
    assert entry.detail == {"input": 2_000}
    assert (entry.cycle, entry.posted_at, entry.effective_at, entry.used_on) == (1, now, now, now.date())
    assert entry.grant == alice.wallet.grants.get()


def test_the_day_s_usage_grows_with_each_charge(alice: User, now: datetime) -> None:
    for number in range(3):
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=100, key=f"chat {number}", now=now)
    usage = alice.wallet.daily_usage.get()
    assert (usage.used_on, usage.cycle, usage.feature_id, usage.source) == (now.date(), 1, "gpt-4o", "app")
    assert (usage.quantity, usage.cost, usage.uses) == (300, 1_500, 3)


def test_rounding_up_happens_once_per_charge(alice: User, now: datetime) -> None:
    assert metering.charge(wallet=alice.wallet, feature="video-generation", quantity=7, key="v", now=now).cost == 11_667


class TestBurnDown:
    """Credits that expire first are spent first; then the oldest (decision 7)."""

    def test_monthly_credits_go_before_packs(self, alice: User, now: datetime) -> None:
        pack = give(alice.wallet, 1_000_000, now=now)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=5, key="images", now=now)
        assert left(pack) == 1_000_000
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="one more", now=now)
        assert left(pack) == 980_000

    def test_a_charge_of_exactly_what_the_head_has_left_leaves_the_next_grant_as_head(
        self, alice: User, now: datetime
    ) -> None:
        pack = give(alice.wallet, 50_000, now=now)
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100_000, key="all of it", now=now)
        alice.wallet.refresh_from_db()
        assert (alice.wallet.available, left(pack)) == (50_000, 50_000)
        answer = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="next", now=now)
        assert (answer.available, left(pack)) == (30_000, 30_000)
        assert alice.wallet.entries.get(sequence=4).grant == pack

    def test_free_features_go_on_when_the_head_has_nothing_left(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100_000, key="all of it", now=now)
        answer = metering.charge(wallet=alice.wallet, feature="analytics", quantity=1, key="report", now=now)
        assert (answer.cost, answer.available) == (0, 0)
        assert alice.wallet.daily_usage.get(feature="analytics").uses == 1

    def test_a_charge_over_three_grants_has_a_share_of_each(self, alice: User, now: datetime) -> None:
        give(alice.wallet, 30_000, now=now, source="promotional", key="soon", expires_at=now + DAY)
        give(alice.wallet, 30_000, now=now, key="pack")
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=145_000, key="much", now=now)
        entry = alice.wallet.entries.get(sequence=4)
        shares = entry.shares.order_by("id").values_list("grant__source", "left_change", "held_change")
        assert entry.grant is None
        assert list(shares) == [("promotional", -30_000, 0), ("allowance", -100_000, 0), ("purchase", -15_000, 0)]

    def test_a_later_grant_that_expires_sooner_becomes_the_head(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now)
        promo = give(alice.wallet, 25_000, now=now + MINUTE, source="promotional", expires_at=now + 3 * DAY)
        assert alice.wallet.head_grant == promo
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="another", now=now + HOUR)
        assert (left(promo), alice.wallet.grants.get(source="allowance").remaining) == (5_000, 80_000)

    def test_the_older_of_two_packs_is_spent_first(self, alice: User, now: datetime) -> None:
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100_000, key="all of it", now=now)
        older = give(alice.wallet, 30_000, now=now, key="z")
        newer = give(alice.wallet, 30_000, now=now + MINUTE, key="a")
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=2, key="images", now=now + HOUR)
        assert (left(older), left(newer)) == (0, 20_000)

    def test_of_two_grants_that_end_together_the_older_goes_first(self, alice: User, now: datetime) -> None:
        end = alice.wallet.cycle_ends_at
        twin = give(alice.wallet, 30_000, now=now + MINUTE, source="promotional", expires_at=end)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now + HOUR)
        assert left(twin) == 30_000

    def test_a_grant_that_expires_before_the_charge_pays_nothing(self, alice: User, now: datetime) -> None:
        promo = give(alice.wallet, 25_000, now=now, source="promotional", expires_at=now + HOUR)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=now + HOUR)
        assert books(alice.wallet, after=2) == [("expiry", -25_000, 0, 0), ("charge", -20_000, 0, 20_000)]
        assert left(promo) == 0

    def test_a_microsecond_before_its_end_it_still_pays(self, alice: User, now: datetime) -> None:
        promo = give(alice.wallet, 25_000, now=now, source="promotional", expires_at=now + HOUR)
        moment = now + HOUR - timedelta(microseconds=1)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="image", now=moment)
        assert left(promo) == 5_000

    def test_a_grant_that_starts_later_pays_from_then_on(self, alice: User, now: datetime) -> None:
        later = give(alice.wallet, 25_000, now=now, starts_at=now + DAY, expires_at=now + 2 * DAY)
        assert alice.wallet.available == 100_000
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="before", now=now + DAY - MINUTE)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="after", now=now + DAY)
        assert (left(later), alice.wallet.grants.get(source="allowance").remaining) == (5_000, 80_000)


class TestRefusals:
    """Out of credits, suspended, without a plan: a clear answer, and no trace in the books."""

    def test_a_refusal_says_what_is_needed_and_what_is_there(self, alice: User, now: datetime) -> None:
        with pytest.raises(InsufficientCredits, match=r"needs 160 credits; 100 are available, 60 too few") as refusal:
            metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
        assert (refusal.value.needed, refusal.value.available, refusal.value.shortfall) == (160_000, 100_000, 60_000)
        assert len(books(alice.wallet)) == 1

    def test_a_refusal_is_not_remembered(self, alice: User, now: datetime) -> None:
        with pytest.raises(InsufficientCredits):
            metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
        give(alice.wallet, 100_000, now=now)
        answer = metering.charge(wallet=alice.wallet, feature="dall-e-3-hd", quantity=2, key="images", now=now)
        assert (answer.cost, answer.replayed) == (160_000, False)

    def test_what_is_set_aside_can_not_be_spent(self, alice: User, now: datetime) -> None:
        metering.hold(wallet=alice.wallet, feature="dall-e-3-hd", quantity=1, key="hold", now=now)
        with pytest.raises(InsufficientCredits) as refusal:
            metering.charge(wallet=alice.wallet, feature="dall-e-3-standard", quantity=1, key="image", now=now)
        assert refusal.value.available == 20_000

    def test_a_suspended_wallet_is_not_charged_not_even_nothing(self, alice: User, now: datetime) -> None:
        Wallet.objects.filter(owner=alice).update(suspended_at=now)
        for feature in ("gpt-4o", "analytics"):
            with pytest.raises(WalletSuspended):
                metering.charge(wallet=alice.wallet, feature=feature, quantity=1, key=feature, now=now)
        with pytest.raises(WalletSuspended):
            metering.charge_workflow(
                wallet=alice.wallet, workflow="w", nodes=[metering.Node(name="free")], key="run", now=now
            )
        assert len(books(alice.wallet)) == 1
        assert not alice.wallet.notices.exists()

    def test_a_repeat_of_a_paid_charge_is_answered_while_suspended(self, alice: User, now: datetime) -> None:
        first = metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="chat", now=now)
        Wallet.objects.filter(owner=alice).update(suspended_at=now)
        again = metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="chat", now=now)
        assert (again.replayed, again.sequence) == (True, first.sequence)

    def test_a_wallet_that_does_not_exist_is_unknown(self, db: None, now: datetime) -> None:
        with pytest.raises(UnknownWallet):
            metering.charge(wallet=Wallet(pk=404_404), feature="gpt-4o", quantity=1, key="chat", now=now)

    def test_a_wallet_without_a_plan_gets_no_free_ride(self, db: None, now: datetime) -> None:
        wallet = planless_wallet(at=now)
        with pytest.raises(NoPlan):
            metering.charge(wallet=wallet, feature="flux-pro", quantity=1, key="image", now=now)
        with pytest.raises(NoPlan):
            metering.hold(wallet=wallet, feature="gpt-4o", quantity=100, key="chat", now=now)
        assert not wallet.entries.exists()

    def test_a_new_wallet_is_due_at_once_so_that_its_plan_is_asked_for(self, alice: User, now: datetime) -> None:
        wallet = Wallet.objects.create(last_posted_at=now, last_posted_on=now.date(), cycle_started_at=now)
        wallet.refresh_from_db()
        assert wallet.next_due_at is not None

    def test_nobody_can_lose_their_plan(self, alice: User) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            alice.wallet.subscription.delete()
        assert Subscription.objects.filter(wallet=alice.wallet).exists()


class TestUnlimited:
    """On a contract usage is recorded and priced; nothing is burned, nobody warned (decision 12)."""

    def test_usage_is_recorded_and_priced_and_nothing_burned(self, alice: User, now: datetime) -> None:
        Wallet.objects.filter(owner=alice).update(unlimited=True)
        answer = metering.charge(wallet=alice.wallet, feature="o1-preview", quantity=10**6, key="book", now=now)
        assert (answer.cost, answer.uncovered, answer.available) == (15_000_000, 0, 100_000)
        assert books(alice.wallet, after=1) == [("charge", 0, 0, 15_000_000)]
        assert alice.wallet.daily_usage.get().cost == 15_000_000
        assert not alice.wallet.notices.exists()

    def test_packs_resume_their_role_when_it_ends(self, alice: User, now: datetime) -> None:
        pack = give(alice.wallet, 50_000, now=now)
        Wallet.objects.filter(owner=alice).update(unlimited=True)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=90, key="many", now=now)
        Wallet.objects.filter(owner=alice).update(unlimited=False)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=6, key="few", now=now)
        assert left(pack) == 30_000


def test_a_use_that_would_not_fit_the_day_s_total_is_refused_whole(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    most = 2**63 - 1
    metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=most, key="1", now=now)
    for quantity in (1, most):
        with pytest.raises(InvalidQuantity, match="books can hold"):
            metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=quantity, key="2", now=now)
    assert books(alice.wallet, after=1) == [("charge", 0, 0, most)]


class TestChatbots:
    """A chatbot's message costs what its model costs (decision 4)."""

    def test_usage_shows_both_the_chatbot_and_the_model(self, alice: User, now: datetime) -> None:
        answer = metering.charge(
            wallet=alice.wallet,
            feature="chatbot-message",
            priced_as="claude-3.5-sonnet",
            quantity=1_200,
            source="chatbot:7",
            key="message 1",
            now=now,
        )
        assert answer.cost == 3_600
        entry = alice.wallet.entries.get(kind="charge")
        usage = alice.wallet.daily_usage.get()
        for row in (entry, usage):
            assert (row.feature_id, row.priced_as_id, row.source) == (
                "chatbot-message",
                "claude-3.5-sonnet",
                "chatbot:7",
            )

    @pytest.mark.parametrize("model", [None, "flux-pro", "chatbot-message", "workflow-execution", "gpt-5"])
    def test_its_model_must_be_a_chat_model(self, alice: User, now: datetime, model: str | None) -> None:
        with pytest.raises(UnknownFeature):
            metering.charge(
                wallet=alice.wallet, feature="chatbot-message", priced_as=model, quantity=9, key="message", now=now
            )
        assert len(books(alice.wallet)) == 1

    def test_a_feature_with_its_own_price_is_not_priced_as_another(self, alice: User, now: datetime) -> None:
        with pytest.raises(UnknownFeature, match="a price of its own"):
            metering.charge(
                wallet=alice.wallet, feature="o1-preview", priced_as="gpt-4o-mini", quantity=9, key="cheap", now=now
            )

    def test_a_workflow_is_not_charged_as_a_feature(self, alice: User, now: datetime) -> None:
        with pytest.raises(UnknownFeature, match="charge_workflow"):
            metering.charge(wallet=alice.wallet, feature="workflow-execution", quantity=1, key="run", now=now)


class TestDatedPrices:
    """Prices are dated; a charge keeps the price it was made at (decision 6)."""

    def price(self, feature: str, millicredits: int, starts_at: datetime) -> FeaturePrice:
        return FeaturePrice.objects.create(feature_id=feature, millicredits=millicredits, per=1, starts_at=starts_at)

    def test_a_new_price_holds_from_its_start_on(self, alice: User, now: datetime) -> None:
        new = self.price("flux-pro", 30_000, now + HOUR)
        before = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now + HOUR - MINUTE)
        after = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="2", now=now + HOUR)
        assert (before.cost, after.cost) == (20_000, 30_000)
        assert alice.wallet.entries.get(sequence=3).price == new

    def test_a_stale_catalog_in_this_process_never_prices_a_charge(self, alice: User, now: datetime) -> None:
        assert catalog.current().price_of("flux-pro", now).millicredits == 20_000
        self.price("flux-pro", 30_000, now - MINUTE)
        assert catalog.current().price_of("flux-pro", now).millicredits == 20_000, "the copy is stale"
        assert metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now).cost == 30_000

    def test_nor_a_hold(self, alice: User, now: datetime) -> None:
        self.price("flux-pro", 30_000, now - MINUTE)
        held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now)
        assert held.amount == 30_000
        assert metering.capture(wallet=alice.wallet, hold=held, quantity=1, now=now).cost == 30_000

    def test_nor_many_charges_nor_a_workflow_nor_a_quote(self, alice: User, now: datetime) -> None:
        self.price("flux-pro", 30_000, now - MINUTE)
        assert metering.quote(feature="flux-pro", quantity=1, now=now).cost == 30_000
        self.price("flux-pro", 31_000, now - MINUTE / 2)
        items = [metering.Charge(feature=feature, quantity=1, key=feature) for feature in ("gpt-4o", "flux-pro")]
        answers = metering.charge_many(wallet=alice.wallet, charges=items, now=now)
        assert [answer.cost for answer in answers if isinstance(answer, metering.Answer)] == [5, 31_000]
        self.price("flux-pro", 32_000, now)
        nodes = [metering.Node(feature="flux-pro", quantity=1)]
        run = metering.charge_workflow(wallet=alice.wallet, workflow="w", nodes=nodes, key="run", now=now)
        assert run.cost == 32_000

    @pytest.mark.parametrize("way", ["charge", "charge_many", "hold"])
    def test_nor_does_a_copy_of_a_price_that_was_rolled_back(self, alice: User, now: datetime, way: str) -> None:
        with transaction.atomic():
            self.price("flux-pro", 1, now - MINUTE)
            catalog.fresh()
            transaction.set_rollback(True)
        assert catalog.current().price_of("flux-pro", now).millicredits == 1, "the copy is wrong"
        item = metering.Charge(feature="flux-pro", quantity=1, key="1")
        if way == "hold":
            metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now)
        elif way == "charge":
            metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now)
        else:
            metering.charge_many(wallet=alice.wallet, charges=[item], now=now)
        alice.wallet.refresh_from_db()
        assert alice.wallet.available == 80_000

    def test_a_chatbot_s_message_follows_its_model_s_new_price(self, alice: User, now: datetime) -> None:
        self.price("gpt-4o", 1, now - MINUTE)
        answer = metering.charge(
            wallet=alice.wallet, feature="chatbot-message", priced_as="gpt-4o", quantity=500, key="m", now=now
        )
        assert answer.cost == 500

    def test_a_hold_is_captured_at_the_price_of_its_opening(self, alice: User, now: datetime) -> None:
        held = metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=2, key="1", now=now)
        self.price("flux-pro", 30_000, now + MINUTE)
        answer = metering.capture(wallet=alice.wallet, hold=held, quantity=2, now=now + 2 * MINUTE)
        assert answer.cost == 40_000

    def test_a_repeat_after_a_price_change_gets_the_first_answer(self, alice: User, now: datetime) -> None:
        first = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now)
        self.price("flux-pro", 99_000, now + MINUTE)
        again = metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="1", now=now + HOUR)
        assert (again.replayed, again.cost, again.sequence) == (True, first.cost, first.sequence)

    def test_before_the_first_price_nothing_is_given_away(self, alice: User) -> None:
        with pytest.raises(NoPriceInForce, match="gpt-4o"):
            metering.quote(feature="gpt-4o", quantity=1, now=datetime(2022, 12, 31, tzinfo=UTC))

    def test_a_feature_that_was_added_a_moment_ago_is_found(self, alice: User, now: datetime) -> None:
        catalog.current()
        feature = catalog.Feature.objects.create(code="gpt-5", name="GPT-5", group="chat", unit="token", position=99)
        with pytest.raises(NoPriceInForce):
            metering.charge(wallet=alice.wallet, feature="gpt-5", quantity=1, key="1", now=now)
        FeaturePrice.objects.create(feature=feature, millicredits=9, per=1, starts_at=now - DAY)
        assert metering.charge(wallet=alice.wallet, feature="gpt-5", quantity=1, key="1", now=now).cost == 9
