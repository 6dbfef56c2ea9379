"""Is this what Stripe sends? Objects, lists, events and errors, compared with the classes of the `stripe` package."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

import stripe
from stripe._error_object import ErrorObject
from stripe.events import _event_classes

from sandbox.stripe_shapes.annotations import (
    LISTS,
    MAPS,
    SEQUENCES,
    NoneType,
    alternatives,
    class_of,
    closed,
    fields,
    resolved,
    tags_of,
)

LIST_FIELDS = {"object", "data", "has_more", "url", "total_count", "next_page"}
STUMP_FIELDS = {"id", "object", "deleted"}


def complaints(obj: Any) -> list[str]:
    """What is wrong with an object, list or event as Stripe would send it: nothing, or one line for each fault.

    A fault is a field that is missing, unknown or of another type, or a value outside its enumeration. Expanded
    objects, lists and the object that an event is about are looked into. A field that may be null may also be left out.
    """
    if not isinstance(obj, Mapping):
        return [f"expected an object, got {_seen(obj)}"]
    tag = obj.get("object")
    if tag == "list":
        return list(_list(obj, Any, "list"))
    shape = class_of(tag) if isinstance(tag, str) else None
    if shape is None:
        return [f"object: Stripe has no {tag!r}"]
    return list(_object(shape, obj, str(tag)))


def complaints_as(promised: Any, obj: Any) -> list[str]:
    """What is wrong with `obj` as an answer of the type `promised`, an annotation of the package."""
    return list(_value(promised, obj, "answer"))


def error_complaints(body: Any) -> list[str]:
    """What is wrong with the body of a refusal (a status of 400 and above)."""
    if not isinstance(body, Mapping) or set(body) != {"error"} or not isinstance(body["error"], Mapping):
        return ["expected nothing but an error"]
    known = ["api_error", "card_error", "idempotency_error", "invalid_request_error"]
    kind = (
        [] if body["error"].get("type") in known else [f"error.type: {body['error'].get('type')!r} is none of {known}"]
    )
    return [*_fields(ErrorObject, body["error"], "error"), *kind]


def _value(annotation: Any, value: Any, path: str, *, partial: bool = False) -> Iterator[str]:
    """The faults of a value that has to be of the type `annotation`; `partial`: objects show only some fields."""
    if annotation is Any:
        if isinstance(value, Mapping) and "object" in value:
            yield from (f"{path}: {complaint}" for complaint in complaints(value))
    elif len(alternatives(annotation)) > 1:
        yield from _one_of(alternatives(annotation), value, path, partial=partial)
    elif get_origin(annotation) is Literal:
        yield from _choice(get_args(annotation), value, path)
    elif isinstance(annotation, type) and annotation not in MAPS and not issubclass(annotation, stripe.StripeObject):
        if not _is_a(annotation, value):
            yield f"{path}: expected {annotation.__name__}, got {_seen(value)}"
    else:
        yield from _compound(annotation, value, path, partial=partial)


def _compound(annotation: Any, value: Any, path: str, *, partial: bool) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in SEQUENCES:
        yield from _sequence(arguments[0], value, path, partial=partial)
    elif origin in LISTS:
        yield from _list(value, arguments[0], path)
    elif annotation in MAPS or origin in MAPS:
        yield from _map(arguments[-1] if arguments else Any, value, path)
    else:
        yield from _object(annotation, value, path, partial=partial)


def _choice(known: tuple[Any, ...], value: Any, path: str) -> Iterator[str]:
    if not any(value == choice and type(value) is type(choice) for choice in known):
        yield f"{path}: {value!r} is none of {', '.join(map(repr, known[:8]))}{' …' * (len(known) > 8)}"


def _is_a(kind: type, value: Any) -> bool:
    """Whether JSON's `value` is of a simple type. A decimal travels as text; a boolean is no number."""
    if kind in (int, float):
        return isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if kind is Decimal:
        return isinstance(value, str) and value.removeprefix("-").replace(".", "", 1).isdigit()
    return isinstance(value, kind)


def _one_of(choices: tuple[Any, ...], value: Any, path: str, *, partial: bool) -> Iterator[str]:
    if value is None:
        if NoneType not in choices:
            yield f"{path}: may not be null"
        return
    choices = closed(tuple(choice for choice in choices if choice is not NoneType))
    if isinstance(value, Mapping):
        named = [choice for choice in choices if _has_tag(choice, value.get("object"))]
        choices = tuple(named) or choices
    faults = [list(_value(choice, value, path, partial=partial)) for choice in choices]
    # The alternative that was meant: one that can hold this at all, and of those the one with the fewest faults.
    yield from min(faults, key=lambda found: (any(fault.startswith(f"{path}: ") for fault in found), len(found)))


def _has_tag(choice: Any, tag: Any) -> bool:
    return isinstance(choice, type) and issubclass(choice, stripe.StripeObject) and tag in tags_of(choice)


def _sequence(kind: Any, value: Any, path: str, *, partial: bool) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: expected a list, got {_seen(value)}"
        return
    for position, element in enumerate(value):
        yield from _value(kind, element, f"{path}[{position}]", partial=partial)


def _map(kind: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: expected a map, got {_seen(value)}"
    elif kind is not Any:
        for name, element in value.items():
            yield from _value(kind, element, f"{path}.{name}")


def _list(value: Any, kind: Any, path: str) -> Iterator[str]:
    """The faults of Stripe's envelope around the objects of a list, and of those objects."""
    if not isinstance(value, Mapping) or value.get("object") not in ("list", "search_result"):
        yield f"{path}: expected a list of Stripe's, got {_seen(value)}"
        return
    yield from (f"{path}.{name}: Stripe has no such field" for name in value if name not in LIST_FIELDS)
    if not isinstance(value.get("has_more"), bool):
        yield f"{path}.has_more: expected bool, got {_seen(value.get('has_more'))}"
    if not str(value.get("url", "")).startswith("/v1/"):
        yield f"{path}.url: expected a path, got {_seen(value.get('url'))}"
    yield from _sequence(kind, value.get("data"), f"{path}.data", partial=False)


def _object(shape: type, value: Any, path: str, *, partial: bool = False) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: expected {shape.__qualname__}, got {_seen(value)}"
    elif value.get("deleted") is True and "deleted" in fields(shape):
        yield from _stump(shape, value, path)
    else:
        yield from _fields(shape, value, path, partial=partial)
        if shape is stripe.Event:
            yield from _event(value, path)


def _stump(shape: type, value: Mapping[str, Any], path: str) -> Iterator[str]:
    """What is left of a deleted object: its id, and that it is gone."""
    if further := sorted(value.keys() - STUMP_FIELDS):
        yield f"{path}: a deleted object doesn't show {', '.join(further)}"
    if value.get("object") not in tags_of(shape) or not isinstance(value.get("id"), str):
        yield f"{path}: a deleted object says its object and id"


def _fields(shape: type, value: Mapping[str, Any], path: str, *, partial: bool = False) -> Iterator[str]:
    known = fields(shape)
    for name, annotation in known.items():
        if name in value:
            may_end = partial and value[name] is None  # a field that is new now was null before, or not there at all
            yield from () if may_end else _value(annotation, value[name], f"{path}.{name}", partial=partial)
        elif not partial and NoneType not in alternatives(annotation):
            yield f"{path}.{name}: missing"
    yield from (f"{path}.{name}: Stripe has no such field" for name in value if name not in known)


def _event(event: Mapping[str, Any], path: str) -> Iterator[str]:
    """The faults of what an event tells about: of the right class, whole, and its earlier values by their names."""
    if event.get("api_version") != stripe.api_version:
        yield f"{path}.api_version: expected {stripe.api_version}, got {event.get('api_version')!r}"
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(subject, Mapping):
        return
    expected = _subject_of(str(event.get("type")))
    yield from (f"{path}.data.object: {complaint}" for complaint in complaints(subject))
    shape = class_of(str(subject.get("object")))
    if expected is not None and shape is not expected:
        yield f"{path}.data.object: a {event.get('type')} is about {expected.__name__}, not {subject.get('object')!r}"
    earlier = data.get("previous_attributes") if isinstance(data, Mapping) else None
    if shape is not None and isinstance(earlier, Mapping):
        yield from _fields(shape, earlier, f"{path}.data.previous_attributes", partial=True)


@cache
def _subject_of(event_type: str) -> type | None:
    """The class of objects that an event of this type tells about, if the package says so."""
    found = _event_classes._V2_EVENT_CLASS_LOOKUP.get(f"v1.{event_type}")
    if found is None:
        return None
    shape = getattr(import_module(found[0]), found[1])
    fetch = getattr(shape, "fetch_related_object", None)
    if fetch is None:
        return None
    answer: type = resolved({"answer": fetch.__annotations__["return"]}, module=shape.__module__)["answer"]
    return answer


def _seen(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text[:40]}{'…' * (len(text) > 40)}"
