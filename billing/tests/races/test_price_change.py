"""A price that changes while charges run: every entry costs what its price says, and names the price then in force."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count as counter

import pytest

from accounts.models import User
from billing import metering
from billing.models import FeaturePrice, Wallet
from billing.tests.people import give
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

FEATURE, TOKENS = "gpt-4o", 1_000


@dataclass
class Market:
    """A clock that ticks a millisecond whenever somebody looks, prices that change by it, and who charged when."""

    wallet: Wallet
    began_at: datetime
    ticks: "counter[int]" = field(default_factory=counter)
    committed_at: dict[int, datetime] = field(default_factory=dict)
    asked_at: dict[str, datetime] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.began_at + timedelta(milliseconds=next(self.ticks))

    def change_price(self, millicredits: int, *, ahead: timedelta) -> None:
        """Add a price that starts at once, or a little `ahead` so that it is known before it is in force."""
        price = FeaturePrice.objects.create(
            feature_id=FEATURE, millicredits=millicredits, per=1_000, starts_at=self.now() + ahead
        )
        self.committed_at[price.pk] = self.now()

    def charge(self, key: str) -> None:
        now = self.asked_at[key] = self.now()
        if key.endswith("0"):
            items = [metering.Charge(feature=FEATURE, quantity=TOKENS, key=key)]
            (answer,) = metering.charge_many(wallet=self.wallet, charges=items, now=now)
            assert isinstance(answer, metering.Answer)
        elif key.endswith("5"):
            metering.hold(wallet=self.wallet, feature=FEATURE, quantity=TOKENS, key=key, now=now)
        else:
            metering.charge(wallet=self.wallet, feature=FEATURE, quantity=TOKENS, key=key, now=now)

    def acceptable(self, asked_at: datetime) -> set[int]:
        """Return the prices that may answer a request: the one in force, or the one before while its commit ran."""
        prices = FeaturePrice.objects.filter(feature=FEATURE, starts_at__lte=asked_at).order_by("-starts_at")
        found = set()
        for price in prices:
            found.add(price.pk)
            if self.committed_at.get(price.pk, asked_at) <= asked_at:
                break
        return found


def test_every_entry_names_the_price_that_was_in_force(alice: User, now: datetime) -> None:
    market = Market(wallet=alice.wallet, began_at=now)
    give(alice.wallet, 1_000_000_000, now=now)
    charges, threads = 60, 16

    def trade(thread: int) -> None:
        for number in range(charges):
            if thread == 0 and number % 5 == 0:
                market.change_price(6_000 + number, ahead=timedelta(milliseconds=40 if number % 2 else 0))
            market.charge(f"{thread}.{number}")

    run_together(trade, range(threads))

    prices = FeaturePrice.objects.in_bulk()
    entries = list(alice.wallet.entries.exclude(key=None))
    assert len(entries) == threads * charges
    for entry in entries:
        assert entry.price_id in market.acceptable(market.asked_at[entry.key]), entry
        assert entry.posted_at >= market.asked_at[entry.key]
        cost = entry.cost if entry.kind == "charge" else entry.held_change
        assert cost == prices[entry.price_id].millicredits
    assert len({entry.price_id for entry in entries}) > 2
