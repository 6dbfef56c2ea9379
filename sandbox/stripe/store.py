"""Where the sandbox keeps its objects: in memory, journalled to SQLite where a path is given.

Objects are never changed in place: a change puts a new one in the old one's stead. So a snapshot only copies
references, and an event keeps the object as it was. Fields whose names begin with "_" are the sandbox's own.
"""

import hashlib
import json
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.stripe.due import due_at

Object = dict[str, Any]

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTHS = {"cus_": 14, "prod_": 14, "si_": 14, "cs_test_": 58, "whsec_": 32, "req_": 14}


@dataclass(frozen=True)
class Snapshot:
    objects: dict[str, Object]
    kinds: dict[str, dict[str, Object]]
    waiting: dict[str, int]
    undelivered: dict[str, None]
    state: Object


class Store:
    """All objects by id, and by kind in the order in which they came.

    The same `seed` gives the same ids again; without one they are new in every store.
    """

    def __init__(self, path: Path | str | None = None, *, seed: str | None = None) -> None:
        self._objects: dict[str, Object] = {}
        self._kinds: dict[str, dict[str, Object]] = {}
        self.waiting: dict[str, int] = {}
        """What time alone will change, and when."""
        self.undelivered: dict[str, None] = {}
        """Deliveries that are still to be tried, in order."""
        self.state: Object = {"seed": seed or secrets.token_hex(8), "counter": 0}
        self._dirty: dict[str, None] = {}  # in order, so that the journal reads back in order
        self._kept_state: Object | None = None
        self._journal = self._open(Path(path)) if path else None

    def new_id(self, prefix: str) -> str:
        """Return an id that looks like Stripe's, such as "pi_3QX…"."""
        counter = self.state["counter"] + 1
        self.state = {**self.state, "counter": counter}
        length = LENGTHS.get(prefix, 24)
        number = int.from_bytes(hashlib.shake_256(f"{self.state['seed']}:{prefix}:{counter}".encode()).digest(48))
        letters = []
        for _ in range(length):
            number, place = divmod(number, len(ALPHABET))
            letters.append(ALPHABET[place])
        return prefix + "".join(letters)

    def put(self, item: Object) -> Object:
        """Keep an object under its id, in the stead of an earlier one."""
        item_id = item["id"]
        self._objects[item_id] = item
        self._kinds.setdefault(item["object"], {})[item_id] = item
        self._dirty[item_id] = None
        self._index(item)
        return item

    def _index(self, item: Object) -> None:
        moment = due_at(item)
        if moment is not None:
            self.waiting[item["id"]] = moment
        else:
            self.waiting.pop(item["id"], None)
        if item["object"] == "_delivery" and item["next_at"] is not None:
            self.undelivered[item["id"]] = None
        else:
            self.undelivered.pop(item["id"], None)

    def get(self, item_id: str) -> Object | None:
        return self._objects.get(item_id)

    def remove(self, item_id: str) -> None:
        item = self._objects.pop(item_id)
        del self._kinds[item["object"]][item_id]
        self.waiting.pop(item_id, None)
        self.undelivered.pop(item_id, None)
        self._dirty[item_id] = None

    def all(self, kind: str) -> list[Object]:
        """Return the objects of one kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def snapshot(self) -> Snapshot:
        kinds = {kind: dict(items) for kind, items in self._kinds.items()}
        return Snapshot(dict(self._objects), kinds, dict(self.waiting), dict(self.undelivered), self.state)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to what a snapshot holds. It can be gone back to again."""
        for item_id in [*snapshot.objects, *self._objects]:
            if self._objects.get(item_id) is not snapshot.objects.get(item_id):
                self._dirty[item_id] = None
        self._objects = dict(snapshot.objects)
        self._kinds = {kind: dict(items) for kind, items in snapshot.kinds.items()}
        self.waiting = dict(snapshot.waiting)
        self.undelivered = dict(snapshot.undelivered)
        self.state = snapshot.state

    def flush(self) -> None:
        """Write what has changed to the journal, in one transaction."""
        if self._journal is None:
            self._dirty.clear()
            return
        if not self._dirty and self._kept_state is self.state:
            return
        with self._journal:
            for item_id in self._dirty:
                self._write(item_id, self._objects.get(item_id))
            self._write("state", {"object": "state", **self.state})
        self._dirty.clear()
        self._kept_state = self.state

    def close(self) -> None:
        self.flush()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _write(self, item_id: str, item: Object | None) -> None:
        assert self._journal is not None  # noqa: S101
        if item is None:
            self._journal.execute("DELETE FROM objects WHERE id = ?", (item_id,))
            return
        self._journal.execute(
            "INSERT INTO objects (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (item_id, json.dumps(item)),
        )

    def _open(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        journal = sqlite3.connect(path, check_same_thread=False)
        journal.execute("PRAGMA journal_mode = WAL")
        journal.execute("PRAGMA synchronous = NORMAL")
        journal.execute("CREATE TABLE IF NOT EXISTS objects (place INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT)")
        for item_id, body in journal.execute("SELECT id, body FROM objects ORDER BY place"):
            item = json.loads(body)
            if item_id == "state":
                self.state = self._kept_state = {name: value for name, value in item.items() if name != "object"}
            else:
                self.put(item)
        self._dirty.clear()
        return journal
