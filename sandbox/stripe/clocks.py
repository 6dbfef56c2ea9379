"""Test clocks: a time of their own for the customers attached to them."""

from sandbox.stripe import changes, checkout, schedule
from sandbox.stripe.errors import Refused
from sandbox.stripe.routes import delete, get, listing_by, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

DELETED_AFTER = 30 * 86_400


def create(world: World, params: Object) -> Object:
    now = world.now()
    clock = world.put(
        {
            "id": world.new_id("clock_"),
            "object": "test_helpers.test_clock",
            "created": now,
            "deletes_after": now + DELETED_AFTER,
            "frozen_time": params["frozen_time"],
            "livemode": False,
            "name": params.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    world.emit("test_helpers.test_clock.created", clock)
    return clock


def advance(world: World, params: Object, clock_id: str) -> Object:
    """Move a test clock on. Here it has arrived at once; Stripe answers "advancing" first."""
    clock = world.get("test_helpers.test_clock", clock_id)
    moment = params["frozen_time"]
    if moment <= clock["frozen_time"]:
        raise Refused("The test clock can only be advanced to a later time.", param="frozen_time")
    return move(world, clock, moment)


def move(world: World, clock: Object, moment: int) -> Object:
    target = {"advancing": {"target_frozen_time": moment}}
    clock = world.change(clock, status="advancing", status_details=target)
    world.emit("test_helpers.test_clock.advancing", clock)
    schedule.run_until(world, moment, clock=clock["id"])
    clock = world.change(clock, frozen_time=moment, status="ready", status_details={})
    world.emit("test_helpers.test_clock.ready", clock)
    return clock


def remove(world: World, params: Object, clock_id: str) -> Object:
    """Delete a test clock, and the customers on it with their subscriptions."""
    clock = world.get("test_helpers.test_clock", clock_id)
    for customer in world.all("customer", test_clock=clock_id):
        for session in world.all("checkout.session", customer=customer["id"], status="open"):
            checkout.expire(world, session)
        changes.delete_customer(world, {}, customer["id"])
    world.emit("test_helpers.test_clock.deleted", clock)
    world.store.remove(clock_id)
    return {"id": clock_id, "object": "test_helpers.test_clock", "deleted": True}


ROUTES = [
    post("/v1/test_helpers/test_clocks", create, {"frozen_time!": int, "name": str}),
    get("/v1/test_helpers/test_clocks/<clock>", retrieving("test_helpers.test_clock")),
    post("/v1/test_helpers/test_clocks/<clock>/advance", advance, {"frozen_time!": int}),
    delete("/v1/test_helpers/test_clocks/<clock>", remove),
    pages("/v1/test_helpers/test_clocks", listing_by("test_helpers.test_clock")),
]
