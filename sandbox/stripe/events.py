"""Events as the API lists them."""

from sandbox.stripe.routes import CREATED, created_within, get, pages, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import EVENTS_KEPT_SECONDS, World


def list_all(world: World, params: Object) -> list[Object]:
    """Return the events of the last thirty days; Stripe keeps no older ones."""
    types = params.get("types") or ([params["type"]] if params.get("type") else None)
    oldest = world.now() - EVENTS_KEPT_SECONDS
    return [
        event
        for event in world.events
        if event["created"] >= oldest
        and (types is None or any(_matches(event["type"], wanted) for wanted in types))
        and created_within(event, params)
        and _delivered(event, params)
    ]


def _matches(event_type: str, wanted: str) -> bool:
    """Compare with a type, or with a group of types such as "invoice.*"."""
    return event_type.startswith(wanted[:-1]) if wanted.endswith(".*") else event_type == wanted


def _delivered(event: Object, params: Object) -> bool:
    wanted = params.get("delivery_success")
    return wanted is None or (event["pending_webhooks"] == 0) == wanted


ROUTES = [
    get("/v1/events/<event>", retrieving("event")),
    pages("/v1/events", list_all, {"delivery_success": bool, "type": str, "types": [str], **CREATED}),
]
