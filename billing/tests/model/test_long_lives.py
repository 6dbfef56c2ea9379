"""G21: the ledger and the tiny model agree over long lives that nobody thought of.

Lives are led one step after another, so that they find mistakes of rules, never races: those are in `races`.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.tests.model.pair import Pair
from billing.tests.model.tiny_books import CHAT_MODELS, PRICES

pytestmark = pytest.mark.django_db(transaction=True)

LONG = [pytest.mark.long, pytest.mark.timeout(14_400)]
STEPS = 30
names = count(1)

SIGN_UPS = [
    datetime(2024, 1, 31, 15, 20, 5, 123_456, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2025, 3, 10, 9, 30, tzinfo=UTC),
    datetime(2025, 12, 30, tzinfo=UTC),
]
ZONES = ["UTC", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu"]
MICROSECOND = timedelta(microseconds=1)

keys = st.integers(0, 40).map("key {}".format)
sources = st.sampled_from(["app", "app", "chatbot:7"])
clocks_behind = st.sampled_from([0, 0, 0, 0, 0, 0, 30, 299, 301]).map(lambda seconds: timedelta(seconds=seconds))
tokens = st.integers(1, 900) | st.integers(1, 20_000)
few = st.integers(1, 3)
seconds_of_video = st.integers(1, 100)
uses = st.one_of(
    st.tuples(st.sampled_from(CHAT_MODELS), tokens),
    st.tuples(st.sampled_from(sorted(set(PRICES) - {*CHAT_MODELS, "video-generation"})), few),
    st.tuples(st.just("video-generation"), seconds_of_video),
)
charges = st.one_of(
    uses.map(lambda use: {"feature": use[0], "quantity": use[1]}),
    st.builds(
        lambda model, quantity: {"feature": "chatbot-message", "priced_as": model, "quantity": quantity},
        st.sampled_from(CHAT_MODELS),
        tokens,
    ),
)
confirmed = st.sampled_from([False, False, True])
amounts = st.sampled_from([1, 999, 7_500, 25_000, 100_000, 1_000_000])


class Life(RuleBasedStateMachine):
    """What can happen to a wallet, in any order, with any waits."""

    @initialize(at=st.sampled_from(SIGN_UPS), zone=st.sampled_from(ZONES))
    def sign_up(self, at: datetime, zone: str) -> None:
        self.pair = Pair(f"person-{next(names)}", at=at, zone=zone)
        self.done: list[tuple[str, dict[str, object]]] = []

    def do(self, act: str, **asked: object) -> None:
        self.pair.do(act, **asked)
        self.done.append((act, asked))

    @rule(key=keys, use=charges, source=sources, confirmed=confirmed, behind=clocks_behind)
    def charge(self, key: str, use: dict[str, object], source: str, confirmed: bool, behind: timedelta) -> None:
        self.do("charge", key=key, source=source, confirmed=confirmed, behind=behind, **use)

    @rule(key=keys, use=charges, ago=st.integers(0, 72))
    def import_usage(self, key: str, use: dict[str, object], ago: int) -> None:
        self.do("charge", key=key, occurred_at=self.pair.now - timedelta(hours=ago), **use)

    @rule(batch=st.lists(st.tuples(keys, charges), min_size=1, max_size=4))
    def charge_many(self, batch: list[tuple[str, dict[str, object]]]) -> None:
        self.do("charge_many", charges=[{"key": key, **use} for key, use in batch])

    @rule(key=keys, nodes=st.lists(st.none() | uses, min_size=1, max_size=4), confirmed=confirmed)
    def run_workflow(self, key: str, nodes: list[tuple[str, int] | None], confirmed: bool) -> None:
        self.do("workflow", key=key, name="report", nodes=nodes, confirmed=confirmed)

    @rule(
        key=keys,
        use=charges,
        share=st.none() | st.integers(1, 4),
        minutes=st.sampled_from([1, 15, 60, 1_440]),
        more=st.fixed_dictionaries({"confirmed": confirmed, "behind": clocks_behind}),
    )
    def hold(self, key: str, use: dict[str, object], share: int | None, minutes: int, more: dict[str, object]) -> None:
        minimum = None if share is None else max(use["quantity"] // share, 1)
        self.do("hold", key=key, minimum=minimum, lasts=timedelta(minutes=minutes), **more, **use)

    @precondition(lambda self: self.pair.holds)
    @rule(data=st.data(), tenths=st.sampled_from([1, 5, 9, 10, 10, 11, 30]), behind=clocks_behind)
    def capture(self, data: st.DataObject, tenths: int, behind: timedelta) -> None:
        key = data.draw(st.sampled_from(sorted(self.pair.holds)))
        quantity = max(self.pair.tiny.holds[key]["quantity"] * tenths // 10, 1)
        self.do("capture", hold=key, quantity=quantity, behind=behind)

    @precondition(lambda self: self.pair.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.do("release", hold=data.draw(st.sampled_from(sorted(self.pair.holds))))

    @precondition(lambda self: self.pair.holds)
    @rule(data=st.data(), minutes=st.sampled_from([-5, 10, 300, 1_300, 1_441]))
    def extend(self, data: st.DataObject, minutes: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.pair.holds)))
        self.do("extend", hold=key, until=self.pair.now + timedelta(minutes=minutes))

    @rule(number=st.integers(0, 15), amount=amounts)
    def buy_a_pack(self, number: int, amount: int) -> None:
        self.do("give", name=f"pack {number}", source="purchase", amount=amount)

    @rule(
        number=st.integers(0, 15),
        amount=amounts,
        starts=st.none() | st.integers(-48, 480),
        lasts=st.integers(0, 900),
    )
    def give_a_promotion(self, number: int, amount: int, starts: int | None, lasts: int) -> None:
        starts_at = None if starts is None else self.pair.now + timedelta(hours=starts)
        ends_at = (starts_at or self.pair.now) + timedelta(hours=lasts)
        self.do("give", name=f"promotion {number}", source="promotional", amount=amount, starts=starts_at, ends=ends_at)

    @rule(key=keys, amount=st.sampled_from([-1, -4_000, -30_000, -(10**9), 5_000]))
    def adjust(self, key: str, amount: int) -> None:
        self.do("adjust", key=key, amount=amount)

    @rule(is_suspended=st.booleans())
    def suspend_or_resume(self, is_suspended: bool) -> None:
        self.do("suspend" if is_suspended else "resume")

    @rule(allowance=st.sampled_from([None, None, 0, 20_000, 500_000]))
    def begin_contract(self, allowance: int | None) -> None:
        self.do("begin_contract", allowance=allowance)

    @rule()
    def return_to_free(self) -> None:
        self.do("return_to_free")

    @rule(zone=st.sampled_from(ZONES))
    def travel(self, zone: str) -> None:
        self.do("move_to", zone=zone)

    @rule(most=st.sampled_from([1, 256, 4_096]))
    def set_max_output(self, most: int) -> None:
        self.do("set_max_output", tokens=most)

    @rule(ask_above=st.sampled_from([None, None, 0, 5_000, 20_000]))
    def set_limit(self, ask_above: int | None) -> None:
        self.do("set_limit", ask_above=ask_above)

    @rule()
    def look(self) -> None:
        self.do("settle")

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        act, asked = data.draw(st.sampled_from(self.done))
        self.pair.do(act, **asked)

    @rule(minutes=st.sampled_from([1, 5, 20, 90, 600]))
    def wait_minutes(self, minutes: int) -> None:
        self.pair.wait(minutes=minutes)

    @rule(days=st.sampled_from([1, 3, 12, 31, 40, 200]))
    def wait_days(self, days: int) -> None:
        self.pair.wait(days=days)

    @rule(plus=st.sampled_from([-MICROSECOND, timedelta(0), MICROSECOND]))
    def wait_for_next_due(self, plus: timedelta) -> None:
        self.pair.wait_for_next_due(plus=plus)

    @precondition(lambda self: len(self.done) % 6 == 0)
    @invariant()
    def everything_agrees(self) -> None:
        self.pair.compare_all()

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.pair.compare_all()


@pytest.mark.parametrize("lives", [200, pytest.param(5_000, marks=LONG)])
def test_the_ledger_and_the_model_agree_over_long_lives(lives: int) -> None:
    profile = settings(settings.get_profile("here"), max_examples=lives, stateful_step_count=STEPS)
    run_state_machine_as_test(Life, settings=profile)
