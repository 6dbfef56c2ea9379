"""The calculator says what the books would say, and which plan and packs are enough."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import metering
from billing.models import Feature, FeaturePrice, Pack, Plan
from billing.selectors import calculator, catalog
from billing.selectors.calculator import Amount, Calculation, Line
from billing.selectors.coverage import cheapest_packs, ways
from billing.units import CREDIT

pytestmark = pytest.mark.django_db


def calculate(now: datetime, choices: dict[str, str] | None = None, **amounts: Amount) -> Calculation:
    return calculator.calculate(
        catalog=catalog.fresh(),
        plans=list(Plan.objects.all()),
        packs=list(Pack.objects.filter(is_on_sale=True)),
        amounts=amounts,
        choices=choices or {},
        now=now,
    )


def lines(calculation: Calculation) -> dict[str, Line]:
    return {line.feature.pk: line for comparison in calculation.comparisons for line in comparison.lines}


def test_five_hundred_chats_on_each_model(now: datetime) -> None:
    found = calculate(now, token=Amount(500, 1_200))
    assert {code: line.cost for code, line in lines(found).items()} == {
        "gpt-4o-mini": 600 * CREDIT,
        "gpt-4o": 3_000 * CREDIT,
        "claude-3.5-sonnet": 1_800 * CREDIT,
        "o1-preview": 9_000 * CREDIT,
    }
    (comparison,) = found.comparisons
    assert comparison.heading == "500 chats of 1,200 tokens"


@given(uses=st.integers(1, 1_000_000), size=st.integers(1, 1_000_000))
def test_every_line_is_a_quote_as_many_times(now: datetime, uses: int, size: int) -> None:
    found = calculate(now, **{unit: Amount(uses, size) for unit in ("token", "second", "image", "search", "session")})
    assert len(lines(found)) == 4 + 1 + 4 + 1 + 1
    for code, line in lines(found).items():
        quote = metering.quote(feature=code, quantity=size, now=now)
        assert (line.each, line.cost, line.price) == (quote.cost, quote.cost * uses, quote.price)
    assert found.total == sum(line.cost for line in lines(found).values() if line.is_chosen)


def test_a_second_of_video_rounds_up_once_per_charge(now: datetime) -> None:
    line = lines(calculate(now, second=Amount(3, 1)))["video-generation"]
    assert (line.each, line.cost) == (1_667, 5_001)


def test_the_model_chosen_counts_in_the_sum(now: datetime) -> None:
    amounts = {"token": Amount(10, 1_000), "image": Amount(2)}
    assert calculate(now, **amounts).total == (10 + 80) * CREDIT
    chosen = calculate(now, {"token": "gpt-4o", "image": "flux-pro"}, **amounts)
    assert chosen.total == (50 + 40) * CREDIT
    assert calculate(now, {"token": "nothing"}, **amounts).total == (10 + 80) * CREDIT


def test_nothing_asked_is_nothing_shown(now: datetime) -> None:
    for amounts in ({}, {"token": Amount(0, 1_200)}, {"token": Amount(5, 0)}, {"kilogram": Amount(1)}):
        found = calculate(now, **amounts)
        assert (found.comparisons, found.total, found.ways) == ((), 0, ())


def test_a_feature_without_a_price_in_force_is_left_out_and_a_free_one_compared(now: datetime) -> None:
    Feature.objects.create(code="later", name="Later", group="chat", unit="token", position=90)
    free = Feature.objects.create(code="gift", name="Gift", group="chat", unit="token", position=91)
    FeaturePrice.objects.create(feature=free, millicredits=0, per=1, starts_at=now)
    found = lines(calculate(now, token=Amount(1, 1_000)))
    assert "later" not in found
    assert found["gift"].cost == 0


def test_a_size_that_no_charge_takes_is_left_out(now: datetime) -> None:
    gold = Feature.objects.create(code="gold", name="Gold", group="chat", unit="token", position=90)
    FeaturePrice.objects.create(feature=gold, millicredits=2**62, per=1, starts_at=now)
    assert "gold" in lines(calculate(now, token=Amount(9, 1)))
    assert "gold" not in lines(calculate(now, token=Amount(9, 2)))


def test_the_cheapest_plan_that_is_enough_comes_first() -> None:
    plans, packs = list(Plan.objects.all()), list(Pack.objects.all())

    def words(amount: int) -> list[tuple[str, list[tuple[str, int]], int]]:
        found = ways(amount * CREDIT, plans=plans, packs=packs)
        return [(way.plan.pk, [(pack.pk, number) for pack, number in way.packs], way.cents) for way in found]

    assert words(100) == [("free", [], 0), ("pro", [], 29_00)]
    assert words(101) == [("free", [("pack-1000", 1)], 10_00), ("pro", [], 29_00)]
    assert words(5_000) == [("pro", [], 29_00), ("free", [("pack-5000", 1)], 45_00)]
    assert words(9_000) == [
        ("pro", [("pack-1000", 4)], 69_00),
        ("free", [("pack-5000", 1), ("pack-1000", 4)], 85_00),
    ]


@given(amount=st.integers(1, 40_000 * CREDIT))
def test_no_other_number_of_packs_costs_less(amount: int) -> None:
    packs = list(Pack.objects.all())
    bought = cheapest_packs(amount, packs)
    assert bought is not None
    assert sum(pack.amount * number for pack, number in bought) >= amount
    small, large = packs
    others = (
        large.price_cents * number + small.price_cents * -(-max(amount - large.amount * number, 0) // small.amount)
        for number in range(10)
    )
    assert sum(pack.price_cents * number for pack, number in bought) == min(others)


def test_without_packs_on_sale_a_plan_is_enough_or_not() -> None:
    plans = list(Plan.objects.all())
    assert cheapest_packs(1, []) is None
    assert [way.plan.pk for way in ways(200 * CREDIT, plans=plans, packs=[])] == ["pro"]
    assert ways(5_001 * CREDIT, plans=plans, packs=[]) == []


def test_a_plan_without_limit_covers_everything() -> None:
    boundless = Plan(code="boundless", name="Boundless", price_cents=99_00, allowance=None)
    (way,) = ways(10**15, plans=[boundless], packs=[])
    assert (way.fits, way.cents) == (True, 99_00)
