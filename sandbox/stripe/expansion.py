"""`expand`: ids that become objects, and the parts of an object that are shown only when asked for."""

from collections.abc import Callable
from typing import Any

from sandbox.stripe import checkout, invoice_payments, payments, subscriptions
from sandbox.stripe.errors import Refused
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, public

DEEPEST = 4
INCLUDED: dict[tuple[str, str], Callable[[World, Object], Object]] = {
    ("charge", "refunds"): payments.refunds_of,
    ("checkout.session", "line_items"): checkout.items_of,
    ("customer", "subscriptions"): subscriptions.list_of,
    ("invoice", "payments"): invoice_payments.shown,
}


def expanded(world: World, item: Object, paths: list[str]) -> Object:
    """Return an object as it is answered, with the paths expanded, or raise Refused for one that can't be."""
    shown = public(item)
    for path in paths:
        check_depth(path)
        shown = _expand(world, shown, path.split("."), path)
    return shown


def check_depth(path: str) -> None:
    if path.count(".") >= DEEPEST:
        raise Refused(f"You cannot expand more than {DEEPEST} levels of a property: {path}", param="expand")


def _expand(world: World, value: Any, names: list[str], path: str) -> Any:
    if isinstance(value, list):
        return [_expand(world, entry, names, path) for entry in value]
    if not names or value is None or (isinstance(value, dict) and value.get("deleted")):
        return value
    if not isinstance(value, dict):
        raise _not_expandable(path)
    name, rest = names[0], names[1:]
    source = INCLUDED.get((value.get("object", ""), name))
    if source and name not in value:
        value = {**value, name: source(world, world.store.get(value["id"]) or value)}
    elif name not in value:
        raise _not_expandable(path)
    inner = value[name]
    if isinstance(inner, str):
        found = world.store.get(inner)
        if found is None:
            raise _not_expandable(path)
        inner = public(found)
    elif not rest and isinstance(inner, int | bool):
        raise _not_expandable(path)
    return {**value, name: _expand(world, inner, rest, path)}


def _not_expandable(path: str) -> Refused:
    return Refused(f"This property cannot be expanded ({path}).", param="expand")
