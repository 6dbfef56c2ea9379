"""Webhook endpoints: where events are sent, and which."""

from urllib.parse import urlsplit

from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, Schema, merged
from sandbox.stripe.routes import delete, get, listing_by, pages, post
from sandbox.stripe.store import Object
from sandbox.stripe.world import API_VERSION, World, public


def create(world: World, params: Object) -> Object:
    """Make an endpoint; only this answer shows its secret."""
    endpoint = add(
        world,
        url=params["url"],
        enabled_events=params["enabled_events"],
        secret=world.new_id("whsec_"),
        api_version=params.get("api_version"),
        description=params.get("description"),
        metadata=merged(None, params.get("metadata")),
    )
    return {**endpoint, "secret": endpoint["_secret"]}


def add(
    world: World,
    *,
    url: str,
    enabled_events: list[str],
    secret: str,
    api_version: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Object:
    _check(url, enabled_events)
    if api_version not in (None, API_VERSION):
        raise Refused(f"Invalid API version: {api_version}; the sandbox speaks {API_VERSION}.", param="api_version")
    return world.put(
        {
            "id": world.new_id("we_"),
            "object": "webhook_endpoint",
            "api_version": api_version,
            "application": None,
            "created": world.now(),
            "description": description,
            "enabled_events": enabled_events,
            "livemode": False,
            "metadata": metadata or {},
            "status": "enabled",
            "url": url,
            "_secret": secret,
        }
    )


def _check(url: str, enabled_events: list[str]) -> None:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise Refused("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")
    if not enabled_events:
        raise Refused("Missing required param: enabled_events.", code="parameter_missing", param="enabled_events")


def update(world: World, params: Object, endpoint_id: str) -> Object:
    endpoint = world.get("webhook_endpoint", endpoint_id)
    changes: Object = {name: params[name] for name in ("description", "enabled_events", "url") if name in params}
    if "disabled" in params:
        changes["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        changes["metadata"] = merged(endpoint["metadata"], params["metadata"])
    after = {**endpoint, **changes}
    _check(after["url"], after["enabled_events"])
    return world.change(endpoint, **changes)


def retrieve(world: World, params: Object, endpoint_id: str) -> Object:
    return public(world.get("webhook_endpoint", endpoint_id))


def remove(world: World, params: Object, endpoint_id: str) -> Object:
    """Delete an endpoint, and with it what still waits to be delivered there."""
    world.get("webhook_endpoint", endpoint_id)
    for delivery in world.all("_delivery", endpoint=endpoint_id):
        world.store.remove(delivery["id"])
    world.store.remove(endpoint_id)
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


FIELDS: Schema = {"description": str, "enabled_events": [str], "metadata": METADATA, "url": str}
ROUTES = [
    post(
        "/v1/webhook_endpoints",
        create,
        {**FIELDS, "api_version": str, "enabled_events!": [str], "url!": str},
    ),
    get("/v1/webhook_endpoints/<endpoint>", retrieve),
    post("/v1/webhook_endpoints/<endpoint>", update, {**FIELDS, "disabled": bool}),
    delete("/v1/webhook_endpoints/<endpoint>", remove),
    pages("/v1/webhook_endpoints", listing_by("webhook_endpoint")),
]
