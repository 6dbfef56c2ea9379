"""Would Stripe know this request? Its path and parameters, compared with what the `stripe` package can send."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any, Literal, get_args, get_origin
from urllib.parse import parse_qsl

from typing_extensions import is_typeddict

from sandbox.stripe_shapes import expansion
from sandbox.stripe_shapes.annotations import MAPS, SEQUENCES, NoneType, alternatives, closed, fields, without_marker
from sandbox.stripe_shapes.routes import find

MOST_METADATA, LONGEST_METADATA_KEY, LONGEST_METADATA_VALUE = 50, 40, 500
MOST_PER_PAGE = 100


def decode_form(body: str) -> dict[str, Any]:
    """The parameters of a form or a query string: `a[b][0]=c` becomes `{"a": {"b": {"0": "c"}}}`, `a[]=b` too.

    Raises:
        ValueError: a name is no name, or is a value in one place and a group in another.
    """
    decoded: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        if not re.fullmatch(r"[^\[\]]+(\[[^\[\]]*\])*", name):
            raise ValueError(f"{name!r} names no parameter")
        *outer, last = name.replace("]", "").split("[")
        group = decoded
        for key in outer:
            group = group.setdefault(key or str(len(group)), {})
            if not isinstance(group, dict):
                raise ValueError(f"{name!r} is both a value and a group")
        if isinstance(group.get(last), dict):
            raise ValueError(f"{name!r} is both a group and a value")
        group[last or str(len(group))] = value
    return decoded


def complaints(method: str, path: str, params: Mapping[str, Any]) -> list[str]:
    """What Stripe would not understand in a request: nothing, or one line for each fault.

    Args:
        method: of HTTP.
        path: without a query string, such as `/v1/refunds`.
        params: as `decode_form` returns them, from the body or from the query string.
    """
    route = find(method, path)
    if route is None:
        return [f"{method.upper()} {path}: Stripe has no such route"]
    known = fields(route.params) if route.params else {}
    expand = params.get("expand")
    paths = expand.values() if isinstance(expand, Mapping) and "expand" in known else ()
    return [
        *_group(known, params, ""),
        *chain.from_iterable(expansion.complaints(route.answer, str(path)) for path in paths),
    ]


def _group(known: Mapping[str, Any], params: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in params:
        if name not in known:
            yield f"{_inside(path, name)}: Stripe has no such parameter"
    for name, marked in known.items():
        annotation, optional = without_marker(marked)
        if name in params:
            yield from _value(annotation, params[name], _inside(path, name))
            yield from _limits(name, params[name], _inside(path, name))
        elif not optional:
            yield f"{_inside(path, name)}: missing"


def _value(annotation: Any, value: Any, path: str) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (Any, object):
        return
    if len(alternatives(annotation)) > 1:
        yield from _one_of(alternatives(annotation), value, path)
    elif origin is Literal:
        if value not in map(_written, arguments):
            yield f"{path}: {value!r} is none of {', '.join(map(repr, arguments[:8]))}{' …' * (len(arguments) > 8)}"
    elif origin in SEQUENCES:
        yield from _array(arguments[0], value, path)
    elif annotation in MAPS or origin in MAPS:
        yield from _map(arguments[-1] if arguments else Any, value, path)
    elif is_typeddict(annotation):
        if isinstance(value, Mapping):
            yield from _group(fields(annotation), value, path)
        else:
            yield f"{path}: expected a group, got {value!r}"
    elif not _reads_as(annotation, value):
        yield f"{path}: {value!r} is no {annotation.__name__}"


def _one_of(choices: tuple[Any, ...], value: Any, path: str) -> Iterator[str]:
    faults = [
        list(_value(choice, value, path)) for choice in closed(tuple(each for each in choices if each is not NoneType))
    ]
    yield from min(faults, key=lambda found: (any(fault.startswith(f"{path}: ") for fault in found), len(found)))


def _array(kind: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping) or sorted(value) != sorted(map(str, range(len(value)))):
        yield f"{path}: expected an array, got {value!r}"
        return
    for position, element in value.items():
        yield from _value(kind, element, _inside(path, position))


def _map(kind: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: expected a group, got {value!r}"
        return
    for name, element in value.items():
        yield from _value(kind, element, _inside(path, name))


def _reads_as(kind: type, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if kind is bool:
        return value in ("true", "false")
    if kind is int:
        return re.fullmatch(r"-?[0-9]+", value) is not None
    if kind in (float, Decimal):
        try:
            return Decimal(value).is_finite()
        except InvalidOperation:
            return False
    return kind is str


def _limits(name: str, value: Any, path: str) -> Iterator[str]:
    """The faults that hold for every parameter of this name, whatever the route."""
    if name == "metadata" and isinstance(value, Mapping):
        if len(value) > MOST_METADATA:
            yield f"{path}: at most {MOST_METADATA} keys"
        for key, text in value.items():
            if len(key) > LONGEST_METADATA_KEY:
                yield f"{_inside(path, key)}: a key has at most {LONGEST_METADATA_KEY} characters"
            if len(str(text)) > LONGEST_METADATA_VALUE:
                yield f"{_inside(path, key)}: a value has at most {LONGEST_METADATA_VALUE} characters"
    if name == "limit" and _reads_as(int, value) and not 1 <= int(value) <= MOST_PER_PAGE:
        yield f"{path}: a page has 1 to {MOST_PER_PAGE} objects"


def _written(value: Any) -> str:
    """A value of an enumeration as it stands in a form."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inside(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name
