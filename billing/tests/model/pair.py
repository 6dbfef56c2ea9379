"""A real wallet and a tiny one, side by side: everything is done to both, and both must say the same."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits, MeteringError, NeedsConfirmation
from billing.models import Hold, LedgerEntry, Wallet
from billing.services import grants, proof, settlement, subscriptions, wallets
from billing.tests.model.tiny import TinyWallet
from billing.tests.model.tiny_books import Refused, Row
from billing.tests.people import give, sign_up

Outcome = object


class Pair:
    """Alice's wallet in the database and the same wallet in the model, with one clock for both.

    `do("charge", …)` does an act to both, compares what they answer and, unless `compares` is off, everything that
    can be read afterwards. Holds are named by the key that opened them.
    """

    def __init__(self, name: str, *, at: datetime, zone: str = "UTC") -> None:
        self.now = at
        self.user = sign_up(name, at=at, time_zone=zone)
        self.staff = User.objects.filter(is_staff=True).first() or sign_up(f"{name}-staff", at=at, is_staff=True)
        self.wallet_id = self.user.wallet.pk
        self.tiny = TinyWallet(now=at, zone=zone)
        self.holds: dict[str, Hold] = {}
        self.entries_compared = 0
        self.compare()

    def do(self, act: str, *, behind: timedelta = timedelta(0), **asked: Any) -> Outcome:
        """Do one act to both, at this moment or on a machine whose clock is `behind`; return the common answer."""
        now = self.now - behind
        found = _outcome(lambda: getattr(self, f"_{act}")(now=now, **asked))
        expected = _expected(lambda: getattr(self.tiny, act)(now=now, **asked), self._shape_of(act))
        assert found == expected, f"{act} {asked} at {now}: the ledger says {found}, the model {expected}"
        self.compare()
        return found

    def wait(self, **time: float) -> None:
        """Let time pass; nobody touches the wallet meanwhile."""
        self.now += timedelta(**time)

    def wait_for_next_due(self, *, plus: timedelta = timedelta(0)) -> None:
        """Let time pass until something is due, or a moment before or after; never back."""
        due = self.tiny.next_due()
        assert due is not None
        self.now = max(self.now, due[0] + plus)

    @property
    def wallet(self) -> Wallet:
        return Wallet.objects.get(pk=self.wallet_id)

    # --- the acts, as the ledger knows them ---

    def _charge(self, **asked: Any) -> Outcome:
        return _answer(metering.charge(wallet=self.wallet, **asked))

    def _charge_many(self, *, now: datetime, charges: list[dict[str, Any]]) -> Outcome:
        items = [metering.Charge(**charge) for charge in charges]
        answers = metering.charge_many(wallet=self.wallet, charges=items, now=now)
        return [_answer(answer) if isinstance(answer, metering.Answer) else _refusal(answer) for answer in answers]

    def _workflow(self, *, name: str, nodes: list[tuple[str, int] | None], **asked: Any) -> Outcome:
        steps = [metering.Node(feature=node[0], quantity=node[1]) if node else metering.Node() for node in nodes]
        return _answer(metering.charge_workflow(wallet=self.wallet, workflow=name, nodes=steps, **asked))

    def _hold(self, *, key: str, **asked: Any) -> Outcome:
        hold = metering.hold(wallet=self.wallet, key=key, **asked)
        assert self.holds.setdefault(key, hold).pk == hold.pk
        return hold.quantity, hold.amount, hold.unlimited, hold.opened_at

    def _extend(self, *, now: datetime, hold: str, until: datetime) -> Outcome:
        return metering.extend(wallet=self.wallet, hold=self.holds[hold], until=until, now=now).expires_at

    def _capture(self, *, now: datetime, hold: str, quantity: int) -> Outcome:
        return _answer(metering.capture(wallet=self.wallet, hold=self.holds[hold], quantity=quantity, now=now))

    def _release(self, *, now: datetime, hold: str) -> Outcome:
        return _answer(metering.release(wallet=self.wallet, hold=self.holds[hold], now=now))

    def _give(
        self,
        *,
        now: datetime,
        name: str,
        source: str,
        amount: int,
        starts: datetime | None = None,
        ends: datetime | None = None,
    ) -> Outcome:
        wallet = Wallet.objects.get(pk=self.wallet_id)
        return give(wallet, amount, now=now, source=source, key=name, starts_at=starts, expires_at=ends).amount

    def _adjust(self, *, now: datetime, key: str, amount: int) -> Outcome:
        return _entry(
            grants.adjust(
                wallet_id=self.wallet_id, amount=amount, reason="A reason", actor=self.staff, key=key, now=now
            )
        )

    def _settle(self, *, now: datetime) -> Outcome:
        settlement.settle(wallet_id=self.wallet_id, now=now)
        return None

    def _suspend(self, *, now: datetime) -> Outcome:
        wallets.suspend(wallet_id=self.wallet_id, reason="A reason", now=now)
        return None

    def _resume(self, *, now: datetime) -> Outcome:
        wallets.resume(wallet_id=self.wallet_id)
        return None

    def _set_max_output(self, *, now: datetime, tokens: int) -> Outcome:
        Wallet.objects.filter(pk=self.wallet_id).update(max_output_tokens=tokens)
        return None

    def _set_limit(self, *, now: datetime, ask_above: int | None) -> Outcome:
        wallets.set_limits(
            wallet_id=self.wallet_id, max_output_tokens=self.wallet.max_output_tokens, confirm_above=ask_above
        )
        return None

    def _move_to(self, *, now: datetime, zone: str) -> Outcome:
        self.user.time_zone = zone
        self.user.save()
        return None

    def _begin_contract(self, *, now: datetime, allowance: int | None) -> Outcome:
        subscriptions.begin_contract(wallet_id=self.wallet_id, allowance=allowance, now=now)
        return None

    def _return_to_free(self, *, now: datetime) -> Outcome:
        subscriptions.return_to_free(wallet_id=self.wallet_id, now=now)
        return None

    # --- what both must say ---

    def compare(self) -> None:
        """Compare the balances, what is left of each grant, the cycle, the warning and every new entry."""
        wallet, tiny = self.wallet, self.tiny
        assert _state(wallet) == {
            "available": tiny.available,
            "held": tiny.held,
            "entries": len(tiny.entries),
            "cycle": tiny.cycle,
            "warning_level": tiny.level,
            "unlimited": tiny.unlimited,
            "is_suspended": tiny.suspended,
            "last_posted_at": tiny.last_posted_at,
            "last_posted_on": tiny.last_posted_on,
        }
        due = tiny.next_due()
        assert due is not None
        assert wallet.next_due_at is not None
        assert wallet.next_due_at <= due[0], "the ledger would sleep through something that is due"
        head_left = wallet.head_left
        assert [
            (grant.amount, head_left if grant.remaining is None else grant.remaining, grant.closed_at is not None)
            for grant in wallet.grants.order_by("id")
        ] == [(grant["amount"], tiny.left(grant), grant["closed"]) for grant in tiny.grants]
        entries = wallet.entries.filter(sequence__gt=self.entries_compared).order_by("sequence")
        assert [_line(entry) for entry in entries] == [_tiny_line(row) for row in tiny.entries[self.entries_compared :]]
        self.entries_compared = len(tiny.entries)

    def compare_all(self) -> None:
        """Compare the day totals, the warnings and the holds too, and let the books prove themselves."""
        self.compare()
        wallet, tiny = self.wallet, self.tiny
        assert {
            (day.used_on, day.cycle, day.feature_id, day.priced_as_id, day.source): (day.quantity, day.cost, day.uses)
            for day in wallet.daily_usage.all()
        } == tiny.days()
        assert list(wallet.notices.order_by("id").values_list("level", "cycle", "available")) == tiny.warnings
        assert [(hold.status, hold.quantity, hold.amount, hold.expires_at) for hold in wallet.holds.order_by("id")] == [
            (hold["status"], hold["quantity"], hold["amount"], hold["limit"]) for hold in tiny.holds.values()
        ]
        assert [str(difference) for difference in proof.prove(wallet_id=self.wallet_id)] == []

    def _shape_of(self, act: str) -> Callable[[Any], Outcome]:
        if act == "hold":
            return lambda hold: (hold["quantity"], hold["amount"], hold["unlimited"], hold["opened"])
        return _tiny_shape


def _outcome(act: Callable[[], Outcome]) -> Outcome:
    try:
        return act()
    except MeteringError as refusal:
        return _refusal(refusal)


def _expected(act: Callable[[], Any], shape: Callable[[Any], Outcome]) -> Outcome:
    try:
        return shape(act())
    except Refused as refusal:
        return refusal.outcome


def _refusal(error: MeteringError) -> Outcome:
    figures: tuple[int, ...] = ()
    if isinstance(error, InsufficientCredits):
        figures = error.needed, error.available
    elif isinstance(error, NeedsConfirmation):
        figures = error.cost, error.limit
    return type(error).__name__, *figures


def _answer(answer: metering.Answer) -> Outcome:
    return answer.sequence, answer.cost, answer.uncovered, answer.available, answer.posted_at


def _entry(entry: LedgerEntry) -> Outcome:
    return entry.sequence, entry.cost, entry.uncovered, entry.available_after, entry.posted_at


def _tiny_shape(found: Any) -> Outcome:
    if isinstance(found, list):
        return [_tiny_shape(one) for one in found]
    if isinstance(found, Refused):
        return found.outcome
    return _tiny_answer(found) if isinstance(found, dict) else found


def _tiny_answer(row: Row) -> Outcome:
    return row["number"], row["cost"], row["uncovered"], row["after"], row["posted_at"]


def _state(wallet: Wallet) -> dict[str, object]:
    return {
        "available": wallet.available,
        "held": wallet.held,
        "entries": wallet.sequence,
        "cycle": wallet.cycle,
        "warning_level": wallet.warning_level,
        "unlimited": wallet.unlimited,
        "is_suspended": wallet.suspended_at is not None,
        "last_posted_at": wallet.last_posted_at,
        "last_posted_on": wallet.last_posted_on,
    }


def _line(entry: LedgerEntry) -> tuple[object, ...]:
    return (
        entry.sequence,
        entry.kind,
        entry.available_change,
        entry.held_change,
        entry.cost,
        entry.uncovered,
        entry.available_after,
        entry.cycle,
        entry.effective_at,
        entry.posted_at,
        entry.posted_on,
        entry.used_on,
        entry.key,
    )


def _tiny_line(row: Row) -> tuple[object, ...]:
    moves = row["moves"].values()
    return (
        row["number"],
        row["kind"],
        sum(left for left, _ in moves),
        sum(held for _, held in moves),
        row["cost"],
        row["uncovered"],
        row["after"],
        row["cycle"],
        row["effective_at"],
        row["posted_at"],
        row["posted_on"],
        row["used_on"],
        row["key"],
    )
