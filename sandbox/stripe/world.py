"""What all of the sandbox's nouns stand on: the objects, the clocks and the events."""

import random
import threading
import time as real_time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.stripe.errors import missing
from sandbox.stripe.store import Object, Store

EVENTS_KEPT_SECONDS = 30 * 86_400
API_VERSION = "2026-10-28.endive"

# What an error calls an object of a kind.
NOUNS = {
    "billing_portal.configuration": "configuration",
    "billing_portal.session": "billing portal session",
    "checkout.session": "checkout.session",
    "payment_method": "PaymentMethod",
    "test_helpers.test_clock": "test clock",
}


@dataclass
class Faults:
    """What goes wrong on purpose.

    `duplicate` and `drop` are shares of all events when below 1, and from 1 on the number of next events.
    """

    duplicate: float = 0
    """Events that are delivered twice."""
    drop: float = 0
    """Events that are never delivered."""
    reorder: bool = False
    """Waiting events go out in any order, not in the one in which they came."""
    delay_seconds: float = 0
    """How long an event waits before it is delivered, in real seconds."""
    error_next_calls: int = 0
    """How many next API calls are answered with `error_status`, and do nothing."""
    error_status: int = 500
    timeout_next: int = 0
    """How many next API calls are carried out, and their answers lost."""


def public(item: Object) -> Object:
    """Return an object without the sandbox's own fields; of a deleted one, its id alone."""
    if item.get("deleted"):
        return {"id": item["id"], "object": item["object"], "deleted": True}
    return {name: value for name, value in item.items() if not name.startswith("_")}


def customer_of(item: Object) -> str | None:
    """Return the id of the customer that an object belongs to, if any."""
    if item["object"] == "customer":
        return str(item["id"])
    return item.get("customer") or item.get("_customer")


def listing(items: list[Object], url: str, *, has_more: bool = False) -> Object:
    """Return Stripe's list object."""
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


class World:
    """One Stripe account. All moments are in seconds since 1970, in UTC.

    `time` tells the real time; the account's clock is that plus an offset. Whoever reads and writes holds `lock`.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        time: Callable[[], float] = real_time.time,
        base_url: str = "http://127.0.0.1:12111",
    ) -> None:
        self.store = store or Store()
        self.lock = threading.RLock()
        self.base_url = base_url.rstrip("/")
        self.real_time = time
        self.faults = Faults(**self.store.state.get("faults", {}))
        self.request: Object | None = None
        """The API request under way, as events tell it: its id and its idempotency key."""
        self.silent = False
        """Whether events are only kept, not delivered."""
        self.chance = random.Random(self.store.state["seed"])
        self.waking = threading.Event()
        """Set when there may be something to deliver."""
        self.keys_under_way: set[str] = set()
        """The idempotency keys of the requests under way, guarded by `keys_lock`."""
        self.keys_lock = threading.Lock()
        self._moment: int | None = None
        self._depth = 0
        self._taken = len(self.events)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Hold the lock, and write the journal at the end of the outermost act."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._flush()

    def _flush(self) -> None:
        faults = asdict(self.faults)
        if self.store.state.get("faults", asdict(Faults())) != faults:
            self.store.state = {**self.store.state, "faults": faults}
        self.store.flush()

    # --- clocks ------------------------------------------------------------------------------------------------

    @property
    def offset(self) -> int:
        """How far the account's clock is ahead of the real time, in seconds."""
        return int(self.store.state.get("offset", 0))

    @offset.setter
    def offset(self, seconds: int) -> None:
        self.store.state = {**self.store.state, "offset": seconds}

    def now(self, customer: str | None = None) -> int:
        """Return the present moment of the clock that the customer follows, or of the account's."""
        if self._moment is not None:
            return self._moment
        clock = self.clock_of(customer)
        return int(clock["frozen_time"]) if clock else self._account_now()

    def _account_now(self) -> int:
        return int(self.real_time()) + self.offset

    def clock_of(self, customer: str | None) -> Object | None:
        """Return the test clock that a customer is attached to, if any."""
        owner = self.store.get(customer) if customer else None
        clock = owner.get("test_clock") if owner else None
        return self.store.get(clock) if clock else None

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Let it be that moment, for every clock."""
        before, self._moment = self._moment, moment
        try:
            yield
        finally:
            self._moment = before

    # --- objects -----------------------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        return self.store.new_id(prefix)

    def put(self, item: Object) -> Object:
        return self.store.put(item)

    def get(self, kind: str, item_id: str, *, param: str = "id", status: int = 404) -> Object:
        """Return an object of a kind, or raise Refused (resource_missing)."""
        item = self.store.get(item_id)
        if item is None or item["object"] != kind:
            raise missing(NOUNS.get(kind, kind), item_id, param=param, status=status)
        return item

    def all(self, kind: str, **fields: Any) -> list[Object]:
        """Return the objects of a kind whose fields are as given, oldest first."""
        return [
            item
            for item in self.store.all(kind)
            if all(item.get(name) == value for name, value in fields.items()) and not item.get("deleted")
        ]

    def change(self, item: Object, *, event: str | None = None, **changes: Any) -> Object:
        """Put new values into an object's fields, and tell of it with the values from before."""
        before = self.store.get(item["id"]) or item
        different = {name: value for name, value in changes.items() if before.get(name) != value}
        if not different:
            return before
        after = self.store.put({**before, **different})
        if event:
            previous = {name: before.get(name) for name in different if not name.startswith("_")}
            self.emit(event, after, previous=previous)
        return after

    # --- events ------------------------------------------------------------------------------------------------

    @property
    def events(self) -> list[Object]:
        """All events, oldest first."""
        return self.store.all("event")

    def emit(self, event_type: str, item: Object, *, previous: Object | None = None) -> Object:
        """Keep an event about an object as it is now, and deliver it.

        In a silent world nothing is delivered, and only what Stripe would still list is kept.
        """
        data: Object = {"object": public(item)}
        if previous is not None:
            data["previous_attributes"] = previous
        endpoints = [] if self.silent else self.listeners(event_type)
        now = self.now(customer_of(item))
        event: Object = {
            "id": self.new_id("evt_"),
            "object": "event",
            "api_version": API_VERSION,
            "created": now,
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": self.request or {"id": None, "idempotency_key": None},
            "type": event_type,
        }
        if not self.silent or now >= self._account_now() - EVENTS_KEPT_SECONDS:
            self.put(event)
        if endpoints and not self._strikes("drop"):
            for endpoint in endpoints * (2 if self._strikes("duplicate") else 1):
                self.queue(event, endpoint)
        elif endpoints:
            for endpoint in endpoints:
                self.queue(event, endpoint, dropped=True)
        return event

    def _strikes(self, fault: str) -> bool:
        """Say whether a fault befalls this event, and count it."""
        rate = getattr(self.faults, fault)
        if rate >= 1:
            setattr(self.faults, fault, rate - 1)
        return bool(rate >= 1 or self.chance.random() < rate)

    def listeners(self, event_type: str) -> list[Object]:
        """Return the enabled webhook endpoints that asked for a type of event."""
        endpoints = self.all("webhook_endpoint", status="enabled")
        return [endpoint for endpoint in endpoints if {"*", event_type} & set(endpoint["enabled_events"])]

    def queue(self, event: Object, endpoint: Object, *, dropped: bool = False) -> Object:
        """Put an event into an endpoint's queue, or write down that it never arrives there."""
        self.waking.set()
        return self.put(
            {
                "id": self.new_id("_delivery_"),
                "object": "_delivery",
                "event": event["id"],
                "endpoint": endpoint["id"],
                "state": "dropped" if dropped else "waiting",
                "attempts": [],
                "next_at": None if dropped else self.real_time() + self.faults.delay_seconds,
            }
        )

    def take_events(self) -> list[Object]:
        """Return the events since the last time, oldest first."""
        taken = self.events[self._taken :]
        self._taken = len(self.events)
        return taken

    # --- snapshots ---------------------------------------------------------------------------------------------

    def snapshot(self) -> tuple[Any, ...]:
        with self.lock:
            return self.store.snapshot(), self._taken, asdict(self.faults)

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Go back to how everything was when the snapshot was taken."""
        with self.acting():
            objects, self._taken, faults = snapshot
            self.store.restore(objects)
            self.faults = Faults(**faults)
