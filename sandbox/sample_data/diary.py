"""A person's year, written down in any order and then lived in order, through the product's own services."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction

from billing import metering
from billing.errors import InsufficientCredits
from billing.metering import Answer, Charge
from billing.models import Wallet

SPELLED_OUT = timedelta(days=31)

Act = Callable[[datetime], None]


class Diary:
    """What one wallet went through until `now`. `when_short` is called when a sitting was refused or left little.

    The last month is charged use by use; before it, each sitting is charged at its end, in one round trip.
    """

    def __init__(self, wallet: Wallet, *, now: datetime) -> None:
        self.wallet = wallet
        self.available = wallet.available
        self.when_short: Act | None = None
        self.short_below = 0
        self._now = now
        self._acts: list[tuple[datetime, int, Act]] = []

    def note(self, at: datetime, act: Act) -> None:
        """Write down something to do at a moment; what lies ahead of now never happens."""
        if at < self._now:
            self._acts.append((at, len(self._acts), act))

    def note_sitting(self, sitting: Sequence[tuple[datetime, Charge]]) -> None:
        """Write down what was used in one go."""
        if sitting[0][0] >= self._now - SPELLED_OUT:
            for at, charge in sitting:
                self._note_charges(at, [charge])
        else:
            self._note_charges(sitting[-1][0], [charge for _, charge in sitting])

    def live(self) -> None:
        """Do everything in order of time, a month in one transaction; what was lived before stays as it was."""
        lived_until = Wallet.objects.get(pk=self.wallet.pk).last_posted_at
        ahead = sorted((noted for noted in self._acts if noted[0] > lived_until), key=lambda noted: noted[:2])
        for _, month in groupby(ahead, key=lambda noted: (noted[0].year, noted[0].month)):
            with transaction.atomic():
                for at, _, act in month:
                    act(at)

    def charge(self, charges: Sequence[Charge], at: datetime) -> None:
        """Charge uses at a moment; what is refused didn't happen."""
        results = metering.charge_many(wallet=self.wallet, charges=charges, now=at)
        self.available = next(
            (result.available for result in reversed(results) if isinstance(result, Answer)), self.available
        )
        refused = any(isinstance(result, InsufficientCredits) for result in results)
        if self.when_short and (refused or self.available < self.short_below):
            self.when_short(at + timedelta(minutes=2))

    def hold_and_settle(self, feature: str, quantity: int, used: int | None, key: str, at: datetime) -> None:
        """Set credits aside for work and settle it two minutes later; `used` None is work that failed."""
        try:
            hold = metering.hold(wallet=self.wallet, feature=feature, quantity=quantity, key=key, now=at)
        except InsufficientCredits:
            return
        later = at + timedelta(minutes=2)
        if used is None:
            metering.release(wallet=self.wallet, hold=hold, now=later)
        else:
            metering.capture(wallet=self.wallet, hold=hold, quantity=min(used, hold.quantity), now=later)

    def run_workflow(self, workflow: str, nodes: Sequence[metering.Node], *, key: str, at: datetime) -> None:
        """Charge one run of a workflow, unless it is refused."""
        try:
            metering.charge_workflow(wallet=self.wallet, workflow=workflow, nodes=nodes, key=key, now=at)
        except InsufficientCredits:
            return

    def _note_charges(self, at: datetime, charges: Sequence[Charge]) -> None:
        self.note(at, lambda moment: self.charge(charges, moment))
