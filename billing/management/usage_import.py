"""Metering a log of past usage through the real charge, so that importing it twice charges once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db import transaction

from billing import metering
from billing.errors import (
    InsufficientCredits,
    InvalidQuantity,
    InvalidRequest,
    MeteringError,
    UnknownFeature,
    WalletSuspended,
)
from billing.management.usage_log import Broken, CellError, Occurrences, Record, UsageLog
from billing.metering import Answer, Charge
from billing.models import Feature, LedgerEntry, Wallet
from billing.selectors.catalog import Catalog
from billing.services import settlement
from billing.services.requests import checked, refuse_other_request

MOST_WAITING = 10_000
MOST_WALLETS_KEPT = 10_000
UNFIT = (InvalidQuantity, InvalidRequest, UnknownFeature)

Meter = Callable[[Wallet, Sequence[Charge], datetime], list[Answer | MeteringError]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which columns say what: each is named, or its value is given for all lines."""

    wallet: Wallet | None
    wallet_column: str | None
    feature: str | None
    feature_column: str | None
    priced_as: str | None
    at_column: str
    quantity_columns: Sequence[str]
    zone: ZoneInfo
    source: str

    def columns(self) -> list[str]:
        """Return every column that is read."""
        named = [self.wallet_column, self.feature_column, self.at_column, *self.quantity_columns]
        return [column for column in named if column]


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that wasn't charged. `cost` in millicredits where it is known, for a refusal."""

    line: int
    outcome: str
    reason: str
    cost: int | None = None


@dataclass(slots=True)
class Sum:
    """Uses of one feature: how many, their base units, their millicredits."""

    uses: int = 0
    quantity: int = 0
    cost: int = 0


@dataclass(slots=True)
class Tally:
    """What became of a log's lines. `report` is told every problem."""

    report: Callable[[Problem], None]
    lines: int = 0
    charged: dict[str, Sum] = field(default_factory=dict)
    replayed: Sum = field(default_factory=Sum)
    refused: Sum = field(default_factory=Sum)
    broken: int = 0

    def add_answer(self, charge: Charge, answer: Answer) -> None:
        """Count a line that was charged now, or before."""
        found = self.replayed if answer.replayed else self.charged.setdefault(charge.feature, Sum())
        found.uses += 1
        found.quantity += charge.quantity
        found.cost += answer.cost

    def add_refusal(self, line: int, charge: Charge, cost: int | None, reason: str) -> None:
        """Count a line that could not be charged now, and may be another time."""
        self.refused.uses += 1
        self.refused.quantity += charge.quantity
        self.refused.cost += cost or 0
        self.report(Problem(line, "refused", reason, cost))

    def add_broken(self, line: int, reason: str) -> None:
        """Count a line that can't be charged as it is."""
        self.broken += 1
        self.report(Problem(line, "broken", reason))


class UsageImport:
    """One run over a log. `meter` charges a batch of one wallet; `clock` says when."""

    def __init__(
        self, *, wanted: Wanted, prices: Catalog, meter: Meter, clock: Callable[[], datetime], tally: Tally
    ) -> None:
        self._wanted = wanted
        self._prices = prices
        self._meter = meter
        self._clock = clock
        self._tally = tally
        self._wallet_of = lru_cache(MOST_WALLETS_KEPT)(find_wallet)
        self._waiting: dict[int, tuple[Wallet, list[tuple[int, Charge]]]] = {}
        self._occurrences = Occurrences()

    def run(self, log: UsageLog) -> Iterator[int]:
        """Meter the whole log, yielding the position in it now and then; what is metered stays so if it is stopped."""
        try:
            for number, record in enumerate(log, start=1):
                self._tally.lines += 1
                self._take(record)
                if number % metering.MOST_CHARGES == 0:
                    yield log.position
                if number % MOST_WAITING == 0:
                    self._charge_all()
            self._charge_all()
            yield log.position
        finally:
            self._occurrences.close()

    def _take(self, record: Record | Broken) -> None:
        if isinstance(record, Broken):
            self._tally.add_broken(record.line, record.reason)
            return
        try:
            wallet, charge = self._read(record)
        except CellError as error:
            self._tally.add_broken(record.line, str(error))
            return
        _, lines = self._waiting.setdefault(wallet.pk, (wallet, []))
        lines.append((record.line, charge))
        if len(lines) == metering.MOST_CHARGES:
            self._charge(*self._waiting.pop(wallet.pk))

    def _read(self, record: Record) -> tuple[Wallet, Charge]:
        wanted = self._wanted
        times = self._occurrences.count(record.digest)
        feature = wanted.feature or record.text(wanted.feature_column or "")
        numbers = [record.whole_number(column) for column in wanted.quantity_columns]
        charge = Charge(
            feature=feature,
            quantity=sum(numbers),
            key=f"import:{record.digest.hex()}:{times}",
            source=wanted.source,
            priced_as=wanted.priced_as,
            detail=self._detail(feature, numbers),
            occurred_at=record.moment(wanted.at_column, wanted.zone),
            confirmed=True,  # it has happened: there is nobody to ask any more
        )
        return self._find_wallet(record), charge

    def _find_wallet(self, record: Record) -> Wallet:
        if self._wanted.wallet is not None:
            return self._wanted.wallet
        email = record.text(self._wanted.wallet_column or "")
        wallet = self._wallet_of(email)
        if wallet is None:
            raise CellError(f"nobody has a wallet as {email!r:.80}")
        return wallet

    def _detail(self, feature: str, numbers: Sequence[int]) -> dict[str, object] | None:
        """Return how many tokens went in and how many came out, where two columns of tokens say so."""
        if len(numbers) != 2 or feature not in self._prices.features:
            return None
        if self._prices.unit_of(feature) != Feature.Unit.TOKEN:
            return None
        return {"input_tokens": numbers[0], "output_tokens": numbers[1]}

    def _charge_all(self) -> None:
        for wallet, lines in self._waiting.values():
            for start in range(0, len(lines), metering.MOST_CHARGES):
                self._charge(wallet, lines[start : start + metering.MOST_CHARGES])
        self._waiting.clear()

    def _charge(self, wallet: Wallet, lines: Sequence[tuple[int, Charge]]) -> None:
        results = self._meter(wallet, [charge for _, charge in lines], self._clock())
        for (line, charge), result in zip(lines, results, strict=True):
            if isinstance(result, Answer):
                self._tally.add_answer(charge, result)
            elif isinstance(result, UNFIT):
                self._tally.add_broken(line, str(result))
            else:
                self._tally.add_refusal(line, charge, self._cost(charge), str(result))

    def _cost(self, charge: Charge) -> int | None:
        """Return what a refused charge would have cost, in millicredits; None where nothing says."""
        try:
            return self._prices.priced(charge.feature, charge.quantity, charge.priced_as, self._clock()).cost
        except MeteringError:
            return None


def charge_for_real(wallet: Wallet, charges: Sequence[Charge], now: datetime) -> list[Answer | MeteringError]:
    """Meter a batch of one wallet."""
    return metering.charge_many(wallet=wallet, charges=charges, now=now)


class Rehearsal:
    """Answers as metering would, from the prices, the keys and the balance that there are; it writes nothing."""

    def __init__(self, prices: Catalog) -> None:
        self._prices = prices
        self._wallets: dict[int, Wallet] = {}

    def __call__(self, wallet: Wallet, charges: Sequence[Charge], now: datetime) -> list[Answer | MeteringError]:
        """Return what charging this batch would be answered."""
        settled = self._wallets.get(wallet.pk) or self._settled(wallet, now)
        entries = LedgerEntry.objects.filter(wallet=wallet, key__in=[charge.key for charge in charges])
        first = {entry.key: entry for entry in entries}
        results: list[Answer | MeteringError] = []
        for charge in charges:
            try:
                results.append(self._answer(settled, charge, first.get(charge.key), now))
            except MeteringError as refusal:
                results.append(refusal)
        return results

    def _settled(self, wallet: Wallet, now: datetime) -> Wallet:
        """Return the wallet as it will be once what is due is settled; nothing of that is kept."""
        with transaction.atomic():
            settled = settlement.settle(wallet_id=wallet.pk, now=now)
            transaction.set_rollback(True)
        self._wallets[wallet.pk] = settled
        return settled

    def _answer(self, wallet: Wallet, charge: Charge, first: LedgerEntry | None, now: datetime) -> Answer:
        request = checked(
            kind="charge",
            asked=[charge.feature, charge.priced_as, charge.quantity],
            key=charge.key,
            source=charge.source,
            detail=charge.detail,
            now=now,
            occurred_at=charge.occurred_at,
        )
        cost = self._prices.priced(charge.feature, charge.quantity, charge.priced_as, now).cost
        if first is not None:
            return Answer.of(refuse_other_request(first, request.request_hash), replayed=True)
        if wallet.suspended_at is not None:
            raise WalletSuspended("This wallet is suspended: it can't be charged until staff resume it.")
        if not wallet.unlimited:
            if cost > wallet.available:
                raise InsufficientCredits(needed=cost, available=wallet.available)
            wallet.available -= cost
        return Answer(wallet.sequence, cost, 0, wallet.available, now)


def find_wallet(email: str) -> Wallet | None:
    """Return the wallet of the person with this address, or None."""
    return Wallet.objects.filter(owner__email=email.strip().lower()).first()
