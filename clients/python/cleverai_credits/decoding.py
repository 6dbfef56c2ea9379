"""JSON into the dataclasses of `answers`: each member becomes what its annotation says."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from cleverai_credits.answers import Answer

T = TypeVar("T", bound=Answer)
#: Members whose names Python keeps for itself.
RENAMED = {"first": "from", "last": "to"}


def decoded(kind: type[T], body: Mapping[str, Any], **further: Any) -> T:
    """Return the dataclass that a JSON object stands for, with the object as `raw`; raises KeyError and the like."""
    members = {
        name: read(body[RENAMED.get(name, name)])
        for name, read in _readers(cast("Hashable", kind)).items()
        if name not in further
    }
    return kind(raw=body, **members, **further)


@cache
def _readers(kind: Any) -> dict[str, Callable[[Any], Any]]:
    hints = get_type_hints(kind)
    own = {"raw", "replayed"}
    return {field.name: _reader(hints[field.name]) for field in fields(kind) if field.name not in own}


def _reader(hint: Any) -> Callable[[Any], Any]:
    """Return what makes a value of this annotation of a JSON value; null stays None where it may be."""
    if isinstance(hint, UnionType):
        (there,) = [each for each in get_args(hint) if each is not NoneType]
        read = _reader(there)
        return lambda value: None if value is None else read(value)
    if get_origin(hint) is list:
        read = _reader(get_args(hint)[0])
        return lambda value: [read(each) for each in value]
    if hint is Decimal:
        return Decimal
    if hint in (datetime, date):
        return hint.fromisoformat  # type: ignore[no-any-return]
    if isinstance(hint, type) and issubclass(hint, Answer):
        return lambda value: decoded(hint, value)
    return lambda value: value
