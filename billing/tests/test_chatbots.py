"""Chatbots stay within the plan's limit, rest as their owner and the plan say, and leave their names behind."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest, UnknownFeature
from billing.models import Chatbot, FeaturePrice, Plan, Wallet
from billing.selectors import catalog
from billing.selectors import chatbots as selectors
from billing.selectors.sources import source_names
from billing.services import chatbots, subscriptions
from billing.services.chatbots import ChatbotLimitReached, UnknownChatbot
from billing.tests.people import begin_paid_cycle

pytestmark = pytest.mark.django_db


def make(user: User, name: str, now: datetime, *, model: str = "gpt-4o-mini") -> Chatbot:
    return chatbots.create(wallet_id=user.wallet.pk, name=name, model=model, now=now)


def states(wallet: Wallet) -> dict[str, str]:
    return {bot.name: bot.state for bot in wallet.chatbots.order_by("pk")}


def go_pro(user: User, now: datetime) -> None:
    begin_paid_cycle(
        wallet_id=user.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=31),
        business_key=f"test:pro:{now}",
        now=now,
    )


def test_a_free_plan_has_one_chatbot_and_says_so_at_the_second(alice: User, now: datetime) -> None:
    first = make(alice, "Helper", now)
    with pytest.raises(ChatbotLimitReached, match="includes 1 active chatbot"):
        make(alice, "Second", now)
    assert list(alice.wallet.chatbots.all()) == [first]


def test_a_paused_chatbot_leaves_room_for_another(alice: User, now: datetime) -> None:
    paused = make(alice, "Helper", now)
    chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=paused.pk, now=now)
    second = make(alice, "Second", now)
    assert second.source == f"chatbot:{second.pk}"
    with pytest.raises(ChatbotLimitReached):
        chatbots.resume(wallet_id=alice.wallet.pk, chatbot_id=paused.pk, now=now)
    assert states(alice.wallet) == {"Helper": "paused", "Second": "active"}


def test_a_contract_without_a_limit_has_any_number(alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    for number in range(12):
        make(alice, f"Bot {number}", now)
    assert selectors.counts(alice.wallet).active == 12


@pytest.mark.parametrize("model", ["flux-pro", "chatbot-message", "workflow-execution", "gpt-17", "", "\x00"])
def test_a_chatbot_answers_with_a_chat_model_only(alice: User, now: datetime, model: str) -> None:
    with pytest.raises(UnknownFeature, match="not a chat model"):
        make(alice, "Painter", now, model=model)
    assert not alice.wallet.chatbots.exists()


def test_a_model_without_a_price_in_force_is_not_offered(alice: User, now: datetime) -> None:
    earliest = FeaturePrice.objects.filter(feature="o1-preview").earliest("starts_at").starts_at
    before = earliest - timedelta(days=1)
    assert selectors.models_to_choose(now=before) == []
    catalog.fresh()
    assert [model.feature.code for model in selectors.models_to_choose(now=now)] == [
        "gpt-4o-mini", "gpt-4o", "claude-3.5-sonnet", "o1-preview",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "x" * 80,
        "=cmd|' /C calc'!A0",
        'A, "quoted" one',
        "مساعد المتجر",
        "שָׁלוֹם",
        "🤖👩‍👩‍👧",
        "<b>bold</b>",
        "'; --",
    ],
)
def test_any_name_that_can_be_read_is_kept_as_it_was_typed(alice: User, now: datetime, name: str) -> None:
    bot = make(alice, f"  {name}\n", now)
    bot.refresh_from_db()
    assert bot.name == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "needs a name that can be seen"),
        (" \t\n", "needs a name that can be seen"),
        ("\u200b\u200d", "needs a name that can be seen"),
        ("x" * 81, "at most 80 characters; this one has 81"),
        ("A\x00B", "can’t be shown"),
        ("A\nB", "can’t be shown"),
        ("A\x1bB", "can’t be shown"),
        ("A\u2028B", "can’t be shown"),
        ("A\ud800B", "can’t be shown"),
    ],
)
def test_a_name_that_can_not_be_read_is_refused(alice: User, now: datetime, name: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        make(alice, name, now)
    bot = make(alice, "Helper", now)
    with pytest.raises(InvalidRequest, match=why):
        chatbots.change(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, name=name, model="gpt-4o", now=now)
    assert list(alice.wallet.chatbots.values_list("name", "model")) == [("Helper", "gpt-4o-mini")]


def test_a_rename_and_another_model_change_nothing_that_was_used(alice: User, now: datetime) -> None:
    bot = make(alice, "Helper", now)
    metering.charge(
        wallet=alice.wallet, feature="chatbot-message", priced_as="gpt-4o-mini", quantity=1_000, key="a",
        source=bot.source, now=now,
    )  # fmt: skip
    chatbots.change(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, name="Guide", model="gpt-4o", now=now)
    entry = alice.wallet.entries.latest("sequence")
    assert (entry.priced_as_id, entry.cost) == ("gpt-4o-mini", 1_000)
    assert source_names(alice.wallet, [bot.source]) == {bot.source: "Guide"}


def test_acts_may_be_repeated(alice: User, now: datetime) -> None:
    bot = make(alice, "Helper", now)
    later = now + timedelta(hours=1)
    for at in (now, later):
        chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=at)
    bot.refresh_from_db()
    assert (bot.state, bot.paused_at) == ("paused", now)
    for _ in range(2):
        chatbots.resume(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=later)
    assert states(alice.wallet) == {"Helper": "active"}


def test_what_its_owner_paused_no_upgrade_wakes(alice: User, now: datetime) -> None:
    go_pro(alice, now)
    first, *_ = [make(alice, name, now + timedelta(minutes=n)) for n, name in enumerate("ABC")]
    chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=first.pk, now=now)
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now + timedelta(hours=1))
    assert states(alice.wallet) == {"A": "paused", "B": "active", "C": "over-limit"}
    go_pro(alice, now + timedelta(hours=2))
    assert states(alice.wallet) == {"A": "paused", "B": "active", "C": "active"}


def test_an_owner_may_swap_which_one_answers_on_a_smaller_plan(alice: User, now: datetime) -> None:
    go_pro(alice, now)
    first, second = (make(alice, name, now + timedelta(minutes=n)) for n, name in enumerate("AB"))
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now + timedelta(hours=1))
    chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=first.pk, now=now + timedelta(hours=1))
    chatbots.resume(wallet_id=alice.wallet.pk, chatbot_id=second.pk, now=now + timedelta(hours=1))
    assert states(alice.wallet) == {"A": "paused", "B": "active"}
    go_pro(alice, now + timedelta(hours=2))
    assert states(alice.wallet) == {"A": "paused", "B": "active"}


def test_one_that_the_limit_paused_stays_paused_if_its_owner_says_so(alice: User, now: datetime) -> None:
    go_pro(alice, now)
    make(alice, "A", now)
    second = make(alice, "B", now + timedelta(minutes=1))
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now + timedelta(hours=1))
    chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=second.pk, now=now + timedelta(hours=1))
    go_pro(alice, now + timedelta(hours=2))
    assert states(alice.wallet) == {"A": "active", "B": "paused"}


def test_an_active_one_is_never_stopped_to_wake_another(alice: User, now: datetime) -> None:
    go_pro(alice, now)
    first = make(alice, "A", now)
    make(alice, "B", now + timedelta(minutes=1))
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now + timedelta(hours=1))
    chatbots.delete(wallet_id=alice.wallet.pk, chatbot_id=first.pk, now=now + timedelta(hours=1))
    make(alice, "C", now + timedelta(hours=1))
    Plan.objects.filter(pk="enterprise").update(chatbot_limit=1)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=1_000, now=now + timedelta(hours=2))
    assert states(alice.wallet) == {"A": "deleted", "B": "over-limit", "C": "active"}


def test_the_counts_foretell_what_a_change_of_plan_does(alice: User, now: datetime) -> None:
    go_pro(alice, now)
    bots = [make(alice, name, now + timedelta(minutes=n)) for n, name in enumerate("ABCD")]
    chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=bots[0].pk, now=now)
    foretold = selectors.counts(alice.wallet).pausing_under(1)
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now + timedelta(hours=1))
    counts = selectors.counts(alice.wallet)
    assert (foretold, counts.waiting, counts.paused, counts.all) == (2, 2, 1, 4)
    foretold = counts.resuming_under(5)
    go_pro(alice, now + timedelta(hours=2))
    assert (foretold, selectors.counts(alice.wallet).waiting) == (2, 0)


def test_a_deleted_one_is_gone_but_for_its_name(alice: User, now: datetime) -> None:
    bot = make(alice, "Helper", now)
    chatbots.delete(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=now)
    acts = [
        lambda: chatbots.pause(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=now),
        lambda: chatbots.resume(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=now),
        lambda: chatbots.delete(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=now),
        lambda: chatbots.change(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, name="X", model="gpt-4o", now=now),
    ]
    for act in acts:
        with pytest.raises(UnknownChatbot):
            act()
    assert source_names(alice.wallet, [bot.source]) == {bot.source: "Helper (deleted)"}
    assert not selectors.answering(alice.wallet).exists()
    make(alice, "Helper", now)
    go_pro(alice, now)
    assert sorted(alice.wallet.chatbots.values_list("deleted_at", flat=True), key=str) == [now, None]


def test_nobody_acts_on_another_s_chatbot(alice: User, bob: User, now: datetime) -> None:
    bot = make(alice, "Helper", now)
    for act in (chatbots.pause, chatbots.resume, chatbots.delete):
        with pytest.raises(UnknownChatbot):
            act(wallet_id=bob.wallet.pk, chatbot_id=bot.pk, now=now)
    with pytest.raises(UnknownChatbot):
        chatbots.change(wallet_id=bob.wallet.pk, chatbot_id=bot.pk, name="Mine", model="gpt-4o", now=now)
    assert states(alice.wallet) == {"Helper": "active"}
