"""Signed events of Stripe's, posted to an endpoint of this process: the same way to ours as to dj-stripe's.

It needs nothing but Django, because dj-stripe's process imports it too.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from itertools import count

from django.test import Client

#: Stands behind every id of one buyer in what Stripe says of them, and makes way for the number of another.
MARK = "§"


def numbered(text: str, number: int) -> str:
    """Return what Stripe says of one buyer as it would say it of another, under ids of their own."""
    return text.replace(MARK, f"x{number:07}")


class Postman:
    """Posts to one address of this process, through all of its middleware, as Stripe does: signed with the secret.

    `events` are those of one buyer, with `MARK` behind their ids.
    """

    def __init__(self, *, path: str, secret: str, events: Sequence[str]) -> None:
        self._client = Client(SERVER_NAME="127.0.0.1")
        self._path = path
        self._secret = secret.encode()
        self._events = events
        self._numbers = count()

    def post(self, event: str) -> None:
        """Post one event; raises where it isn't taken."""
        body = event.encode()
        moment = int(time.time())
        digest = hmac.new(self._secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        answer = self._client.post(
            self._path,
            body,
            content_type="application/json; charset=utf-8",
            headers={"stripe-signature": f"t={moment},v1={digest}"},
        )
        assert answer.status_code == 200, f"{self._path} answered {answer.status_code}: {answer.content[:300]!r}"

    def per_second(self, seconds: float) -> float:
        """Post the events of one new buyer after the other for this long, and return how many were taken a second."""
        taken = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            number = next(self._numbers)
            for event in self._events:
                self.post(numbered(event, number))
            taken += len(self._events)
        return taken / (time.perf_counter() - began)
