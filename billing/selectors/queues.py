"""What waits to be done by itself, and what was given up: for staff's first page, and for an operator's alarms."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from billing import sql

GOOD, WARNING, BAD = "good", "warning", "bad"
WARNS_AFTER, IS_BAD_AFTER = timedelta(minutes=5), timedelta(hours=1)
#: What each of them is called, in the order of the page.
QUEUES = {
    "event": "Stripe’s events",
    "mail": "Mails",
    "hold": "Holds past their limit",
    "reset": "Wallets with something due",
    "export": "Exports",
    "refund": "Refunds at Stripe",
    "farewell": "Ends of accounts at Stripe",
}


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that waits: the oldest since when and how long, None for none; and how many were given up, if any can be."""

    word: str
    label: str
    oldest_at: datetime | None
    age: timedelta | None
    given_up: int | None

    @property
    def state(self) -> str:
        """How it is: good, a warning, or bad."""
        if self.age is not None and self.age > IS_BAD_AFTER:
            return BAD
        return WARNING if self.given_up or (self.age is not None and self.age > WARNS_AFTER) else GOOD


def read() -> list[Queue]:
    """Return each queue; ages are by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(sql.read("oldest_waiting"))
        found = {word: (oldest_at, age, given_up) for word, oldest_at, age, given_up in cursor.fetchall()}
    return [Queue(word, label, *found[word]) for word, label in QUEUES.items()]
