"""A shop for tests: a Stripe of its own in this process, with our catalog in it, and the webhooks that it sends."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import gateway, tasks
from billing.models import Checkout, Customer, Purchase, StripeEvent, StripeSubscription
from billing.services import checkouts, inbox, stripe_catalog
from billing.tests.stripe import undoing
from sandbox.stripe.engine import Engine
from sandbox.stripe.transport import InProcess
from sandbox.stripe_shapes.objects import complaints
from sandbox.stripe_shapes.watch import Watching

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
FAILS_LATER_CARD = "4000000000000341"
DISPUTED_CARD = "4000000000000259"
WEBHOOK = "/stripe/webhook/"


class Outside(InProcess):
    """The way to Stripe, which remembers what was asked inside a transaction of the product's: nothing may be."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.asked_inside: list[str] = []

    def request(self, method: str, url: str, *args: Any, **options: Any) -> tuple[str, int, Mapping[str, str]]:
        """Send a request as InProcess does."""
        if undoing.is_inside_a_transaction():
            self.asked_inside.append(f"{method} {url}")
        return super().request(method, url, *args, **options)


class Shop:
    """One Stripe account whose clock stands still unless a test moves it; the product asks the same clock.

    Nothing is delivered by itself: `deliver` posts the events since the last time and has them handled. Every request
    and answer is looked at by shape. `wire` keeps the requests, and can let some fail.
    """

    def __init__(self, *, at: datetime) -> None:
        self._seconds = at.timestamp()
        self.engine = Engine(time=lambda: self._seconds)
        self.wire = Outside(self.engine)
        self.http = Watching(self.wire)
        self.http._sleep_time_seconds = lambda *_: 0  # the library would wait between its retries
        self.types = frozenset(inbox.TYPES)
        self.hints: list[tuple[str, list[int]]] = []

    # --- time ------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return what Stripe's clock says, which is also ours in these tests."""
        return datetime.fromtimestamp(self.engine.now(), UTC)

    def advance(self, **length: float) -> None:
        """Let time pass, with all that Stripe does meanwhile; `length` as for timedelta."""
        self.advance_to(self.now() + timedelta(**length))

    def advance_to(self, moment: datetime) -> None:
        """Let time pass until a moment, with all that Stripe does meanwhile."""
        self.engine.advance_to(int(moment.timestamp()))

    def wait(self, length: timedelta) -> None:
        """Let time pass; what is due at Stripe happens when Stripe is asked next."""
        self._seconds += length.total_seconds()

    def snapshot(self) -> tuple[Any, ...]:
        """Return all that Stripe is at this moment, the moment included."""
        return self._seconds, self.engine.snapshot()

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Go back, or on, to a moment that a snapshot was taken of; what was asked since then is asked anew."""
        self._seconds, engine = snapshot
        self.engine.restore(engine)

    def renew(self, user: User, *, hours: float = 1.5) -> StripeSubscription:
        """Let time pass until so long after the next period began: Stripe collects an hour after it."""
        subscription = self.subscription_of(user)
        renewal = self.engine.next_renewal(subscription.stripe_subscription_id)
        self.engine.advance_to(int(renewal + hours * 3_600))
        return subscription

    # --- buying ----------------------------------------------------------------------------------------------------

    def begin_pack(self, user: User, *, pack: str = "pack-1000") -> Checkout:
        """Open a Checkout for a pack."""
        return checkouts.begin_pack(wallet=user.wallet, pack=pack, now=self.now())

    def begin_plan(self, user: User, *, plan: str = "pro") -> Checkout:
        """Open a Checkout for a plan."""
        return checkouts.begin_plan(wallet=user.wallet, plan=plan, now=self.now())

    def buy_pack(self, user: User, *, pack: str = "pack-1000", card: str = GOOD_CARD, deliver: bool = True) -> Checkout:
        """Buy a pack on Stripe's page; unless `deliver` is false its webhooks arrive and are handled."""
        return self._pay(self.begin_pack(user, pack=pack), card, deliver=deliver)

    def subscribe(self, user: User, *, plan: str = "pro", card: str = GOOD_CARD, deliver: bool = True) -> Checkout:
        """Subscribe to a plan on Stripe's page; unless `deliver` is false its webhooks arrive and are handled."""
        return self._pay(self.begin_plan(user, plan=plan), card, deliver=deliver)

    def _pay(self, checkout: Checkout, card: str, *, deliver: bool) -> Checkout:
        self.engine.pay(checkout.stripe_session_id, card=card)
        if deliver:
            self.deliver()
            checkout.refresh_from_db()
        return checkout

    def payment_of(self, checkout: Checkout) -> str:
        """Return the id of the payment that a Checkout for a pack ended with."""
        return str(self.engine.session(checkout.stripe_session_id)["payment_intent"])

    def subscription_of(self, user: User) -> StripeSubscription:
        """Return the user's newest subscription at Stripe, as we know it."""
        return StripeSubscription.objects.filter(wallet=user.wallet).latest("pk")

    def purchases_of(self, user: User) -> list[Purchase]:
        """Return what the user paid for, oldest first."""
        return list(Purchase.objects.filter(wallet=user.wallet).order_by("pk"))

    def cancel_now(self, subscription_id: str) -> None:
        """End a subscription at once, as staff do in Stripe's dashboard."""
        gateway.client.client().v1.subscriptions.cancel(subscription_id)

    def delete_customer(self, user: User) -> None:
        """Delete the user's customer at Stripe, as staff do in its dashboard."""
        customer = Customer.objects.get(wallet=user.wallet)
        gateway.client.client().v1.customers.delete(str(customer.stripe_customer_id))

    # --- webhooks --------------------------------------------------------------------------------------------------

    def take_events(self, *types: str) -> list[dict[str, Any]]:
        """Return the events since the last time, oldest first; only those of `types` if any are given."""
        return [event for event in self.engine.take_events() if not types or event["type"] in types]

    def post(self, event: dict[str, Any] | bytes, *, signature: str | None = None) -> HttpResponse:
        """Post an event to our endpoint as Stripe does, signed unless `signature` says otherwise."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        signed = self.sign(body) if signature is None else signature
        return Client().post(
            WEBHOOK, body, content_type="application/json; charset=utf-8", headers={"stripe-signature": signed}
        )

    def sign(self, body: bytes, *, at: datetime | None = None, secret: str = "") -> str:
        """Return the signature header that Stripe would send with `body`."""
        moment = int((at or self.now()).timestamp())
        secret = secret or settings.STRIPE_WEBHOOK_SECRETS[0]
        digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return f"t={moment},v1={digest}"

    def deliver(self, events: Sequence[dict[str, Any]] | None = None, *, copies: int = 1) -> list[dict[str, Any]]:
        """Post events (by default those since the last time), each so many times, and have them handled."""
        events = self.take_events() if events is None else events
        assert [complaint for event in events for complaint in complaints(event)] == []
        for event in events:
            for _ in range(copies):
                answer = self.post(event)
                assert answer.status_code == 200, (answer.status_code, answer.content, event["type"])
        self.work()
        return list(events)

    def receive(self, event: dict[str, Any]) -> None:
        """Put an event into the inbox as the endpoint does once its signature is verified."""
        body = json.dumps(event).encode()
        facts = gateway.verify_event(body=body, signature=self.sign(body), now=self.now())
        inbox.receive(event=facts, via=StripeEvent.Via.WEBHOOK, now=self.now())

    def remember_answers(self) -> None:
        """Answer from now on what was asked before without asking again: for a story that is over."""
        ask, answers = self.http.request, {}

        def request(method: str, url: str, *args: Any, **options: Any) -> Any:
            assert method == "get", "a story that is over changes nothing at Stripe"
            if url not in answers:
                answers[url] = ask(method, url, *args, **options)
            return answers[url]

        self.http.request = request

    def answer_again(self) -> None:
        """Let Stripe forget the failures that it still had ahead."""
        self.wire._failures.clear()

    def handle(self, event: StripeEvent) -> bool:
        """Have one event of the inbox handled now, as a worker that was hinted at does."""
        return tasks.handle_stripe_event(event.pk)

    def work(self) -> int:
        """Have every waiting event handled whose time has come; return how many there were."""
        return tasks.sweep_stripe_events()

    def reconcile(self) -> None:
        """Have the hourly task run."""
        tasks.reconcile_with_stripe()


@pytest.fixture
def stripe(db: None, now: datetime) -> Iterator[Shop]:
    """Stripe with our catalog, at the moment `now`; what Stripe's clock says is what time it is for us too.

    What it changes is its own to undo: other fixtures change the clock around it.
    """
    shop = Shop(at=now)
    with pytest.MonkeyPatch.context() as patch, undoing.around():
        patch.setattr(timezone, "now", shop.now)
        patch.setattr(gateway.client, "http_client", lambda: shop.http)
        patch.setattr(
            current_app, "send_task", lambda name, args=(), **_: shop.hints.append((name, list(args))), raising=False
        )
        gateway.client.client.cache_clear()
        stripe_catalog.sync(now=shop.now())
        shop.take_events()
        yield shop
    gateway.client.client.cache_clear()
    assert shop.http.found == []
    assert shop.wire.asked_inside == [], "nothing is asked over the network inside a transaction"
