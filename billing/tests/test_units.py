"""Credits are whole millicredits: they round up once, never drift, and read as they are written (decision 1, G16)."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.units import CREDIT, LARGEST_AMOUNT, affordable, cost_of, format_credits, parse_credits

amounts = st.integers(-LARGEST_AMOUNT, LARGEST_AMOUNT)
quantities = st.integers(1, 10**12)
prices = st.tuples(st.integers(0, 10**9), st.integers(1, 10**6))


def test_a_thousand_tokens_at_one_credit_are_a_thousandth_of_a_credit_each() -> None:
    assert cost_of(1, millicredits=1_000, per=1_000) == 1


def test_a_second_of_video_rounds_up_to_the_next_millicredit() -> None:
    assert cost_of(1, millicredits=100_000, per=60) == 1_667


def test_a_minute_of_video_costs_exactly_a_hundred_credits() -> None:
    assert cost_of(60, millicredits=100_000, per=60) == 100 * CREDIT


def test_rounding_happens_once_per_charge_not_once_per_second() -> None:
    assert cost_of(7, millicredits=100_000, per=60) == 11_667
    assert 7 * cost_of(1, millicredits=100_000, per=60) == 11_669


@settings(max_examples=10_000)
@given(quantities, prices)
def test_a_cost_is_an_integer_that_covers_the_exact_price_by_less_than_one_millicredit(
    quantity: int, price: tuple[int, int]
) -> None:
    millicredits, per = price
    cost = cost_of(quantity, millicredits=millicredits, per=per)
    assert type(cost) is int
    assert 0 <= cost * per - quantity * millicredits < per


@settings(max_examples=10_000)
@given(st.integers(0, LARGEST_AMOUNT), st.integers(1, 10**9), st.integers(1, 10**6))
@example(0, 1, 1)
@example(LARGEST_AMOUNT, 1, 10**6)
def test_what_is_affordable_can_be_paid_and_one_more_can_not(available: int, millicredits: int, per: int) -> None:
    quantity = affordable(available, millicredits=millicredits, per=per)
    assert type(quantity) is int
    assert cost_of(quantity, millicredits=millicredits, per=per) <= available
    assert cost_of(quantity + 1, millicredits=millicredits, per=per) > available


def test_an_empty_wallet_affords_nothing() -> None:
    assert affordable(0, millicredits=5_000, per=1_000) == 0


@settings(max_examples=10_000)
@given(amounts)
@example(LARGEST_AMOUNT)
@example(-1)
def test_an_amount_reads_back_as_it_was_written(amount: int) -> None:
    assert parse_credits(format_credits(amount)) == amount


@settings(max_examples=1_000)
@given(amounts)
def test_an_amount_is_written_without_loss(amount: int) -> None:
    written = format_credits(amount).replace("−", "-").replace(",", "")
    assert Decimal(written) * CREDIT == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (1, "0.001"), (10, "0.01"), (12_265, "12.265"), (12_300, "12.3"), (5_000_000, "5,000"), (-500, "−0.5")],
)
def test_people_read_credits_with_as_many_decimals_as_matter(amount: int, text: str) -> None:
    assert format_credits(amount) == text


@pytest.mark.parametrize(
    ("text", "amount"), [("12.265", 12_265), (" 5,000 ", 5_000_000), ("-0.5", -500), ("0", 0), ("−7.", -7_000)]
)
def test_staff_type_credits_as_people_do(text: str, amount: int) -> None:
    assert parse_credits(text) == amount


@pytest.mark.parametrize(
    "text", ["", "ten", "0.0001", "NaN", "Infinity", "1.2.3", "9223372036854775.808", "9" * 5_000, "1e3", "٣"]
)
def test_what_is_no_amount_of_credits_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Cc]redits"):
        parse_credits(text)


@pytest.mark.parametrize("text", ["1e999999999", "-1e999999999", "1e-999999999", "1." + "0" * 40 + "1"])
def test_a_number_that_would_have_to_be_rounded_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Cc]redits"):
        parse_credits(text)
