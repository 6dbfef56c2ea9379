"""Amounts, shares and days as people read them."""

from datetime import date

import pytest

from billing.selectors.changes import Change
from billing.selectors.words import about, about_words, days_words, percent_words, until_words


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2025, 3, 3), date(2025, 3, 3), "3 Mar 2025"),
        (date(2025, 3, 3), date(2025, 3, 9), "3–9 Mar 2025"),
        (date(2025, 2, 28), date(2025, 3, 6), "28 Feb – 6 Mar 2025"),
        (date(2024, 12, 30), date(2025, 1, 5), "30 Dec 2024 – 5 Jan 2025"),
        (date(2025, 3, 1), date(2025, 3, 31), "March 2025"),
        (date(2024, 2, 1), date(2024, 2, 28), "1–28 Feb 2024"),
        (date(2025, 1, 1), date(2025, 12, 31), "2025"),
        (date(2025, 1, 1), date(2025, 11, 30), "1 Jan – 30 Nov 2025"),
        (date(2000, 1, 1), date(2999, 12, 31), "1 Jan 2000 – 31 Dec 2999"),
    ],
)
def test_days(first: date, last: date, words: str) -> None:
    assert days_words(first, last) == words


def test_days_to_come() -> None:
    assert until_words(date(2025, 12, 2), date(2025, 12, 19)) == "2 to 19\xa0Dec"
    assert until_words(date(2025, 12, 28), date(2026, 1, 3)) == "28\xa0Dec to 3\xa0Jan"


@pytest.mark.parametrize(
    ("millicredits", "words"),
    [(0, "0"), (1, "0.001"), (5_254, "5.25"), (9_999, "10"), (154_532, "154.5"), (1_234_567, "1,235")],
)
def test_about(millicredits: int, words: str) -> None:
    assert about(millicredits) == words


def test_about_one_credit_is_one_credit() -> None:
    assert (about_words(1_001), about_words(2_000)) == ("1 credit", "2 credits")


def test_shares() -> None:
    assert percent_words(413, is_something=True) == "41.3"
    assert (percent_words(0, is_something=True), percent_words(0, is_something=False)) == ("< 0.1", "0")


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (112, 100, "+12 %"),
        (100, 112, "−11 %"),
        (1_004, 1_000, "+0.4 %"),
        (1_000_001, 1_000_000, "about the same"),
        (4_400, 100, "+4,300 %"),
        (7, 7, "same"),
        (0, 7, "−100 %"),
        (7, 0, "was free"),
        (10_996, 10_000, "+10 %"),
        (10_994, 10_000, "+9.9 %"),
    ],
)
def test_changes(now: int, before: int, text: str) -> None:
    assert Change(now, before).text == text


def test_what_is_new_or_gone() -> None:
    assert (Change(7, 0, is_new=True).text, Change(0, 7, is_gone=True).text) == ("new", "gone")
