"""What a noun offers over HTTP: a route is a method, an address, the parameters it knows and the function it calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.parameters import PERIOD, Schema
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

PAGING: Schema = {"limit": int, "starting_after": str, "ending_before": str}


@dataclass(frozen=True)
class Route:
    """`call(world, params, *ids)` returns the object to answer; a list route's returns all matches, oldest first."""

    method: str
    path: str
    call: Callable[..., Any]
    schema: Schema
    is_list: bool = False


def get(path: str, call: Callable[..., Object], schema: Schema | None = None) -> Route:
    return Route("GET", path, call, schema or {})


def post(path: str, call: Callable[..., Object], schema: Schema | None = None) -> Route:
    return Route("POST", path, call, schema or {})


def delete(path: str, call: Callable[..., Object], schema: Schema | None = None) -> Route:
    return Route("DELETE", path, call, schema or {})


def pages(path: str, call: Callable[..., list[Object]], schema: Schema | None = None) -> Route:
    """A list, which the caller pages through from the newest to the oldest."""
    return Route("GET", path, call, {**PAGING, **(schema or {})}, is_list=True)


def retrieving(kind: str) -> Callable[..., Object]:
    """Return a call that answers an object of the kind by its id."""

    def retrieve(world: World, params: Object, item_id: str) -> Object:
        return world.get(kind, item_id)

    return retrieve


def listing_by(kind: str, *names: str) -> Callable[..., list[Object]]:
    """Return a call that answers the objects of a kind whose fields equal the parameters of those names."""

    def search(world: World, params: Object) -> list[Object]:
        wanted = {name: params[name] for name in names if params.get(name) is not None}
        return [item for item in world.all(kind, **wanted) if created_within(item, params)]

    return search


def created_within(item: Object, params: Object) -> bool:
    """Say whether an object was created when the parameter `created` asks for."""
    period = params.get("created")
    if period is None:
        return True
    created: int = item["created"]
    if isinstance(period, int):
        return created == period
    return bool(
        created > period.get("gt", created - 1)
        and created >= period.get("gte", created)
        and created < period.get("lt", created + 1)
        and created <= period.get("lte", created)
    )


CREATED: Schema = {"created": PERIOD}
