"""The books of the tiny model: what there is, what time changes, who is warned.

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


class TinyBooks:
    """One person's credits, and how they move."""

    def __init__(self, *, now: datetime, zone: str) -> None:
        self.zone = zone
        self.grants: list[Row] = []
        self.holds: dict[str, Row] = {}
        self.entries: list[Row] = []
        self.warnings: list[tuple[int, int, int]] = []
        self.cycle = self.level = 0
        self.suspended = self.unlimited = False
        self.max_output = 4_096
        self.ask_above: int | None = None
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
