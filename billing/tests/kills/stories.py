"""What somebody does when the process dies: each act with what came before it, and what everybody must see after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from accounts.models import User
from billing import metering, tasks, webhooks
from billing.models import Checkout, Hold, Message, Purchase, Refund, StripeEvent, Wallet
from billing.services import checkouts, inbox, refunds, settlement
from billing.tests import lives
from billing.tests.people import give, sign_up
from billing.tests.stripe.shop import Shop

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONTHS = 40 * DAY


@dataclass
class Story:
    """One customer and one act. `number` tells the customers of a test apart."""

    number: int
    now: datetime
    customer: User = field(init=False)

    #: Whether the act is one transaction: then a killed one was done or wasn't, with nothing between.
    is_whole: bool = field(default=True, init=False)

    def begin(self) -> "Story":
        """Sign the customer up and live what comes before the act."""
        self.customer = sign_up(f"customer{self.number}", at=self.now)
        self.prepare()
        return self

    @property
    def wallet(self) -> Wallet:
        """The customer's wallet."""
        return self.customer.wallet

    def prepare(self) -> None:
        """Do what comes before the act."""

    def act(self) -> Any:
        """Do what a process may die in; returns what its caller is answered, comparable between customers."""
        raise NotImplementedError

    def retry(self) -> Any:
        """Do what happens after the process died: by default its caller asks again."""
        return self.act()

    def end(self) -> None:
        """Do what keeps this customer from disturbing the next story."""

    def state(self) -> Any:
        """Return everything that the act may change, comparable between customers."""
        return lives.everything(self.wallet) | {"messages": told(self.wallet)}


def told(wallet: Wallet) -> list[dict[str, Any]]:
    """Return what the owner was told, without ids."""
    rows = Message.objects.filter(wallet=wallet).order_by("pk").values("kind", "facts", "mail", "attempts")
    return [row | {"facts": {name: fact for name, fact in row["facts"].items() if name != "purchase"}} for row in rows]


def said(answer: metering.Answer | metering.MeteringError) -> tuple[Any, ...]:
    """Return an answer without whether it was given before; a refusal isn't remembered, only that it is one."""
    if isinstance(answer, metering.MeteringError):
        return (type(answer).__name__,)
    return answer.sequence, answer.cost, answer.uncovered, answer.available, answer.posted_at


class QuickCharge(Story):
    """A charge that the head grant pays, in one statement."""

    def act(self) -> Any:
        return said(
            metering.charge(wallet=self.wallet, feature="flux-pro", quantity=1, key="image", now=self.now + MINUTE)
        )


class PlainCharge(Story):
    """A charge that two grants pay, that first ends a cycle, and that crosses a warning."""

    def prepare(self) -> None:
        give(self.wallet, 60_000, now=self.now)
        metering.hold(wallet=self.wallet, feature="web-search", quantity=1, key="hold", now=self.now)

    def act(self) -> Any:
        now = self.now + MONTHS
        return said(metering.charge(wallet=self.wallet, feature="dall-e-3-standard", quantity=3, key="three", now=now))


class RefusedCharge(Story):
    """A charge that there are no credits for: the refusal is told once."""

    def act(self) -> Any:
        try:
            metering.charge(wallet=self.wallet, feature="dall-e-3-hd", quantity=2, key="two", now=self.now + MINUTE)
        except metering.MeteringError as refusal:
            return said(refusal)
        raise AssertionError("Two images in HD cost more than there is.")


class ManyCharges(Story):
    """Several charges in one statement."""

    def act(self) -> Any:
        items = [metering.Charge(feature="web-search", quantity=1, key=f"search {each}") for each in range(3)]
        answers = metering.charge_many(wallet=self.wallet, charges=items, now=self.now + MINUTE)
        return [said(answer) for answer in answers]


class ManyChargesInTurn(Story):
    """Several charges of which one is refused: each is answered by itself, under one lock."""

    def act(self) -> Any:
        quantities = (1, 9, 2)
        items = [metering.Charge(feature="flux-pro", quantity=each, key=f"{each} images") for each in quantities]
        answers = metering.charge_many(wallet=self.wallet, charges=items, now=self.now + MINUTE)
        return [said(answer) for answer in answers]


class WorkflowRun(Story):
    """A run of a workflow: one entry with a line a node."""

    def act(self) -> Any:
        nodes = [metering.Node(name="look", feature="web-search", quantity=2), metering.Node(name="if")]
        return said(
            metering.charge_workflow(
                wallet=self.wallet, workflow="report", nodes=nodes, key="run", now=self.now + MINUTE
            )
        )


class QuickHold(Story):
    """Setting aside what the head grant has."""

    def act(self) -> Any:
        held = metering.hold(wallet=self.wallet, feature="flux-pro", quantity=2, key="images", now=self.now + MINUTE)
        return held.amount, held.quantity, held.expires_at


class PlainHold(Story):
    """Setting aside what two grants have."""

    def prepare(self) -> None:
        give(self.wallet, 60_000, now=self.now)

    def act(self) -> Any:
        held = metering.hold(wallet=self.wallet, feature="flux-pro", quantity=7, key="images", now=self.now + MINUTE)
        return held.amount, held.quantity, held.expires_at


@dataclass
class Holding(Story):
    """A story that begins with an open hold of two grants."""

    hold: Hold = field(init=False)
    images: int = field(default=7, init=False)

    def prepare(self) -> None:
        give(self.wallet, 60_000, now=self.now)
        self.hold = metering.hold(
            wallet=self.wallet, feature="flux-pro", quantity=self.images, key="images", now=self.now
        )


@dataclass
class QuickCapture(Holding):
    """Capturing a part of what the head grant gave."""

    images: int = field(default=2, init=False)

    def act(self) -> Any:
        return said(metering.capture(wallet=self.wallet, hold=self.hold, quantity=1, now=self.now + MINUTE))


class PlainCapture(Holding):
    """Capturing more than was held, down to nothing."""

    def act(self) -> Any:
        return said(metering.capture(wallet=self.wallet, hold=self.hold, quantity=9, now=self.now + MINUTE))


class Release(Holding):
    """Releasing a hold of two grants."""

    def act(self) -> Any:
        return said(metering.release(wallet=self.wallet, hold=self.hold, now=self.now + MINUTE))


class Settling(Holding):
    """A hold, an allowance and a promotion run out, and two cycles begin."""

    def prepare(self) -> None:
        super().prepare()
        give(self.wallet, 9_000, now=self.now, source="promotional", expires_at=self.now + 2 * DAY)
        give(self.wallet, 8_000, now=self.now, source="promotional", key="later", starts_at=self.now + 3 * DAY)

    def act(self) -> Any:
        return settlement.settle(wallet_id=self.wallet.pk, now=self.now + 2 * MONTHS).available


@dataclass
class Beat(Settling):
    """The beat's task settles several wallets, each in a transaction of its own."""

    is_whole: bool = field(default=False, init=False)
    others: Sequence[User] = field(default=(), init=False)

    def prepare(self) -> None:
        super().prepare()
        self.others = [sign_up(f"other{self.number}-{each}", at=self.now) for each in range(2)]

    def act(self) -> Any:
        with patch("billing.tasks.timezone.now", return_value=self.now + MONTHS):
            tasks.settle_due_wallets()

    def state(self) -> Any:
        return [super().state(), *(lives.everything(other.wallet) for other in self.others)]


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


AT_THE_METER: list[type[Story]] = [
    QuickCharge, PlainCharge, RefusedCharge, ManyCharges, ManyChargesInTurn, WorkflowRun, QuickHold, PlainHold,
    QuickCapture, PlainCapture, Release, Settling, Beat,
]  # fmt: skip
AT_THE_TILL: list[type[Selling]] = [PackOnReturn, PackByWebhook, Delivery, Renewal, RefundAsked, RefundSwept]
