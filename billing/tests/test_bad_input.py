"""Bad input gets a named error and leaves no trace in the books."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InvalidQuantity, InvalidRequest, UnknownFeature
from billing.tests.lives import everything

HUGE = 2**63


@pytest.fixture
def ways(alice: User, now: datetime) -> dict[str, Callable[..., Any]]:
    """Every door through which a use can be asked for."""

    def many(**use: Any) -> None:
        (answer,) = metering.charge_many(wallet=alice.wallet, charges=[metering.Charge(**use)], now=now)
        if isinstance(answer, Exception):
            raise answer

    return {
        "charge": lambda **use: metering.charge(wallet=alice.wallet, now=now, **use),
        "charge_many": many,
        "hold": lambda **use: metering.hold(wallet=alice.wallet, now=now, **use),
    }


@pytest.fixture(autouse=True)
def _no_trace(alice: User) -> Iterator[None]:
    """Whatever a test of this file asks, the books stay as they were."""
    before = everything(alice.wallet)
    yield
    assert everything(alice.wallet) == before


@pytest.mark.parametrize("way", ["charge", "charge_many", "hold"])
class TestEveryWay:
    @pytest.mark.parametrize("feature", ["gpt-17", "", "GPT-4o", "gpt-4o ", "gpt\x00", None, 7, ["gpt-4o"]])
    def test_an_unknown_feature(self, ways: dict[str, Callable[..., Any]], way: str, feature: object) -> None:
        with pytest.raises((UnknownFeature, InvalidRequest)):
            ways[way](feature=feature, quantity=1, key="key")

    @pytest.mark.parametrize(
        "quantity",
        [0, -1, -HUGE, 1.0, 1.5, float("nan"), float("inf"), "1", b"1", None, True, [1], HUGE, HUGE - 1, 10**40],
    )
    def test_a_quantity_that_is_none(self, ways: dict[str, Callable[..., Any]], way: str, quantity: object) -> None:
        with pytest.raises(InvalidQuantity):
            ways[way](feature="flux-pro", quantity=quantity, key="key")

    @pytest.mark.parametrize(
        "key", ["", "k" * 201, "a\nb", "a\x00b", "a\x1fb", "a\x7fb", "a\x85b", "a\ud800b", None, 7, b"key"]
    )
    def test_a_key_that_is_none(self, ways: dict[str, Callable[..., Any]], way: str, key: object) -> None:
        with pytest.raises(InvalidRequest, match="key"):
            ways[way](feature="flux-pro", quantity=1, key=key)

    @pytest.mark.parametrize("source", ["", "s" * 81, "a\tb", "a\x00b", None, 7])
    def test_a_source_that_is_none(self, ways: dict[str, Callable[..., Any]], way: str, source: object) -> None:
        with pytest.raises(InvalidRequest, match="source"):
            ways[way](feature="flux-pro", quantity=1, key="key", source=source)

    @pytest.mark.parametrize(
        "detail",
        [
            {"a": float("nan")},
            {"a": float("inf")},
            {"a": datetime(2025, 3, 10, tzinfo=UTC)},
            {"a": {1, 2}},
            {"a": b"bytes"},
            {"a": "nul \x00"},
            {"nul \x00": 1},
            {"a": "half a pair \ud83d"},
            {"a": "x" * 16_385},
            {("a", "b"): 1},
            {1: "a", "b": 2},
            ["a list"],
            "a text",
            7,
        ],
        ids=lambda detail: str(detail)[:20].encode("ascii", "replace").decode(),
    )
    def test_a_detail_that_the_books_can_not_hold(
        self, ways: dict[str, Callable[..., Any]], way: str, detail: object
    ) -> None:
        with pytest.raises(InvalidRequest):
            ways[way](feature="flux-pro", quantity=1, key="key", detail=detail)

    @pytest.mark.parametrize("model", ["gpt-17", "flux-pro", "", "\x00", 7])
    def test_a_model_that_is_none(self, ways: dict[str, Callable[..., Any]], way: str, model: object) -> None:
        with pytest.raises((UnknownFeature, InvalidRequest)):
            ways[way](feature="chatbot-message", priced_as=model, quantity=1, key="key")


def test_a_self_containing_detail(alice: User, now: datetime) -> None:
    detail: dict[str, object] = {}
    detail["self"] = detail
    with pytest.raises(InvalidRequest):
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="key", detail=detail, now=now)


def test_a_detail_nested_a_thousand_deep(alice: User, now: datetime) -> None:
    detail: dict[str, object] = {}
    for _ in range(3_000):
        detail = {"in": detail}
    with pytest.raises(InvalidRequest):
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=1, key="key", detail=detail, now=now)


def test_a_now_without_a_time_zone(alice: User, now: datetime) -> None:
    now = now.replace(tzinfo=None)
    ways: list[Callable[[], object]] = [
        lambda: metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="key", now=now),
        lambda: metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="key", now=now),
        lambda: metering.charge_workflow(
            wallet=alice.wallet, workflow="w", nodes=[metering.Node()], key="key", now=now
        ),
    ]
    for way in ways:
        with pytest.raises(InvalidRequest, match="time zone"):
            way()


@pytest.mark.parametrize(
    "ago", [timedelta(minutes=-6), timedelta(days=-1), timedelta(days=365 * 200)], ids=["soon", "tomorrow", "1825"]
)
def test_a_use_that_occurred_in_the_future_or_another_century(alice: User, now: datetime, ago: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="occurred_at"):
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="key", occurred_at=now - ago, now=now)


@pytest.mark.parametrize("occurred_at", ["2025-03-10", 1_741_599_000, datetime(2025, 3, 1)])  # noqa: DTZ001
def test_an_occurred_at_that_is_no_moment(alice: User, now: datetime, occurred_at: Any) -> None:
    with pytest.raises(InvalidRequest, match="occurred_at"):
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="key", occurred_at=occurred_at, now=now)


@pytest.mark.parametrize("quantity", [0, 1.5, True, HUGE, None])
def test_a_quote_of_no_quantity(alice: User, now: datetime, quantity: Any) -> None:
    with pytest.raises(InvalidQuantity):
        metering.quote(feature="gpt-4o", quantity=quantity, now=now)
