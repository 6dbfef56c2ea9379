"""The rules of credits once more, tiny and slow, written from the documentation alone.

Nothing of ours is imported here, so that a mistake can't be made in both places at once. A wallet is lists and dicts;
every balance is summed again each time somebody asks. Amounts are millicredits, times UTC.
"""

from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

#: Feature → millicredits, for every so many base units.
PRICES = {
    "gpt-4o-mini": (1_000, 1_000),
    "gpt-4o": (5_000, 1_000),
    "claude-3.5-sonnet": (3_000, 1_000),
    "o1-preview": (15_000, 1_000),
    "dall-e-3-standard": (40_000, 1),
    "dall-e-3-hd": (80_000, 1),
    "stable-diffusion": (10_000, 1),
    "flux-pro": (20_000, 1),
    "web-search": (5_000, 1),
    "pdf-summary": (10_000, 1),
    "video-generation": (100_000, 60),
    "analytics": (0, 1),
    "custom-training": (50_000, 1),
}
CHAT_MODELS = ("gpt-4o-mini", "gpt-4o", "claude-3.5-sonnet", "o1-preview")
FREE_ALLOWANCE = 100_000
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
HOLD_ENDS, GRANT_ENDS, GRANT_STARTS, PERIOD_STARTS = range(4)

Row = dict[str, Any]


class Refused(Exception):
    """What the wallet refuses, by the name of the error."""

    def __init__(self, name: str, **figures: int) -> None:
        self.outcome = (name, *figures.values())
        super().__init__(name)


def price(feature: str, quantity: int) -> int:
    """Return what a use costs: a price that doesn't divide rounds up, once."""
    millicredits, per = PRICES[feature]
    whole, rest = divmod(quantity * millicredits, per)
    return whole + 1 if rest else whole


def months_after(anchor: datetime, months: int) -> datetime:
    """Return 00:00 UTC of the anchor's day so many months on, or of the month's last day where that is earlier."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return datetime(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]), tzinfo=UTC)


class TinyWallet:
    """One person's credits."""

    def __init__(self, *, now: datetime, zone: str) -> None:
        self.zone = zone
        self.grants: list[Row] = []
        self.holds: dict[str, Row] = {}
        self.entries: list[Row] = []
        self.warnings: list[tuple[int, int, int]] = []
        self.cycle = self.level = 0
        self.suspended = self.unlimited = False
        self.max_output = 4_096
        self.posting = self.last_posted_at = now
        self.last_posted_on = self.day(now)
        self.anchor, self.period, self.allowance = now, 0, FREE_ALLOWANCE
        self.contract: tuple[int | None] | None = None
        self._begin_cycle(now)
        self.judge(0)

    # --- what there is ---

    def left(self, grant: Row) -> int:
        return sum(entry["moves"].get(grant["name"], (0, 0))[0] for entry in self.entries)

    @property
    def available(self) -> int:
        return sum(left for entry in self.entries for left, _ in entry["moves"].values())

    @property
    def held(self) -> int:
        return sum(held for entry in self.entries for _, held in entry["moves"].values())

    def day(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def days(self) -> dict[tuple[Any, ...], tuple[int, int, int]]:
        """Return (day, cycle, feature, priced as, source) → (quantity, cost, uses), summed from the entries."""
        found: dict[tuple[Any, ...], tuple[int, int, int]] = {}
        for entry in self.entries:
            for feature, priced_as, quantity, cost, uses in entry["uses"]:
                place = (entry["used_on"], entry["cycle"], feature, priced_as, entry["source"])
                before = found.get(place, (0, 0, 0))
                found[place] = (before[0] + quantity, before[1] + cost, before[2] + uses)
        return found

    def next_due(self) -> tuple[datetime, int, int, Any] | None:
        """Return the earliest thing that time changes: when, its rank among things at once, its age, and what."""
        dues: list[tuple[datetime, int, int, Any]] = []
        for age, hold in enumerate(self.holds.values()):
            if hold["status"] == "open":
                dues.append((hold["limit"], HOLD_ENDS, age, hold))
        for age, grant in enumerate(self.grants):
            if not grant["opened"]:
                dues.append((grant["starts"], GRANT_STARTS, age, grant))
            elif not grant["closed"] and grant["ends"] is not None:
                dues.append((grant["ends"], GRANT_ENDS, age, grant))
        dues.append((months_after(self.anchor, self.period + 1), PERIOD_STARTS, 0, None))
        return min(dues, key=lambda due: due[:3])

    # --- what people do ---

    def charge(
        self,
        *,
        now: datetime,
        key: str,
        feature: str,
        quantity: int,
        priced_as: str | None = None,
        source: str = "app",
        occurred_at: datetime | None = None,
    ) -> Row:
        with self._act(now):
            asked = ("charge", feature, priced_as, quantity, source)
            if first := self._seen(key, asked):
                return first
            cost = price(priced_as or feature, quantity)
            uses = [(feature, priced_as or feature, quantity, cost, 1)]
            return self._use(cost, key, asked, uses, source, occurred_at)

    def charge_many(self, *, now: datetime, charges: list[dict[str, Any]]) -> list[Row | Refused]:
        answers: list[Row | Refused] = []
        for charge in charges:
            try:
                answers.append(self.charge(now=now, **charge))
            except Refused as refusal:
                answers.append(refusal)
        return answers

    def workflow(self, *, now: datetime, key: str, name: str, nodes: list[tuple[str, int] | None]) -> Row:
        with self._act(now):
            asked = ("workflow", name, *nodes)
            if first := self._seen(key, asked):
                return first
            run = "workflow-execution"
            uses = [(run, run, 1, 0, 1)]
            uses += [(run, node[0], node[1], price(*node), 0) for node in nodes if node]
            return self._use(sum(use[3] for use in uses), key, asked, uses, f"workflow:{name}", None)

    def hold(
        self,
        *,
        now: datetime,
        key: str,
        feature: str,
        quantity: int,
        minimum: int | None = None,
        priced_as: str | None = None,
        lasts: timedelta = timedelta(minutes=15),
    ) -> Row:
        with self._act(now):
            asked = ("hold", feature, priced_as, quantity, minimum)
            if self._seen(key, asked):
                return self.holds[key]
            if self.suspended:
                raise Refused("WalletSuspended")
            quantity = self._granted(priced_as or feature, quantity, minimum)
            amount = 0 if self.unlimited else price(priced_as or feature, quantity)
            kept = self._burn(amount)
            hold = self.holds[key] = {
                "status": "open",
                "feature": feature,
                "priced_as": priced_as or feature,
                "quantity": quantity,
                "amount": amount,
                "kept": kept,
                "unlimited": self.unlimited,
                "opened": self.posting,
                "limit": self.posting + lasts,
            }
            moves = {name: (-taken, taken) for name, taken in kept.items()}
            self._post("hold", moves, key=key, asked=asked, hold=key)
            return hold

    def extend(self, *, now: datetime, hold: str, until: datetime) -> datetime:
        with self._act(now):
            found = self.holds[hold]
            if found["status"] != "open":
                raise Refused("HoldClosed")
            if until - found["opened"] > timedelta(hours=24):
                raise Refused("InvalidRequest")
            found["limit"] = max(until, found["limit"])
            return found["limit"]

    def capture(self, *, now: datetime, hold: str, quantity: int) -> Row:
        with self._act(now):
            found = self.holds[hold]
            if found["status"] == "captured":
                (entry,) = [one for one in self.entries if one["kind"] == "capture" and one["hold"] == hold]
                if entry["uses"][0][2] != quantity:
                    raise Refused("HoldClosed")
                return entry
            if found["status"] == "released":
                raise Refused("HoldClosed")
            kept = found["kept"] if found["status"] == "open" else {}
            cost = price(found["priced_as"], quantity)
            moves, unpaid = self._settled(kept, 0 if found["unlimited"] else cost)
            uses = [(found["feature"], found["priced_as"], quantity, cost, 1)]
            entry = self._post("capture", moves, cost=cost, uncovered=unpaid, uses=uses, hold=hold)
            found["status"] = "captured"
            self._expire_returned(kept, at=None)
            return entry

    def release(self, *, now: datetime, hold: str) -> Row:
        with self._act(now):
            found = self.holds[hold]
            if found["status"] == "captured":
                raise Refused("HoldClosed")
            if found["status"] == "open":
                return self._give_back(hold, "released", at=None)
            return next(one for one in self.entries if one["kind"] == "release" and one["hold"] == hold)

    def give(
        self,
        *,
        now: datetime,
        name: str,
        source: str,
        amount: int,
        starts: datetime | None = None,
        ends: datetime | None = None,
    ) -> int:
        with self._act(now):
            for grant in self.grants:
                if grant["name"] == name:
                    return grant["amount"]
            starts = starts or self.posting
            if ends is not None and ends <= max(starts, self.posting):
                raise Refused("InvalidRequest")
            self._add_grant(name, source, amount, starts, ends)
            return amount

    def adjust(self, *, now: datetime, key: str, amount: int) -> Row:
        with self._act(now):
            asked = ("adjust", amount)
            if first := self._seen(key, asked):
                return first
            if amount > 0:
                return self._add_grant(
                    f"adjustment:{key}", "adjustment", amount, self.posting, None, key=key, asked=asked
                )
            taken = self._burn(min(-amount, self.available))
            if not taken:
                raise Refused("InvalidRequest")
            return self._post("adjustment", {name: (-left, 0) for name, left in taken.items()}, key=key, asked=asked)

    def settle(self, *, now: datetime) -> None:
        with self._act(now):
            pass

    def suspend(self, *, now: datetime) -> None:
        self.suspended = True

    def resume(self, *, now: datetime) -> None:
        self.suspended = False

    def set_max_output(self, *, now: datetime, tokens: int) -> None:
        self.max_output = tokens

    def move_to(self, *, now: datetime, zone: str) -> None:
        self.zone = zone

    def begin_contract(self, *, now: datetime, allowance: int | None) -> None:
        with self._act(now):
            if self.contract != (allowance,):
                self.contract = (allowance,)
                self._change_plan(allowance or 0, unlimited=allowance is None)

    def return_to_free(self, *, now: datetime) -> None:
        with self._act(now):
            if self.contract is not None:
                self.contract = None
                self._change_plan(FREE_ALLOWANCE, unlimited=False)

    # --- how it comes about ---

    @contextmanager
    def _act(self, now: datetime) -> Iterator[None]:
        """Replay what is due, act, judge. A refusal leaves no trace, but for the warning that credits ran out."""
        before = self._copy()
        try:
            if now < self.last_posted_at - timedelta(minutes=5):
                raise Refused("InvalidRequest")
            self.posting = max(now, self.last_posted_at)
            while (due := self.next_due()) and due[0] <= self.posting:
                self._replay(due[0])
            mark = len(self.entries)
            yield
            self.judge(mark)
        except Refused as refusal:
            if refusal.outcome[0] != "InsufficientCredits":
                self.__dict__ = before
            raise

    def _copy(self) -> dict[str, Any]:
        """Return all there is now; entries are never changed, so they are shared."""
        return self.__dict__ | {
            "grants": [dict(grant) for grant in self.grants],
            "holds": {key: dict(hold) for key, hold in self.holds.items()},
            "entries": list(self.entries),
            "warnings": list(self.warnings),
        }

    def _replay(self, moment: datetime) -> None:
        mark = len(self.entries)
        while (due := self.next_due()) and due[0] == moment:
            _, rank, _, what = due
            if rank == HOLD_ENDS:
                (key,) = [key for key, hold in self.holds.items() if hold is what]
                self._give_back(key, "expired", at=moment)
            elif rank == GRANT_ENDS:
                self._end_grant(what, at=moment)
            elif rank == GRANT_STARTS:
                self._start_grant(what)
            else:
                self.period += 1
                self._begin_cycle(moment)
        self.judge(mark)

    def _begin_cycle(self, moment: datetime) -> None:
        self.cycle += 1
        self.level = 0
        if self.allowance:
            name = f"allowance of cycle {self.cycle}"
            self._add_grant(name, "allowance", self.allowance, moment, months_after(self.anchor, self.period + 1))

    def _change_plan(self, allowance: int, *, unlimited: bool) -> None:
        for grant in self._burnable():
            if grant["source"] == "allowance":
                self._end_grant(grant, at=None)
        self.anchor, self.period, self.allowance, self.unlimited = self.posting, 0, allowance, unlimited
        self._begin_cycle(self.posting)

    def _add_grant(
        self, name: str, source: str, amount: int, starts: datetime, ends: datetime | None, **facts: Any
    ) -> Row:
        grant = {"name": name, "source": source, "amount": amount, "starts": starts, "ends": ends}
        self.grants.append(grant | {"opened": False, "closed": False})
        return self._start_grant(self.grants[-1], **facts) if starts <= self.posting else grant

    def _start_grant(self, grant: Row, **facts: Any) -> Row:
        grant["opened"] = True
        return self._post("grant", {grant["name"]: (grant["amount"], 0)}, at=grant["starts"], **facts)

    def _end_grant(self, grant: Row, *, at: datetime | None) -> None:
        if left := self.left(grant):
            self._post("expiry", {grant["name"]: (-left, 0)}, at=at)
        grant["closed"] = True

    def _burnable(self) -> list[Row]:
        """Return the open grants: those that expire first, then the oldest."""
        open_ones = [grant for grant in self.grants if grant["opened"] and not grant["closed"]]
        return sorted(open_ones, key=lambda grant: (grant["ends"] or NEVER, grant["starts"]))

    def _burn(self, amount: int) -> dict[str, int]:
        taken = {}
        for grant in self._burnable():
            if part := min(amount, self.left(grant)):
                taken[grant["name"]] = part
                amount -= part
        return taken

    def _granted(self, feature: str, quantity: int, minimum: int | None) -> int:
        """Return how much a hold may use: tokens are cut down to what is allowed and affordable, the rest isn't."""
        minimum = minimum or 0
        if feature in CHAT_MODELS:
            quantity = min(quantity, minimum + self.max_output)
        if self.unlimited:
            return quantity
        least = max(minimum, 1) if feature in CHAT_MODELS else quantity
        if price(feature, least) > self.available:
            self.warn(3)
            raise Refused("InsufficientCredits", needed=price(feature, least), available=self.available)
        available = self.available
        while price(feature, quantity) > available:
            quantity -= 1
        return quantity

    def _use(
        self,
        cost: int,
        key: str,
        asked: tuple[Any, ...],
        uses: list[tuple[str, str, int, int, int]],
        source: str,
        occurred_at: datetime | None,
    ) -> Row:
        if self.suspended:
            raise Refused("WalletSuspended")
        if not self.unlimited and cost > self.available:
            self.warn(3)
            raise Refused("InsufficientCredits", needed=cost, available=self.available)
        taken = {} if self.unlimited else self._burn(cost)
        moves = {name: (-left, 0) for name, left in taken.items()}
        used_on = self.day(occurred_at) if occurred_at else None
        return self._post("charge", moves, cost=cost, uses=uses, used_on=used_on, source=source, key=key, asked=asked)

    def _settled(self, kept: dict[str, int], to_pay: int) -> tuple[dict[str, tuple[int, int]], int]:
        """Return the moves of a capture: its own credits first, then what is available; and what nothing paid."""
        moves = {}
        for name, held in kept.items():
            spent = min(held, to_pay)
            moves[name] = (held - spent, -held)
            to_pay -= spent
        for name, left in self._burn(to_pay).items():
            own = moves.get(name, (0, 0))
            moves[name] = (own[0] - left, own[1])
            to_pay -= left
        return moves, to_pay

    def _give_back(self, key: str, status: str, *, at: datetime | None) -> Row:
        hold = self.holds[key]
        hold["status"] = status
        entry = self._post("release", {name: (held, -held) for name, held in hold["kept"].items()}, at=at, hold=key)
        self._expire_returned(hold["kept"], at=at)
        return entry

    def _expire_returned(self, kept: dict[str, int], *, at: datetime | None) -> None:
        """What came back to a grant that ended meanwhile is gone."""
        ended = [grant for grant in self.grants if grant["name"] in kept and grant["closed"] and self.left(grant)]
        if ended:
            self._post("expiry", {grant["name"]: (-self.left(grant), 0) for grant in ended}, at=at)

    def _seen(self, key: str, asked: tuple[Any, ...]) -> Row | None:
        for entry in self.entries:
            if entry["key"] == key:
                if entry["asked"] != asked:
                    raise Refused("KeyReused")
                return entry
        return None

    def _post(
        self,
        kind: str,
        moves: dict[str, tuple[int, int]],
        *,
        at: datetime | None = None,
        used_on: date | None = None,
        cost: int = 0,
        uncovered: int = 0,
        uses: list[tuple[str, str, int, int, int]] | None = None,
        source: str = "app",
        **facts: Any,
    ) -> Row:
        self.last_posted_at = self.posting
        self.last_posted_on = max(self.last_posted_on, self.day(self.posting))
        entry = {
            "number": len(self.entries) + 1,
            "kind": kind,
            "moves": moves,
            "cost": cost,
            "uncovered": uncovered,
            "after": self.available + sum(left for left, _ in moves.values()),
            "cycle": self.cycle,
            "effective_at": at or self.posting,
            "posted_at": self.posting,
            "posted_on": self.last_posted_on,
            "used_on": (used_on or self.last_posted_on) if uses else None,
            "uses": uses or [],
            "source": source,
            "key": None,
            "asked": None,
            "hold": None,
        } | facts
        self.entries.append(entry)
        return entry

    # --- warnings ---

    def deserved(self) -> int:
        """Return the warning that the posted credits deserve, compared with the cycle's allowance."""
        posted = self.available + self.held
        if self.unlimited:
            return 0
        if posted == 0:
            return 3
        return 2 if posted * 20 < self.allowance else 1 if posted * 5 < self.allowance else 0

    def judge(self, mark: int) -> None:
        """New credits lower the warning to what is deserved; lost ones raise it; holds and releases do neither."""
        changes = [sum(left + held for left, held in entry["moves"].values()) for entry in self.entries[mark:]]
        if any(change > 0 for change in changes):
            self.level = min(self.level, self.deserved())
        if any(change < 0 for change in changes):
            self.warn(self.deserved())

    def warn(self, level: int) -> None:
        if not self.unlimited and level > self.level:
            self.level = level
            self.warnings.append((level, self.cycle, self.available))
