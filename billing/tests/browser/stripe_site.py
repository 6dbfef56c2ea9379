"""Stripe next door: the sandbox as a server of its own, whose webhooks come to the site that the browser visits."""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app
from csp.constants import SELF
from django.conf import settings as site_settings
from django.db import connections
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer
from werkzeug.serving import make_server

from accounts.models import User
from billing import gateway, tasks
from billing.services import checkouts, stripe_catalog
from billing.tests.browser.windows import log_in
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.engine import Engine
from sandbox.stripe.server import build, listen

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
FAILS_LATER_CARD = "4000000000000341"
THREE_D_SECURE_CARD = "4000002500003155"
FOLLOWS_WITHIN_MS = 5_000
QUIET_WITHIN_SECONDS = 20.0
ENDED = ("task that ends the worker", ())

Hint = tuple[str, tuple[object, ...]]


class Worker:
    """A worker of the queue: it does what was hinted at, one task after another, in a thread of its own."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self._hints: queue.Queue[Hint] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def send_task(self, name: str, args: Any = (), **_: Any) -> None:
        """Take a hint, in place of Celery."""
        self._hints.put((name, tuple(args)))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done or waits."""
        return self._hints.unfinished_tasks == 0

    def stop(self) -> None:
        self._hints.put(ENDED)
        self._thread.join()

    def _run(self) -> None:
        while (hint := self._hints.get()) != ENDED:
            name, args = hint
            try:
                getattr(tasks, name.removeprefix("billing.tasks."))(*args)
            except Exception as error:
                self.failures.append(f"{name}{args}: {error!r}")
            finally:
                connections.close_all()
                self._hints.task_done()


class StripeSite:
    """The sandbox at `url`, with our catalog in it; `engine` is what goes on inside."""

    def __init__(self, site_url: str) -> None:
        self.engine = Engine()
        app = build(self.engine, secret_key=site_settings.STRIPE_SECRET_KEY)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = self.engine.base_url = f"http://127.0.0.1:{self._server.port}"
        listen(self.engine, f"{site_url}/stripe/webhook/", site_settings.STRIPE_WEBHOOK_SECRETS[0])
        self._delivery = Delivery(self.engine)
        self._delivery.start()
        self.worker = Worker()
        self._thread = threading.Thread(target=self._server.serve_forever, name="stripe", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop sending and doing, then answering."""
        self._delivery.stop()
        self.worker.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_until_quiet(self) -> None:
        """Return when every webhook has arrived and was followed."""
        deadline = time.monotonic() + QUIET_WITHIN_SECONDS
        while not (self.worker.is_idle and not self.engine.store.undelivered and self.worker.is_idle):
            assert time.monotonic() < deadline, "The webhooks don't come to rest."
            time.sleep(0.02)

    def buy_pack(self, user: User, *, card: str = GOOD_CARD) -> str:
        """Let somebody have bought a pack of 1,000 credits, and return the id of the payment."""
        checkout = checkouts.begin_pack(wallet=user.wallet, pack="pack-1000", now=timezone.now())
        payment = self._pay(checkout.stripe_session_id or "", card)["payment_intent"]
        return str(payment)

    def subscribe(self, user: User, *, card: str = GOOD_CARD) -> str:
        """Let somebody have subscribed to Pro, and return the id of the subscription at Stripe."""
        checkout = checkouts.begin_plan(wallet=user.wallet, plan="pro", now=timezone.now())
        return str(self._pay(checkout.stripe_session_id or "", card)["subscription"])

    def sessions(self) -> list[dict[str, Any]]:
        """Return all Checkout Sessions, oldest first."""
        return self.engine.all("checkout.session")

    def charges(self) -> list[dict[str, Any]]:
        """Return all payments that went through, oldest first."""
        return self.engine.all("charge", paid=True)

    def _pay(self, session_id: str, card: str) -> dict[str, Any]:
        session = self.engine.pay(session_id, card)
        self.wait_until_quiet()
        return session


@pytest.fixture
def now() -> datetime:
    """When people sign up: today, since the browser, the site and Stripe all have real clocks here."""
    return datetime.now(UTC)


@pytest.fixture
def stripe_site(
    live_server: LiveServer, settings: Any, monkeypatch: pytest.MonkeyPatch, sites: set[str]
) -> Iterator[StripeSite]:
    """The site sells through the sandbox, over HTTP both ways; whatever went wrong in the queue fails the test."""
    site = StripeSite(live_server.url)
    settings.SITE_URL = live_server.url
    settings.STRIPE_API_BASE = site.url
    policy = settings.CONTENT_SECURITY_POLICY
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**policy["DIRECTIVES"], "form-action": [SELF, site.url]}}
    monkeypatch.setattr(current_app, "send_task", site.worker.send_task, raising=False)
    gateway.client.client.cache_clear()
    sites.add(site.url)
    stripe_catalog.sync(now=timezone.now())
    yield site
    site.stop()
    gateway.client.client.cache_clear()
    assert not site.worker.failures, site.worker.failures


@pytest.fixture
def sign_in(page: Page, live_server: LiveServer) -> Callable[[User], Page]:
    """Return what opens the site's first page for somebody who has logged in."""

    def open_page(user: User) -> Page:
        log_in(page.context, live_server.url, user)
        page.goto(f"{live_server.url}/")
        return page

    return open_page


def choose_card(page: Page, number: str) -> None:
    """Have one of the test cards of Stripe's page filled in, as its list does."""
    digits = re.sub(r"(\d{4})(?=\d)", r"\1 ", number)
    page.get_by_role("link", name=digits).click()
    expect(page.get_by_label("Card number")).to_have_value(digits)


def control(page: Page, stripe_site: StripeSite, button: str) -> None:
    """Push a button of the sandbox's controls, and wait until all that follows has arrived here."""
    page.goto(f"{stripe_site.url}/sandbox/")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("status")).not_to_be_empty()
    stripe_site.wait_until_quiet()


def expect_balance(page: Page, available: str, *, within_ms: int = FOLLOWS_WITHIN_MS) -> None:
    """Wait until the header says that exactly so many credits can be spent."""
    chip = page.locator("#balance-chip-link")
    expect(chip).to_contain_text(re.compile(rf"(?<![\d,.]){re.escape(available)} credits available"), timeout=within_ms)
