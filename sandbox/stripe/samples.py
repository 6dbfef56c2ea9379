"""Histories: what a customer would have bought and paid in the past, made in one go and told to nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sandbox.stripe import checkout, customers, purchases, schedule
from sandbox.stripe.errors import Refused
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

GOOD_CARD = "4242424242424242"


def subscribe(world: World, customer_id: str, price: str, *, since: int, card: str, given: Object) -> Object:
    """Let a customer have subscribed at `since` and paid every period until now; return the session.

    `price` is an id or a lookup key. `given` may hold `client_reference_id` and `metadata`, which the session and the
    subscription then carry. The events are kept, and never delivered.
    """
    session = _buy(world, "subscription", customer_id, price, at=since, card=card, given=given)
    with _quietly(world):
        schedule.run_until(world, world.now(), customer=customer_id)
    return session


def buy_pack(world: World, customer_id: str, price: str, *, at: int, card: str, given: Object) -> Object:
    """Let a customer have bought something once at that moment; return the session. See `subscribe`."""
    return _buy(world, "payment", customer_id, price, at=at, card=card, given=given)


def _buy(world: World, mode: str, customer_id: str, price: str, *, at: int, card: str, given: Object) -> Object:
    customer = customers.get_customer(world, customer_id, param="customer", status=400)
    if at > world.now(customer_id):
        raise Refused("A history begins in the past.", param="at")
    world.change(customer, created=min(customer["created"], at))
    metadata = given.get("metadata") or {}
    data = "payment_intent_data" if mode == "payment" else "subscription_data"
    params: Object = {
        "cancel_url": f"{world.base_url}/",
        "client_reference_id": given.get("client_reference_id"),
        "customer": customer_id,
        "line_items": [{"price": _price_id(world, price), "quantity": 1}],
        "metadata": metadata,
        "mode": mode,
        "success_url": f"{world.base_url}/",
        data: {"metadata": metadata},
    }
    expiry = f"12/{datetime.fromtimestamp(world.now(), UTC).year + 3}"
    with _quietly(world), world.at(at):
        session = checkout.create(world, {name: value for name, value in params.items() if value is not None})
        return purchases.pay(world, session, card, expiry=expiry, name=customer["name"])


def _price_id(world: World, price: str) -> str:
    for found in world.all("price", lookup_key=price):
        return str(found["id"])
    return price


@contextmanager
def _quietly(world: World) -> Iterator[None]:
    before, world.silent = world.silent, True
    try:
        yield
    finally:
        world.silent = before
