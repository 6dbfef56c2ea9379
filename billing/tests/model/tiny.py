"""The rules of credits once more, tiny and slow, written from the documentation alone: what people can do.

Nothing of ours is imported but the tiny books beside this module, which import nothing of ours at all, so that a
mistake can't be made in both places at once.
"""

from datetime import datetime, timedelta
from typing import Any

from billing.tests.model.tiny_books import CHAT_MODELS, FREE_ALLOWANCE, Refused, Row, TinyBooks, price


class TinyWallet(TinyBooks):
    """One person's credits, and what the person, CleverAI and its staff do with them."""

    def charge(self, *, now: datetime, **asked: Any) -> Row:
        with self._act(now):
            return self._charge(now=now, **asked)

    def charge_many(self, *, now: datetime, charges: list[dict[str, Any]]) -> list[Row | Refused]:
        """Answer each by itself, under one lock: a refusal takes nothing back of what was settled or charged before."""
        answers: list[Row | Refused] = []
        try:
            with self._act(now):
                for charge in charges:
                    mark = len(self.entries)
                    try:
                        answers.append(self._charge(now=now, **charge))
                    except Refused as refusal:
                        answers.append(refusal)
                    self.judge(mark)
        except Refused as refusal:
            return [refusal] * len(charges)
        return answers

    def workflow(
        self, *, now: datetime, key: str, name: str, nodes: list[tuple[str, int] | None], confirmed: bool = False
    ) -> Row:
        with self._act(now):
            asked = ("workflow", name, *nodes)
            if first := self._seen(key, asked):
                return first
            run = "workflow-execution"
            uses = [(run, run, 1, 0, 1)]
            uses += [(run, node[0], node[1], price(*node), 0) for node in nodes if node]
            return self._use(sum(use[3] for use in uses), key, asked, uses, f"workflow:{name}", None, confirmed)

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
        confirmed: bool = False,
    ) -> Row:
        with self._act(now):
            asked = ("hold", feature, priced_as, quantity, minimum)
            if self._seen(key, asked):
                return self.holds[key]
            if self.suspended:
                raise Refused("WalletSuspended")
            quantity = self._granted(priced_as or feature, quantity, minimum)
            amount = 0 if self.unlimited else price(priced_as or feature, quantity)
            self._ask(amount, confirmed)
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

    def set_limit(self, *, now: datetime, ask_above: int | None) -> None:
        self.ask_above = ask_above

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

    # --- how it is answered ---

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

    def _charge(
        self,
        *,
        now: datetime,
        key: str,
        feature: str,
        quantity: int,
        priced_as: str | None = None,
        source: str = "app",
        occurred_at: datetime | None = None,
        confirmed: bool = False,
    ) -> Row:
        asked = ("charge", feature, priced_as, quantity, source)
        if first := self._seen(key, asked):
            return first
        cost = price(priced_as or feature, quantity)
        uses = [(feature, priced_as or feature, quantity, cost, 1)]
        return self._use(cost, key, asked, uses, source, occurred_at, confirmed)

    def _use(
        self,
        cost: int,
        key: str,
        asked: tuple[Any, ...],
        uses: list[tuple[str, str, int, int, int]],
        source: str,
        occurred_at: datetime | None,
        confirmed: bool,
    ) -> Row:
        if self.suspended:
            raise Refused("WalletSuspended")
        if not self.unlimited and cost > self.available:
            self.warn(3)
            raise Refused("InsufficientCredits", needed=cost, available=self.available)
        self._ask(0 if self.unlimited else cost, confirmed)
        taken = {} if self.unlimited else self._burn(cost)
        moves = {name: (-left, 0) for name, left in taken.items()}
        used_on = self.day(occurred_at) if occurred_at else None
        return self._post("charge", moves, cost=cost, uses=uses, used_on=used_on, source=source, key=key, asked=asked)

    def _ask(self, amount: int, confirmed: bool) -> None:
        """The owner wants to be asked before more than their limit is taken or set aside at once."""
        if not confirmed and self.ask_above is not None and amount > self.ask_above:
            raise Refused("NeedsConfirmation", cost=amount, limit=self.ask_above)

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

    def _seen(self, key: str, asked: tuple[Any, ...]) -> Row | None:
        for entry in self.entries:
            if entry["key"] == key:
                if entry["asked"] != asked:
                    raise Refused("KeyReused")
                return entry
        return None
