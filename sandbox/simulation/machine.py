"""One clock for the product, for Stripe and for people, which jumps from one thing that happens to the next."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any
from unittest import mock

from celery import current_app
from django.conf import settings
from django.core import mail
from django.test import RequestFactory, override_settings
from django.utils import timezone

from billing import gateway, tasks
from billing.selectors import catalog
from billing.services import inbox, outbox, stripe_catalog
from billing.views.webhooks import stripe_webhook
from sandbox.stripe import schedule
from sandbox.stripe.engine import Engine
from sandbox.stripe.store import Store
from sandbox.stripe.transport import InProcess

Act = Callable[[], object]
Event = dict[str, Any]


class Machine:
    """An agenda, a Stripe of its own, and Stripe's post; everything happens at its moment, in whole seconds UTC.

    The same seed gives the same post: most webhooks arrive within seconds, some twice, some hours later or after those
    that were sent later.
    """

    def __init__(self, *, start: datetime, seed: int) -> None:
        self.moment = _whole_second(start)
        self.engine = Engine(Store(seed=f"simulation {seed}"), time=self._seconds)
        self.mailed = 0
        self.post: Counter[str] = Counter()
        self._http = InProcess(self.engine)
        self._dice = Random(f"{seed}: the post")
        self._agenda: list[tuple[datetime, int, Act]] = []
        self._noted = 0

    def _seconds(self) -> float:
        return self.moment.timestamp()

    def now(self) -> datetime:
        """Return what time it is, for the product and for Stripe."""
        return self.moment

    def note(self, at: datetime, act: Act) -> None:
        """Put something on the agenda; what lies behind us happens at once."""
        self._noted += 1
        heappush(self._agenda, (_whole_second(at), self._noted, act))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the product take its time and its Stripe from here, and keep its mails in memory."""
        with ExitStack() as stack:
            for target, name, ours in (
                (timezone, "now", self.now),
                (gateway.client, "http_client", lambda: self._http),
                (current_app, "send_task", lambda *_args, **_options: None),
                (mail, "outbox", []),
            ):
                stack.enter_context(mock.patch.object(target, name, ours, create=name == "outbox"))
            memory = "django.core.mail.backends.locmem.EmailBackend"
            stack.enter_context(override_settings(EMAIL_BACKEND=memory))
            gateway.client.client.cache_clear()
            catalog.fresh()
            try:
                stripe_catalog.sync(now=self.now())
                self.engine.take_events()
                yield
            finally:
                gateway.client.client.cache_clear()

    def run_until(self, end: datetime) -> None:
        """Let everything happen that is on the agenda or due at Stripe until `end`, in order of time."""
        while (at := self._next()) and at <= end:
            self.moment = max(self.moment, at)
            if self._due_at_stripe() == at:
                with self.engine.acting():
                    self.engine.catch_up()
            else:
                heappop(self._agenda)[2]()
            self._collect_post()
            self.work()
        self.moment = max(self.moment, end)

    def work(self) -> None:
        """Do what a worker does that was hinted at: follow what is in the inbox, send what is in the outbox."""
        if inbox.due(now=self.moment, limit=1):
            tasks.sweep_stripe_events()
        for message_id in outbox.due(now=self.moment):
            tasks.send_message(message_id)
        self.mailed += len(mail.outbox)
        mail.outbox.clear()

    def _next(self) -> datetime | None:
        moments = [self._agenda[0][0]] if self._agenda else []
        if due := self._due_at_stripe():
            moments.append(due)
        return min(moments, default=None)

    def _due_at_stripe(self) -> datetime | None:
        due = schedule.next_due(self.engine)
        return datetime.fromtimestamp(due[0], UTC) if due else None

    def _collect_post(self) -> None:
        """Put what Stripe has to tell on its way."""
        for event in self.engine.take_events():
            if event["type"] not in inbox.TYPES:
                continue
            sent = 2 if self._dice.random() < 0.1 else 1
            self.post["sent twice"] += sent - 1
            for _ in range(sent):
                self.note(self.moment + self._delay(), partial(self._deliver, event))

    def _delay(self) -> timedelta:
        if self._dice.random() < 0.9:
            return timedelta(seconds=self._dice.randint(1, 20))
        self.post["hours late"] += 1
        return timedelta(minutes=self._dice.randint(20, 1_800))

    def _deliver(self, event: Event) -> None:
        """Post an event to the product's endpoint, signed as Stripe signs it."""
        body = json.dumps(event).encode()
        seconds = int(self.moment.timestamp())
        secret = settings.STRIPE_WEBHOOK_SECRETS[0].encode()
        digest = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        request = RequestFactory().post(
            "/stripe/webhook/",
            body,
            content_type="application/json",
            headers={"stripe-signature": f"t={seconds},v1={digest}"},
        )
        answer = stripe_webhook(request)
        if answer.status_code != 200:
            raise AssertionError(f"A webhook was answered with {answer.status_code}: {answer.content.decode()}")
        self.post["webhooks"] += 1


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
