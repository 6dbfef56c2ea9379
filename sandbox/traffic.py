"""Live traffic: two of the sample customers at work, through the real metering calls and the API, at a gentle pace."""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import Error, connections

from billing import metering
from billing.errors import MeteringError
from billing.metering import Node
from billing.models import Grant, Hold, Wallet
from billing.selectors import chatbots
from billing.services import grants, settlement
from billing.units import CREDIT
from cleverai_credits import CreditsError
from sandbox.backend import Backend
from sandbox.sample_data import BOB, CARLA

logger = logging.getLogger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 3.0
PAUSE_WITHOUT_DATABASE = 2.0
LOW_PERCENT = 30
GIFT = 1_000 * CREDIT

Clock = Callable[[], datetime]


class Traffic:
    """Keeps some wallets busy until told to stop. Nobody is ever used up: who is low rests, after a gift a day.

    With a backend, some of it goes through the HTTP API.
    """

    def __init__(
        self, *, clock: Clock, rng: random.Random, stopped: threading.Event, backend: Backend | None = None
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._stopped = stopped
        self._backend = backend
        self._open: dict[int, tuple[Wallet, Hold]] = {}

    def run(self) -> None:
        """Take one step after the other until stopped; a database that is away for a while is waited for."""
        emails = self._in_turn()
        while not self._stopped.is_set():
            pause = self._rng.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)
            try:
                self.step(next(emails))
            except (MeteringError, CreditsError) as refusal:
                logger.info("Refused: %s", refusal)
            except Error as error:
                logger.warning("The database is away, so the traffic waits: %s", str(error).partition("\n")[0])
                connections.close_all()
                pause = PAUSE_WITHOUT_DATABASE
            self._stopped.wait(pause)
        self._settle_what_is_open()

    def step(self, email: str) -> None:
        """Let the customer with this address do one thing, unless there is no such customer or they must rest."""
        wallet = Wallet.objects.filter(owner__email=email).select_related("subscription__plan").first()
        if wallet is None:
            return
        if wallet.pk in self._open:
            self._capture(*self._open.pop(wallet.pk))
        elif self._may_spend(wallet):
            self._act_of(wallet)(wallet)

    def _in_turn(self) -> Iterator[str]:
        while True:
            yield from (BOB.email, CARLA.email)

    def _act_of(self, wallet: Wallet) -> Callable[[Wallet], None]:
        if wallet.suspended_at is not None:
            return lambda _: None
        acts = {self._chat: 5, self._message: 5, self._hold: 3, self._workflow: 1}
        if self._backend is not None:
            acts |= {self._charge_by_api: 4, self._stream_by_api: 2}
        return self._rng.choices(list(acts), list(acts.values()))[0]

    def _may_spend(self, wallet: Wallet) -> bool:
        """Return whether enough is left; where it isn't, give today's gift, once."""
        if wallet.unlimited:
            return True
        now = self._clock()
        wallet = settlement.settle(wallet_id=wallet.pk, now=now)
        allowance = wallet.subscription.plan.allowance or 0
        if wallet.available * 100 >= allowance * LOW_PERCENT:
            return True
        grants.issue(
            wallet_id=wallet.pk,
            source=Grant.Source.PROMOTIONAL,
            amount=GIFT,
            business_key=f"live-traffic:{now:%Y-%m-%d}",
            expires_at=now + timedelta(days=1),
            now=now,
        )
        return False

    def _chat(self, wallet: Wallet) -> None:
        prompt, answer = self._rng.randint(120, 480), self._rng.randint(40, 220)
        metering.charge(
            wallet=wallet,
            feature=self._rng.choice(["gpt-4o-mini", "gpt-4o-mini", "claude-3.5-sonnet", "gpt-4o"]),
            quantity=prompt + answer,
            key=_key(),
            detail={"input_tokens": prompt, "output_tokens": answer},
            now=self._clock(),
        )

    def _message(self, wallet: Wallet) -> None:
        bots = list(chatbots.answering(wallet))
        if not bots:
            self._chat(wallet)
            return
        bot = self._rng.choice(bots)
        prompt, answer = self._rng.randint(90, 380), self._rng.randint(30, 160)
        metering.charge(
            wallet=wallet,
            feature="chatbot-message",
            priced_as=bot.model_id,
            quantity=prompt + answer,
            key=_key(),
            source=bot.source,
            detail={"input_tokens": prompt, "output_tokens": answer},
            now=self._clock(),
        )

    def _hold(self, wallet: Wallet) -> None:
        """Set a long answer's tokens aside; the wallet's next step settles what it really took."""
        prompt = self._rng.randint(100, 300)
        hold = metering.hold(
            wallet=wallet,
            feature="gpt-4o-mini",
            quantity=prompt + 1_500,
            minimum=prompt,
            key=_key(),
            source="api",
            now=self._clock(),
        )
        self._open[wallet.pk] = (wallet, hold)

    def _capture(self, wallet: Wallet, hold: Hold) -> None:
        if self._rng.random() < 0.1:
            metering.release(wallet=wallet, hold=hold, now=self._clock())
            return
        used = self._rng.randint(1, min(900, hold.quantity))
        metering.capture(wallet=wallet, hold=hold, quantity=used, now=self._clock())

    def _workflow(self, wallet: Wallet) -> None:
        metering.charge_workflow(
            wallet=wallet,
            workflow="inbox-triage",
            nodes=[
                Node(name="New mail"),
                Node(name="What is it about?", feature="gpt-4o-mini", quantity=self._rng.randint(200, 700)),
                Node(name="Is it urgent?"),
                Node(name="Draft an answer", feature="claude-3.5-sonnet", quantity=self._rng.randint(150, 400)),
            ],
            key=_key(),
            now=self._clock(),
        )

    def _charge_by_api(self, wallet: Wallet) -> None:
        if self._backend is not None:
            prompt, answer = self._rng.randint(120, 480), self._rng.randint(40, 220)
            self._backend.chat(wallet, model="gpt-4o-mini", prompt=prompt, answer=answer)

    def _stream_by_api(self, wallet: Wallet) -> None:
        if self._backend is not None:
            prompt, answer = self._rng.randint(100, 300), self._rng.randint(50, 600)
            self._backend.stream(wallet, model="claude-3.5-sonnet", prompt=prompt, answer=answer)

    def _settle_what_is_open(self) -> None:
        """Release the holds that nobody will capture; what can't be released now expires by itself."""
        for wallet, hold in self._open.values():
            try:
                metering.release(wallet=wallet, hold=hold, now=self._clock())
            except (MeteringError, Error):
                logger.info("Hold %s is left to expire.", hold.pk)


def _key() -> str:
    return f"traffic:{uuid4().hex}"
