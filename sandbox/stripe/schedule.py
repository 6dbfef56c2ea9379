"""What happens by itself, in the order in which it is due."""

from sandbox.stripe import checkout, collection, refunds, subscriptions
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, customer_of


def next_due(world: World, *, clock: str | None = None, customer: str | None = None) -> tuple[int, Object] | None:
    """Return what is due first on a clock (None: the account's), or for one customer, and when."""
    first: tuple[int, Object] | None = None
    for item_id, moment in world.store.waiting.items():
        item = world.store.get(item_id)
        if item is None or (first and moment >= first[0]):
            continue
        if customer_of(item) == customer if customer else _clock_id(world, item) == clock:
            first = (moment, item)
    return first


def _clock_id(world: World, item: Object) -> str | None:
    clock = world.clock_of(customer_of(item))
    return clock["id"] if clock else None


def run_until(world: World, moment: int, *, clock: str | None = None, customer: str | None = None) -> None:
    """Let everything happen that is due until then, each at its own moment."""
    while (due := next_due(world, clock=clock, customer=customer)) and due[0] <= moment:
        with world.at(due[0]):
            _happen(world, due[1])


def _happen(world: World, item: Object) -> None:
    match item["object"], item["status"]:
        case "checkout.session", _:
            checkout.expire(world, item)
        case "invoice", "draft":
            collection.finalize_and_collect(world, item)
        case "invoice", _:
            collection.collect(world, item)
        case "refund", _:
            refunds.settle(world, item)
        case _ if item["cancel_at"] is not None and item["cancel_at"] <= world.now():
            subscriptions.end(world, item, reason="cancellation_requested")
        case _:
            subscriptions.renew(world, item)
