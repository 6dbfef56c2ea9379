"""A shop on the sandbox: one pack, one plan, and Alice. Its clock stands still unless a test moves it."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from sandbox.stripe.engine import Engine
from sandbox.stripe.transport import InProcess

OPENED = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)


class Shop:
    def __init__(self) -> None:
        self.real = OPENED.timestamp()
        self.engine = Engine(time=lambda: self.real)
        self.http = InProcess(self.engine)
        self.stripe = stripe.StripeClient("sk_test_sandbox", http_client=self.http).v1
        self.pack = self.price(1000, "pack_1000", name="1,000 credits")
        self.plan = self.price(2900, "pro_month", name="Pro", recurring={"interval": "month"})
        self.alice = self.stripe.customers.create({"email": "alice@example.com", "metadata": {"wallet": "7"}}).id
        self.engine.take_events()

    def price(self, cents: int, key: str, *, name: str, **more: Any) -> str:
        params = {"currency": "usd", "unit_amount": cents, "lookup_key": key, "product_data": {"name": name}, **more}
        return self.stripe.prices.create(params).id  # type: ignore[arg-type]

    def checkout(self, mode: str = "payment", **more: Any) -> Any:
        price = self.pack if mode == "payment" else self.plan
        params = {
            "mode": mode,
            "customer": self.alice,
            "line_items": [{"price": price, "quantity": 1}],
            "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/",
            **more,
        }
        return self.stripe.checkout.sessions.create(params)  # type: ignore[arg-type]

    def buy(self, **more: Any) -> str:
        """Buy a pack and return the payment intent's id."""
        return str(self.engine.pay(self.checkout(**more).id)["payment_intent"])

    def subscribe(self, card: str = "4242424242424242", **more: Any) -> str:
        """Subscribe Alice and return the subscription's id."""
        return str(self.engine.pay(self.checkout("subscription", **more).id, card)["subscription"])

    def invoices(self, subscription: str) -> list[Any]:
        """Return a subscription's invoices, oldest first."""
        return self.stripe.invoices.list({"subscription": subscription, "limit": 100}).data[::-1]

    def period(self, subscription: str) -> tuple[datetime, datetime]:
        item = self.stripe.subscriptions.retrieve(subscription)["items"].data[0]
        return moment(item.current_period_start), moment(item.current_period_end)

    def told(self) -> list[str]:
        """Return the types of the events since the last time."""
        return [event["type"] for event in self.engine.take_events()]


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Call something that Stripe refuses, and return its error."""

    def call(function: Callable[..., Any], *args: Any) -> SimpleNamespace:
        with pytest.raises(stripe.StripeError) as caught:
            function(*args)
        error = caught.value
        return SimpleNamespace(
            kind=type(error).__name__,
            status=error.http_status,
            code=error.code,
            param=getattr(error, "param", None),
            message=error.user_message,
            body=error.json_body["error"],  # type: ignore[index,call-overload]
        )

    return call
