"""What somebody does when the process dies: each act with what came before it, and what everybody must see after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from accounts.models import User
from billing import metering, tasks
from billing.models import Hold, Message, Wallet
from billing.services import settlement
from billing.tests import lives
from billing.tests.people import give, sign_up

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OVER_A_MONTH = 40 * DAY


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
        now = self.now + OVER_A_MONTH
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
        return settlement.settle(wallet_id=self.wallet.pk, now=self.now + 2 * OVER_A_MONTH).available


@dataclass
class Beat(Settling):
    """The beat's task settles several wallets, each in a transaction of its own."""

    is_whole: bool = field(default=False, init=False)
    others: Sequence[User] = field(default=(), init=False)

    def prepare(self) -> None:
        super().prepare()
        self.others = [sign_up(f"other{self.number}-{each}", at=self.now) for each in range(2)]

    def act(self) -> Any:
        with patch("billing.tasks.timezone.now", return_value=self.now + OVER_A_MONTH):
            tasks.settle_due_wallets()

    def state(self) -> Any:
        return [super().state(), *(lives.everything(other.wallet) for other in self.others)]


AT_THE_METER: list[type[Story]] = [
    QuickCharge, PlainCharge, RefusedCharge, ManyCharges, ManyChargesInTurn, WorkflowRun, QuickHold, PlainHold,
    QuickCapture, PlainCapture, Release, Settling, Beat,
]  # fmt: skip
