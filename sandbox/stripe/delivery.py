"""Webhooks on their way: signed, posted, and tried again until the endpoint has answered with 2xx."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import stripe

from sandbox.stripe.engine import Engine
from sandbox.stripe.store import Object
from sandbox.stripe.world import public

TIMEOUT_SECONDS = 10
LONGEST_PAUSE_SECONDS = 300
GIVEN_UP_AFTER_SECONDS = 3 * 86_400
WATCHED_EVERY_SECONDS = 1.0

logger = logging.getLogger(__name__)
Send = Callable[[str, bytes, Mapping[str, str]], int]
"""Posts a body with headers to an address and returns the status; raises OSError if there was no answer."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: object, **options: object) -> None:
        return None


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post over HTTP. A redirect isn't followed: to Stripe it is a failure."""
    request = Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - endpoints are http(s)
    try:
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from error


@dataclass(frozen=True)
class Letter:
    """A delivery that is about to be tried."""

    delivery_id: str
    url: str
    body: bytes
    secret: str


class Delivery:
    """Delivers what waits in the engine. `send` posts; tests give one that calls their endpoint."""

    def __init__(self, engine: Engine, *, send: Send = post) -> None:
        self.engine = engine
        self.send = send
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def deliver_due(self) -> int:
        """Try every delivery whose time has come, once; return how many were tried."""
        tried = 0
        waiting = self._due()
        if self.engine.faults.reorder:
            self.engine.chance.shuffle(waiting)
        for delivery_id in waiting:
            letter = self._letter(delivery_id)
            if letter:
                self._try(letter)
                tried += 1
        return tried

    def start(self) -> None:
        """Deliver in a thread of its own, until `stop()` or the end of the process."""
        self._thread = threading.Thread(target=self._run, name="stripe-delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.engine.waking.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.engine.waking.wait(WATCHED_EVERY_SECONDS)
            self.engine.waking.clear()
            try:
                with self.engine.acting():
                    self.engine.catch_up()
                self.deliver_due()
            except Exception:
                logger.exception("Delivering webhooks failed; it goes on.")

    def _due(self) -> list[str]:
        with self.engine.lock:
            now = self.engine.real_time()
            waiting = (self.engine.store.get(delivery_id) for delivery_id in self.engine.store.undelivered)
            return [item["id"] for item in waiting if item and item["next_at"] <= now]

    def _letter(self, delivery_id: str) -> Letter | None:
        with self.engine.lock:
            delivery = self.engine.store.get(delivery_id)
            if delivery is None or delivery["next_at"] is None:
                return None
            event = self.engine.get("event", delivery["event"])
            endpoint = self.engine.get("webhook_endpoint", delivery["endpoint"])
            body = json.dumps(public(event), indent=2).encode()
            return Letter(delivery_id, endpoint["url"], body, endpoint["_secret"])

    def _try(self, letter: Letter) -> None:
        moment = int(self.engine.real_time())
        signature = stripe.WebhookSignature.generate_signature_header(
            letter.body.decode(), letter.secret, timestamp=moment
        )
        headers = {
            "Accept": "*/*; q=0.5, application/xml",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        status: int | None = None
        problem = None
        try:
            status = self.send(letter.url, letter.body, headers)
        except OSError as error:
            problem = str(error)
        self._write_down(letter, status, problem)

    def _write_down(self, letter: Letter, status: int | None, problem: str | None) -> None:
        with self.engine.acting():
            delivery = self.engine.store.get(letter.delivery_id)
            if delivery is None:
                return
            now = self.engine.real_time()
            attempts = [*delivery["attempts"], {"at": int(now), "error": problem, "status": status}]
            if status is not None and 200 <= status < 300:
                self.engine.change(delivery, attempts=attempts, next_at=None, state="delivered")
                self._count_down(delivery)
                return
            pause = min(2 ** min(len(attempts) - 1, 20), LONGEST_PAUSE_SECONDS)
            gives_up = now - attempts[0]["at"] > GIVEN_UP_AFTER_SECONDS
            next_at = None if gives_up else now + pause
            self.engine.change(delivery, attempts=attempts, next_at=next_at, state="failed")

    def _count_down(self, delivery: Object) -> None:
        event = self.engine.get("event", delivery["event"])
        self.engine.change(event, pending_webhooks=max(event["pending_webhooks"] - 1, 0))
