"""Splits of an amount over grants are lossless and in burn-down order (decision 7, G16)."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.services.ledger import Books

START = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)

#: A grant in one number, which is drawn fastest: 5 small fields, then what is left of it.
grants = st.lists(st.integers(0, 2**60 - 1), max_size=7)


def grant_of(number: int, pk: int) -> SimpleNamespace:
    """Return the grant that a drawn number stands for, with what is left of it."""
    number, is_open = divmod(number, 4)
    number, is_closed = divmod(number, 4)
    number, expires_in = divmod(number, 4)
    left, started = divmod(number, 4)
    return SimpleNamespace(
        pk=pk,
        left=left if left % 3 else left % 1_000,
        effective_at=START + timedelta(days=started),
        expires_at=START + timedelta(days=9 + expires_in) if expires_in else None,
        opened_at=START if is_open else None,
        closed_at=None if is_closed else START,
    )


@settings(max_examples=10_000)
@given(grants, st.integers(0, 2**60))
def test_a_split_takes_exactly_what_it_can_in_burn_down_order(drawn: list[int], amount: int) -> None:
    all_grants = {pk: grant_of(number, pk) for pk, number in enumerate(drawn, start=1)}
    left = {pk: grant.left for pk, grant in all_grants.items()}
    books = Books(wallet=None, subscription=None, posted_at=START, grants=all_grants, left=dict(left))

    shares = books.burn(amount)

    usable = [grant for grant in all_grants.values() if grant.opened_at and not grant.closed_at]
    never = START + timedelta(days=10_000)
    order = [g.pk for g in sorted(usable, key=lambda g: (g.expires_at or never, g.effective_at, g.pk)) if g.left]
    taken = {pk: -share.left for pk, share in shares.items()}
    assert sum(taken.values()) == min(amount, sum(left[pk] for pk in order)), "nothing is lost, nothing made"
    assert all(type(paid) is int and 0 < paid <= left[pk] for pk, paid in taken.items())
    assert list(taken) == order[: len(taken)], "the first in order pay, none is skipped"
    assert all(taken[pk] == left[pk] for pk in list(taken)[:-1]), "only the last of them keeps anything"
    assert books.left == left, "nothing changes yet"
