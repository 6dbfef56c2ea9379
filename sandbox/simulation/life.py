"""What a person can do in CleverAI, each through the service that the site calls for it."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed

from accounts.models import User
from billing import metering
from billing.errors import AlreadySubscribed, HoldClosed, InsufficientCredits, MeteringError, WalletSuspended
from billing.metering import Charge
from billing.models import Checkout, Customer, Hold, Purchase, StripeSubscription, Wallet
from billing.selectors import chatbots as selectors
from billing.services import chatbots, checkouts, departures
from billing.services.chatbots import ChatbotLimitReached
from sandbox.sample_data import habits
from sandbox.simulation.machine import Machine
from sandbox.stripe.errors import CardDeclined

GOOD_CARD, DECLINED_CARD, FAILS_LATER_CARD = "4242424242424242", "4000000000000002", "4000000000000341"
REFUND_FAILS_CARD, DISPUTED_CARD = "4000000000005126", "4000000000000259"
BACK_FROM_CHECKOUT = timedelta(seconds=8)
RESTS_WHEN_REFUSED, REST = 0.8, timedelta(hours=20)
Act = Callable[[], object]


class Life:
    """One person on one machine. `diary` has what is worth telling, `refused` the uses refused a month.

    `when_short` is done when work was refused for want of credits, a minute later.
    """

    def __init__(self, machine: Machine, *, name: str, time_zone: str, staff: User | None, dice: Random) -> None:
        self.machine = machine
        self.name = name
        self.zone = ZoneInfo(time_zone)
        self.staff = staff
        self.dice = dice
        self.diary: list[tuple[datetime, str]] = []
        self.refused: Counter[str] = Counter()
        self.wallet_ids: list[int] = []
        self.joined_at = machine.now()
        self.when_short: Act | None = None
        self._numbers: Counter[str] = Counter()
        self._resting_until = machine.now()

    # --- being there -----------------------------------------------------------------------------------------------

    @property
    def email(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@example.com"

    @property
    def wallet(self) -> Wallet:
        """The person's wallet as it is now."""
        return Wallet.objects.get(pk=self.wallet_ids[-1])

    @property
    def is_there(self) -> bool:
        """Whether the person has an account at present."""
        return User.objects.filter(email=self.email).exists()

    def sign_up(self) -> None:
        """Sign up and confirm the address; the first cycle starts at this moment."""
        now = self.machine.now()
        user = User.objects.create_user(
            self.email, None, name=self.name, time_zone=str(self.zone), joined_at=now, is_staff=self.staff is None
        )
        address = EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        email_confirmed.send(sender=EmailAddress, request=None, email_address=address)
        self.wallet_ids.append(user.wallet.pk)
        self.tell("signs up" if len(self.wallet_ids) == 1 else "signs up again")

    def leave(self) -> None:
        """Delete the account: the person goes, the books stay."""
        departures.leave(wallet_id=self.wallet_ids[-1], now=self.machine.now())
        User.objects.get(email=self.email).delete()
        self.tell("leaves")

    def tell(self, text: str) -> None:
        """Write something worth telling into the diary."""
        self.diary.append((self.machine.now(), text))

    def on(self, day: int, hour: int, act: Act, *, minute: int = 0) -> None:
        """Plan something for an hour of the person's own clock, so many days after signing up."""
        date = self.joined_at.astimezone(self.zone).date() + timedelta(days=day)
        self.at(datetime.combine(date, time(hour, minute), tzinfo=self.zone), act)

    def at(self, moment: datetime, act: Act) -> None:
        """Plan something for a moment; what lies before signing up never happens."""
        if moment >= self.joined_at:
            self.machine.note(moment, act)

    def later(self, act: Act, **length: float) -> None:
        """Plan something for a while from now; `length` as for timedelta."""
        self.machine.note(self.machine.now() + timedelta(**length), act)

    # --- using credits ---------------------------------------------------------------------------------------------

    def charge(self, charges: Sequence[Charge]) -> None:
        """Use several things in one go: three or more are charged together, fewer one by one."""
        if not self._is_at_work():
            return
        if len(charges) < 3:
            for charge in charges:
                self._try(partial(self._charge, charge))
            return
        answers = metering.charge_many(wallet=self.wallet, charges=charges, now=self.machine.now())
        for answer in answers:
            if isinstance(answer, MeteringError):
                self._refuse(answer)

    def look_at_analytics(self) -> None:
        """Look at analytics, which is free and works with nothing left."""
        self._try(partial(self._charge, Charge(feature="analytics", quantity=1, key=self.key("analytics"))))

    def run_workflow(self, name: str) -> None:
        """Run a workflow of several nodes."""
        nodes = habits.workflow(self.dice, name)
        key = self.key(name)
        self._try(
            lambda: metering.charge_workflow(
                wallet=self.wallet, workflow=name, nodes=nodes, key=key, now=self.machine.now()
            )
        )

    def make_chatbot(self, name: str, model: str) -> None:
        """Make a chatbot, if the plan allows one more."""
        try:
            chatbots.create(wallet_id=self.wallet_ids[-1], name=name, model=model, now=self.machine.now())
        except ChatbotLimitReached as refusal:
            self.tell(f"no further chatbot beside {refusal.limit}")

    def talk_to_chatbot(self) -> None:
        """Let one of the chatbots that aren't paused answer a visitor."""
        answering = list(selectors.answering(self.wallet).order_by("pk")) if self.is_there else []
        if answering:
            chatbot = self.dice.choice(answering)
            message = Charge(
                feature="chatbot-message",
                priced_as=chatbot.model_id,
                quantity=self.dice.randint(300, 4_000),
                key=self.key("message"),
                source=chatbot.source,
            )
            self._try(partial(self._charge, message))

    def work_under_a_hold(self, feature: str, quantity: int) -> None:
        """Set credits aside; what comes of the work is seen minutes later, or never."""
        minimum = max(quantity // 10, 1) if feature in habits.CHAT_MODELS else None
        key = self.key("hold")

        def begin() -> None:
            hold = metering.hold(
                wallet=self.wallet, feature=feature, quantity=quantity, minimum=minimum, key=key, now=self.machine.now()
            )
            self._plan_end_of(hold)

        self._try(begin)

    def _plan_end_of(self, hold: Hold) -> None:
        used = max(round(hold.quantity * self.dice.uniform(0.1, 1)), 1)
        match self.dice.choices(["used", "more", "failed", "late", "forgotten"], [50, 10, 20, 10, 10])[0]:
            case "used":
                self.later(partial(self._capture, hold, used), minutes=self.dice.randint(1, 10))
            case "more":
                self.later(partial(self._capture, hold, hold.quantity + used), minutes=self.dice.randint(1, 10))
            case "late":
                self.later(partial(self._capture, hold, used), minutes=self.dice.randint(16, 200))
            case "failed":
                self.later(partial(self._release, hold), minutes=self.dice.randint(1, 10))

    def _capture(self, hold: Hold, quantity: int) -> None:
        metering.capture(wallet=self._wallet_of(hold), hold=hold, quantity=quantity, now=self.machine.now())

    def _release(self, hold: Hold) -> None:
        metering.release(wallet=self._wallet_of(hold), hold=hold, now=self.machine.now())

    @staticmethod
    def _wallet_of(hold: Hold) -> Wallet:
        return Wallet.objects.get(pk=hold.wallet_id)

    def _charge(self, charge: Charge) -> None:
        metering.charge(
            wallet=self.wallet,
            feature=charge.feature,
            quantity=charge.quantity,
            key=charge.key,
            source=charge.source,
            priced_as=charge.priced_as,
            detail=charge.detail,
            now=self.machine.now(),
        )

    def _is_at_work(self) -> bool:
        return self.machine.now() >= self._resting_until and self.is_there

    def _try(self, act: Act) -> None:
        if not self._is_at_work():
            return
        try:
            act()
        except (InsufficientCredits, WalletSuspended, HoldClosed) as refusal:
            self._refuse(refusal)

    def _refuse(self, refusal: MeteringError) -> None:
        if not isinstance(refusal, InsufficientCredits | WalletSuspended):
            raise refusal
        self.refused[f"{self.machine.now():%Y-%m}"] += 1
        if self.dice.random() < RESTS_WHEN_REFUSED:
            self._resting_until = self.machine.now() + REST
        if self.when_short is not None and isinstance(refusal, InsufficientCredits):
            self.later(self.when_short, minutes=1)

    def key(self, what: str) -> str:
        """Return an idempotency key that was never used before."""
        self._numbers[what] += 1
        return f"{self.name}:{what}:{self._numbers[what]}"

    # --- buying ----------------------------------------------------------------------------------------------------

    def buy_pack(self, pack: str, card: str = GOOD_CARD) -> None:
        """Buy a pack on Stripe's page."""
        if self.is_there:
            self._pay(checkouts.begin_pack(wallet=self.wallet, pack=pack, now=self.machine.now()), card, f"buys {pack}")

    def subscribe(self, card: str = GOOD_CARD) -> None:
        """Subscribe to Pro on Stripe's page."""
        try:
            checkout = checkouts.begin_plan(wallet=self.wallet, plan="pro", now=self.machine.now())
        except AlreadySubscribed:
            self.tell("has Pro already")
        else:
            self._pay(checkout, card, "subscribes to Pro")

    def _pay(self, checkout: Checkout, card: str, done: str) -> None:
        try:
            self.machine.engine.pay(str(checkout.stripe_session_id), card=card)
        except CardDeclined:
            self.tell("card declined")
            return
        self.tell(done)
        self._resting_until = self.machine.now()
        if self.dice.random() < 0.5:
            back = self.machine.now() + BACK_FROM_CHECKOUT
            self.machine.note(back, partial(_come_back, checkout, self.machine))

    def set_cancelling(self, cancelling: bool) -> None:
        """Cancel the running subscription with its period, or resume it, in Stripe's portal."""
        if running := self._running():
            self.machine.engine.set_cancel_at_period_end(running.stripe_subscription_id, cancelling)
            self.tell("cancels Pro" if cancelling else "resumes Pro")

    def change_card(self, card: str) -> None:
        """Put another card on file, in Stripe's portal."""
        customer = Customer.objects.get(wallet_id=self.wallet_ids[-1])
        self.machine.engine.set_card(str(customer.stripe_customer_id), card)
        self.tell("puts in a good card" if card == GOOD_CARD else "puts in a card that will fail")

    def move(self, time_zone: str) -> None:
        """Move to another time zone."""
        self.zone = ZoneInfo(time_zone)
        user = User.objects.get(email=self.email)
        user.time_zone = time_zone
        user.save(update_fields=["time_zone"])
        self.tell(f"moves to {time_zone}")

    def purchases(self, *, packs: bool) -> list[Purchase]:
        """Return the packs or the months that were paid for, oldest first."""
        rows = Purchase.objects.filter(wallet_id__in=self.wallet_ids, pack__isnull=not packs)
        return list(rows.exclude(stripe_payment_intent_id="").order_by("pk"))

    def _running(self) -> StripeSubscription | None:
        rows = StripeSubscription.objects.filter(wallet_id=self.wallet_ids[-1], status__in=StripeSubscription.LIVE)
        return rows.order_by("-pk").first()


def _come_back(checkout: Checkout, machine: Machine) -> None:
    checkouts.sync(checkout=checkout, now=machine.now())
