"""`manage.py prove`: figures and an exit code."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from billing import metering
from billing.models import Wallet


@pytest.fixture
def now() -> datetime:
    """The command asks the real clock for what is overdue."""
    return timezone.now()


@pytest.fixture
def difference(alice: User) -> Iterator[None]:
    """A millicredit that no entry explains, for the length of a test."""
    with transaction.atomic():
        Wallet.objects.filter(owner=alice).update(available=99_999, head_left=99_999)
        yield
        transaction.set_rollback(True)


def prove(**options: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("prove", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_it_says_what_it_went_through_and_that_the_books_are_proven(alice: User, bob: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=now)
    metering.hold(wallet=bob.wallet, feature="dall-e-3-hd", quantity=1, key="h", now=now)
    out, err = prove()
    lines = {line.split()[0]: line.split()[1] for line in out.splitlines()[:-1]}
    assert lines == {
        "wallets": "2", "entries": "4", "uses": "1", "grants": "2", "holds": "1",
        "granted": "200", "used": "12.265", "uncovered": "0", "available": "107.735", "held": "80",
    }  # fmt: skip
    assert out.endswith("Books proven: every sum holds.\n")
    assert err == ""


def test_it_proves_one_persons_wallet(alice: User, bob: User) -> None:
    out, _ = prove(wallet="Alice@example.com")
    assert out.splitlines()[0].split() == ["wallets", "1"]
    with pytest.raises(CommandError, match="Nobody has a wallet as “eve@"):
        prove(wallet="eve@example.com")


def test_a_difference_is_named_and_ends_with_exit_code_one(alice: User, bob: User, difference: None) -> None:
    err = StringIO()
    with pytest.raises(CommandError, match="The books don't add up: 3 differences") as raised:
        call_command("prove", stdout=StringIO(), stderr=err)
    assert raised.value.returncode == 1
    assert "available is the sum of its entries (expected 100000, found 99999)" in err.getvalue()
    prove(wallet="bob@example.com")


def test_what_is_overdue_is_a_warning(db: None) -> None:
    User.objects.create_user("old@example.com", joined_at=timezone.now() - timedelta(days=40))
    out, err = prove()
    assert "Books proven" in out
    assert "Warning: wallets with something due for more than five minutes: 1." in err


def test_empty_books_are_proven(db: None) -> None:
    assert "Books proven" in prove()[0]
