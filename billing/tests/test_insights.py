"""The four tips against stories that can be reckoned up by hand; every figure is what metering itself would charge."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from accounts.models import User
from billing import metering
from billing.metering import Node
from billing.models import FeaturePrice
from billing.selectors import catalog, insights
from billing.selectors.insights import Choice, Insights
from billing.selectors.insights_runs import Batching
from billing.selectors.insights_tips import ShorterAnswers, SmallerModels, StandardImages
from billing.services import chatbots
from billing.tests.people import give

CHOICE = Choice(below=500, limit=1_000)


@pytest.fixture
def rich(alice: User, now: datetime) -> User:
    """Alice has bought a great many credits, so that nothing is refused."""
    give(alice.wallet, 900_000_000, now=now)
    return alice


class Chat:
    """Somebody who sends messages, each a number of minutes and seconds after the start."""

    def __init__(self, user: User, start: datetime) -> None:
        self.wallet = user.wallet
        self.start = start
        self.sent = 0

    def says(
        self,
        prompt: int,
        answer: int,
        *,
        to: str = "gpt-4o",
        minute: int = 0,
        second: int = 0,
        source: str = "app",
        by: str = "",
        occurred_at: datetime | None = None,
    ) -> int:
        """Send a message, by a chatbot if one is named, and return what it cost."""
        self.sent += 1
        return metering.charge(
            wallet=self.wallet,
            feature="chatbot-message" if by else to,
            priced_as=to if by else None,
            quantity=prompt + answer,
            key=f"message {self.sent}",
            source=by or source,
            detail={"input_tokens": prompt, "output_tokens": answer},
            occurred_at=occurred_at,
            now=self.start + timedelta(minutes=minute, seconds=second),
        ).cost


@pytest.fixture
def chat(rich: User, now: datetime) -> Chat:
    return Chat(rich, now)


def of(user: User, *, now: datetime, choice: Choice = CHOICE, most: int = 20_000) -> Insights:
    user.wallet.refresh_from_db()
    return insights.insights(user.wallet, choice, now=now, most=most)


T = TypeVar("T")


def tip(found: Insights, kind: type[T]) -> T:
    (one,) = (each for each in found.tips if isinstance(each, kind))
    return one


def test_short_messages_to_larger_models_are_compared_with_the_cheapest_one(
    chat: Chat, rich: User, now: datetime
) -> None:
    chat.says(300, 199)  # 499 tokens: 2.495 credits, 0.499 with GPT-4o Mini
    chat.says(300, 200)  # 500 tokens are not fewer than 500
    chat.says(100, 1, to="o1-preview")  # 101 tokens: 1.515, 0.101 with Mini
    chat.says(10, 10, to="gpt-4o-mini")
    found = tip(of(rich, now=now), SmallerModels)
    assert [(row.model.code, row.meant, row.uses, row.cost, row.saving) for row in found.rows] == [
        ("gpt-4o", 1, 2, 2_495, 1_996),
        ("o1-preview", 1, 1, 1_515, 1_414),
    ]
    assert (found.saving, found.cheapest.code, found.looked_at) == (3_410, "gpt-4o-mini", 4)


def test_savings_are_what_metering_would_have_charged_less(chat: Chat, rich: User, now: datetime) -> None:
    tokens = [(n * 37 % 480 + 1, n % 7) for n in range(60)]
    paid = sum(chat.says(prompt, answer, to="claude-3.5-sonnet") for prompt, answer in tokens)
    quoted = sum(metering.quote(feature="gpt-4o-mini", quantity=sum(pair), now=now).cost for pair in tokens)
    assert tip(of(rich, now=now), SmallerModels).saving == paid - quoted


def test_a_price_that_does_not_divide_is_rounded_up_for_every_message(chat: Chat, rich: User, now: datetime) -> None:
    FeaturePrice.objects.create(
        feature_id="gpt-4o-mini", millicredits=1_000, per=999, starts_at=now - timedelta(days=1)
    )
    catalog.fresh()
    paid = [chat.says(1, 1), chat.says(2, 1)]
    mini = [metering.quote(feature="gpt-4o-mini", quantity=quantity, now=now).cost for quantity in (2, 3)]
    assert mini == [3, 4]
    assert tip(of(rich, now=now), SmallerModels).saving == sum(paid) - sum(mini)


def test_the_reader_says_what_a_simple_message_is(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(1_500, 400)
    assert tip(of(rich, now=now), SmallerModels).rows == ()
    assert tip(of(rich, now=now, choice=Choice(2_000, 1_000)), SmallerModels).saving == 1_900 * 4


def test_messages_of_chatbots_count_with_their_model(chat: Chat, rich: User, now: datetime) -> None:
    bot = chatbots.create(wallet_id=rich.wallet.pk, name="Desk", model="gpt-4o", now=now)
    chat.says(80, 20, by=bot.source)
    (row,) = tip(of(rich, now=now), SmallerModels).rows
    assert (row.model.code, row.saving) == ("gpt-4o", 400)


def test_a_cheaper_model_from_today_on_is_what_messages_are_compared_with(
    chat: Chat, rich: User, now: datetime
) -> None:
    chat.says(100, 100)
    FeaturePrice.objects.create(feature_id="claude-3.5-sonnet", millicredits=500, per=1_000, starts_at=now)
    catalog.fresh()
    found = tip(of(rich, now=now), SmallerModels)
    assert (found.cheapest.code, found.saving) == ("claude-3.5-sonnet", 1_000 - 100)


def test_three_messages_in_a_row_repeat_the_smallest_prompt_twice(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(1_000, 50)
    chat.says(900, 60, minute=1)
    chat.says(1_200, 70, minute=2, second=59)
    found = tip(of(rich, now=now), Batching)
    assert (found.runs, found.messages, found.repeated, found.saving) == (1, 3, 1_800, 9_000)
    (run,) = found.examples
    assert (run.prompt, run.uses[0].at, run.last.at) == (900, now, now + timedelta(minutes=2, seconds=59))


def test_what_was_saved_is_the_price_of_shorter_messages(chat: Chat, rich: User, now: datetime) -> None:
    costs = [chat.says(700 + number, 11, to="claude-3.5-sonnet", second=number) for number in range(5)]
    shorter = [metering.quote(feature="claude-3.5-sonnet", quantity=number + 11, now=now).cost for number in range(5)]
    assert tip(of(rich, now=now), Batching).saving == sum(costs[1:]) - sum(shorter[1:])


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([{}, {"minute": 1}], id="two are no run"),
        pytest.param([{}, {"minute": 2}, {"minute": 4}], id="two minutes lie between them"),
        pytest.param([{}, {"second": 1, "to": "gpt-4o-mini"}, {"second": 2}], id="another model"),
        pytest.param([{}, {"second": 1, "source": "api"}, {"second": 2}], id="another place"),
    ],
)
def test_what_is_no_run(chat: Chat, rich: User, now: datetime, messages: list[dict[str, int | str]]) -> None:
    for message in messages:
        chat.says(500, 50, **message)
    assert tip(of(rich, now=now), Batching).runs == 0


def test_what_others_do_between_does_not_end_a_run(chat: Chat, rich: User, now: datetime) -> None:
    for second in (0, 50, 100):
        chat.says(500, 50, second=second)
        chat.says(500, 50, second=second + 1, source="api")
    assert tip(of(rich, now=now), Batching).runs == 2


def test_visitors_of_a_chatbot_and_imported_messages_are_no_run(chat: Chat, rich: User, now: datetime) -> None:
    bot = chatbots.create(wallet_id=rich.wallet.pk, name="Desk", model="gpt-4o", now=now)
    for second in range(3):
        chat.says(500, 50, second=second, by=bot.source)
        chat.says(500, 50, second=second, occurred_at=now - timedelta(days=2))
    found = tip(of(rich, now=now), Batching)
    assert (found.runs, found.looked_at) == (0, 0)


def test_a_limit_would_have_cut_long_answers(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(100, 1_000)
    chat.says(100, 1_001, minute=9)
    chat.says(100, 5_096, to="claude-3.5-sonnet", minute=19)
    found = tip(of(rich, now=now), ShorterAnswers)
    assert (found.chosen.answers, found.chosen.tokens, found.saving) == (2, 4_097, 1 * 5 + 4_096 * 3)
    assert (found.own.limit, found.own.answers, found.own.saving) == (4_096, 1, 3_000)
    assert [(each.model.code, each.use.output_tokens, each.saving) for each in found.chosen.examples] == [
        ("claude-3.5-sonnet", 5_096, 12_288),
        ("gpt-4o", 1_001, 5),
    ]
    assert tip(of(rich, now=now, choice=Choice(500, 4_000)), ShorterAnswers).saving == 1_096 * 3


def test_the_own_limit_is_the_wallets(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(100, 800)
    rich.wallet.max_output_tokens = 300
    rich.wallet.save(update_fields=["max_output_tokens"])
    own = tip(of(rich, now=now), ShorterAnswers).own
    assert (own.limit, own.answers, own.saving) == (300, 1, 2_500)


def test_images_in_hd_are_compared_with_standard_ones(rich: User, now: datetime) -> None:
    for number, (feature, quantity) in enumerate([("dall-e-3-hd", 2), ("dall-e-3-hd", 1), ("flux-pro", 4)]):
        metering.charge(wallet=rich.wallet, feature=feature, quantity=quantity, key=f"image {number}", now=now)
    found = tip(of(rich, now=now), StandardImages)
    (row,) = found.rows
    assert (row.model.code, row.other.code, row.quantity, row.saving) == (
        "dall-e-3-hd",
        "dall-e-3-standard",
        3,
        120_000,
    )
    assert found.looked_at == 3


def test_what_would_have_saved_most_comes_first(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(100, 100)
    metering.charge(wallet=rich.wallet, feature="dall-e-3-hd", quantity=1, key="image", now=now)
    found = of(rich, now=now)
    assert [each.code for each in found.tips] == ["standard-images", "smaller-models", "batching", "answer-limit"]
    assert [each.saving for each in found.tips] == [40_000, 800, 0, 0]


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"output_tokens": "many"},
        {"output_tokens": -5},
        {"output_tokens": [1]},
        {"output_tokens": 1.5},
        {"output_tokens": 10**30},
        {"output_tokens": "9" * 9_000},
        {"output_tokens": 3_001},
        {"input_tokens": {"a": 1}, "output_tokens": True},
    ],
    ids=lambda told: repr(told)[:30],
)
def test_what_makes_no_sense_of_all_that_callers_told_is_left_out(
    rich: User, now: datetime, told: dict[str, object]
) -> None:
    metering.charge(wallet=rich.wallet, feature="gpt-4o", quantity=3_000, key="odd", detail=told, now=now)
    found = of(rich, now=now)
    assert tip(found, ShorterAnswers).looked_at == tip(found, Batching).looked_at == 0


def test_an_enormous_answer_is_exact_too(rich: User, now: datetime) -> None:
    tokens = 170_000_000
    detail: dict[str, object] = {"input_tokens": 0, "output_tokens": tokens}
    metering.charge(wallet=rich.wallet, feature="gpt-4o", quantity=tokens, key="huge", detail=detail, now=now)
    assert tip(of(rich, now=now), ShorterAnswers).saving == (tokens - 1_000) * 5


def test_settled_holds_count_and_open_or_returned_ones_do_not(rich: User, now: datetime) -> None:
    for number in range(3):
        hold = metering.hold(wallet=rich.wallet, feature="gpt-4o", quantity=2_000, minimum=1, key=f"{number}", now=now)
        if number == 0:
            detail: dict[str, object] = {"input_tokens": 100, "output_tokens": 60}
            metering.capture(wallet=rich.wallet, hold=hold, quantity=160, detail=detail, now=now)
        elif number == 1:
            metering.release(wallet=rich.wallet, hold=hold, now=now)
    found = of(rich, now=now)
    assert (found.uses, tip(found, SmallerModels).saving) == (1, 640)


def test_nodes_of_workflows_are_left_out(rich: User, now: datetime) -> None:
    nodes = [Node(name="Write", feature="gpt-4o", quantity=100), Node(name="Paint", feature="dall-e-3-hd", quantity=1)]
    metering.charge_workflow(wallet=rich.wallet, workflow="digest", nodes=nodes, key="run", now=now)
    found = of(rich, now=now)
    assert (found.uses, [each.saving for each in found.tips]) == (1, [0, 0, 0, 0])


def test_only_the_last_thirty_days_count(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(100, 100, occurred_at=now - timedelta(days=30))
    assert of(rich, now=now).uses == 0
    chat.says(100, 100, occurred_at=now - timedelta(days=29))
    assert of(rich, now=now).uses == 1
    assert of(rich, now=now + timedelta(days=1)).uses == 0


def test_days_are_those_of_the_owner(now: datetime, alice: User) -> None:
    assert now.tzinfo is UTC
    alice.time_zone = "Pacific/Auckland"
    alice.save()
    assert of(alice, now=datetime(2025, 3, 10, 12, tzinfo=UTC)).span.last.day == 11


def test_other_customers_usage_never_counts(chat: Chat, rich: User, bob: User, now: datetime) -> None:
    Chat(bob, now).says(100, 100)
    metering.charge(wallet=bob.wallet, feature="dall-e-3-hd", quantity=1, key="image", now=now)
    found = of(rich, now=now)
    assert (found.uses, [each.saving for each in found.tips]) == (0, [0, 0, 0, 0])


def test_the_newest_uses_alone_are_looked_at_and_that_is_told(chat: Chat, rich: User, now: datetime) -> None:
    for second in range(5):
        chat.says(100, 100, second=second)
    whole, cut = of(rich, now=now, most=5), of(rich, now=now, most=3)
    assert (whole.uses, whole.cut_at, tip(whole, SmallerModels).saving) == (5, None, 4_000)
    assert (cut.uses, cut.cut_at, tip(cut, SmallerModels).saving) == (3, 3, 2_400)


def test_nothing_is_cut_where_what_is_older_lies_before_the_days(chat: Chat, rich: User, now: datetime) -> None:
    chat.says(100, 100)
    later = now + timedelta(days=31)
    metering.charge(wallet=rich.wallet, feature="gpt-4o", quantity=9, key="later", now=later)
    assert (of(rich, now=later, most=1).uses, of(rich, now=later, most=1).cut_at) == (1, None)
