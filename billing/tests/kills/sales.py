"""What somebody does at the till when the process dies; Stripe lives on, and remembers what it was asked."""

from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from billing import tasks, webhooks
from billing.models import Checkout, Purchase, Refund, StripeEvent
from billing.services import checkouts, inbox, refunds
from billing.tests import lives
from billing.tests.kills.stories import Story, told
from billing.tests.people import sign_up
from billing.tests.stripe.shop import Shop


@dataclass
class Selling(Story):
    """A story at the till. Its moments depend on when it is told, so that they are left out of what is compared."""

    shop: Shop

    def begin(self) -> "Story":
        self.now = self.shop.now()
        return super().begin()

    def sweep(self) -> None:
        """Let the claim of a worker that died run out, and have what waits in the inbox followed."""
        self.shop.wait(inbox.CLAIM)
        self.shop.work()

    def state(self) -> Any:
        books = lives.everything(self.wallet)
        purchases = Purchase.objects.filter(wallet=self.wallet).order_by("pk")
        books["messages"] = told(self.wallet)
        books["purchases"] = list(purchases.values("cents", "pack", "plan", "grant__amount", "grant__taken_back"))
        books["checkouts"] = list(Checkout.objects.filter(wallet=self.wallet).values("thing", "status"))
        books["refunds"] = list(Refund.objects.filter(wallet=self.wallet).values("status", "cents", "reason", "error"))
        books["events"] = list(StripeEvent.objects.exclude(status__in=["done", "ignored"]).values("type", "status"))
        return without_moments(books)


def without_moments(value: Any) -> Any:
    """Return what was said without any moment or day in it."""
    if isinstance(value, dict):
        return {name: without_moments(inner) for name, inner in value.items() if not name.endswith(("_at", "_on"))}
    return [without_moments(inner) for inner in value] if isinstance(value, list) else value


@dataclass
class PackOnReturn(Selling):
    """A buyer comes back from Stripe, having paid for a pack."""

    checkout: Checkout = field(init=False)

    def prepare(self) -> None:
        self.checkout = self.shop.buy_pack(self.customer, deliver=False)
        self.shop.take_events()

    def act(self) -> Any:
        return checkouts.sync(checkout=self.checkout, now=self.shop.now()).status


@dataclass
class PackByWebhook(Selling):
    """A worker follows the event of a paid pack."""

    is_whole: bool = field(default=False, init=False)  # first it claims the event
    event: int = field(init=False)

    def prepare(self) -> None:
        self.shop.buy_pack(self.customer, deliver=False)
        (event,) = self.shop.take_events("checkout.session.completed")
        self.shop.receive(event)
        self.event = StripeEvent.objects.get(stripe_event_id=event["id"]).pk

    def act(self) -> Any:
        webhooks.handle(event_row_id=self.event, now=self.shop.now())

    def retry(self) -> Any:
        self.sweep()


@dataclass
class Delivery(Selling):
    """Stripe posts the event of a paid pack to the endpoint; unanswered, it posts it again."""

    is_whole: bool = field(default=False, init=False)
    event: dict[str, Any] = field(init=False)

    def prepare(self) -> None:
        self.shop.buy_pack(self.customer, deliver=False)
        (self.event,) = self.shop.take_events("checkout.session.completed")

    def act(self) -> Any:
        assert self.shop.post(self.event).status_code == 200

    def retry(self) -> Any:
        self.act()
        self.sweep()


@dataclass
class Renewal(PackByWebhook):
    """A worker follows the event of a plan's second payment."""

    def prepare(self) -> None:
        self.shop.subscribe(self.customer)
        self.shop.renew(self.customer)
        (event,) = self.shop.take_events("invoice.paid")
        self.shop.receive(event)
        self.event = StripeEvent.objects.get(stripe_event_id=event["id"]).pk

    def end(self) -> None:
        self.shop.cancel_now(self.shop.subscription_of(self.customer).stripe_subscription_id)
        self.shop.take_events()


@dataclass
class RefundAsked(Selling):
    """Staff send the form of a refund, and after the crash send it again."""

    is_whole: bool = field(default=False, init=False)
    staff: User = field(init=False)
    purchase: Purchase = field(init=False)

    def prepare(self) -> None:
        self.staff = sign_up(f"staff{self.number}", at=self.now, is_staff=True)
        self.shop.buy_pack(self.customer)
        self.purchase = Purchase.objects.get(wallet=self.wallet)

    def act(self) -> Any:
        form = {"cents": 300, "actor": self.staff, "reason": "Goodwill.", "key": f"form {self.number}"}
        refund = refunds.request(purchase=self.purchase, **form, now=self.shop.now())
        return refund.status, refund.cents

    def state(self) -> Any:
        payment = self.purchase.stripe_payment_intent_id
        at_stripe = self.shop.engine.all("refund", payment_intent=payment)
        return super().state() | {"at Stripe": [refund["amount"] for refund in at_stripe]}


@dataclass
class RefundSwept(RefundAsked):
    """Staff send the form of a refund and never come back; the sweeper finishes it."""

    def retry(self) -> Any:
        if not Refund.objects.filter(wallet=self.wallet).exists():
            return self.act()  # the form was never taken
        tasks.finish_refunds()
        refund = Refund.objects.get(wallet=self.wallet)
        return refund.status, refund.cents


AT_THE_TILL: list[type[Selling]] = [PackOnReturn, PackByWebhook, Delivery, Renewal, RefundAsked, RefundSwept]
