"""Reading a request's form: decode it, compare it with what the route knows, refuse the rest as Stripe does.

A schema is a dict of names; "!" after a name means required. A value is `str`, `int`, `bool`, a tuple of the words
allowed, METADATA, PERIOD, another schema, or a list with one of these for an array.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.stripe.errors import Refused

METADATA = "metadata"
PERIOD: dict[str, Any] = {"gt": int, "gte": int, "lt": int, "lte": int}
"""A moment, or a range of moments."""

Schema = Mapping[str, Any]
MOST_METADATA = 50


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Turn "a[b][0]=c" into {"a": {"b": {"0": "c"}}}."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        if not path:
            raise Refused(f"Invalid parameter name: {name}", saved=False)
        branch = tree
        for part in path[:-1]:
            branch = branch.setdefault(part or str(len(branch)), {})
            if not isinstance(branch, dict):
                raise Refused(f"Invalid parameter: {name}", param=name, saved=False)
        branch[path[-1] or str(len(branch))] = value
    return tree


def read(schema: Schema, tree: Mapping[str, Any], *, inside: str = "") -> dict[str, Any]:
    """Return the values of a decoded form by the schema, or raise Refused with the parameter's name.

    An empty string unsets: it becomes None.
    """
    known = {name.rstrip("!"): kind for name, kind in schema.items()}
    unknown = [_name(inside, name) for name in tree if name not in known]
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        message = f"Received unknown {noun}: {', '.join(unknown)}"
        raise Refused(message, code="parameter_unknown", param=unknown[0], saved=False)
    for name in schema:
        if name.endswith("!") and tree.get(name[:-1]) in (None, ""):
            missing = _name(inside, name[:-1])
            raise Refused(f"Missing required param: {missing}.", code="parameter_missing", param=missing, saved=False)
    return {name: _value(known[name], value, _name(inside, name)) for name, value in tree.items()}


def _name(inside: str, name: str) -> str:
    return f"{inside}[{name}]" if inside else name


def _value(kind: Any, value: Any, name: str) -> Any:
    if value == "":
        return {} if kind is METADATA else None
    if kind is METADATA:
        return _metadata(value, name)
    if kind is PERIOD:
        return read(PERIOD, value, inside=name) if isinstance(value, dict) else _integer(value, name)
    if isinstance(kind, list):
        if not isinstance(value, dict):
            raise Refused("Invalid array", param=name, saved=False)
        ordered = sorted(value, key=lambda key: (len(key), key))
        return [_value(kind[0], value[key], f"{name}[{key}]") for key in ordered]
    if isinstance(kind, Mapping):
        if not isinstance(value, dict):
            raise Refused("Invalid object", param=name, saved=False)
        return read(kind, value, inside=name)
    if isinstance(value, dict):
        raise Refused(f"Invalid string: {value}", param=name, saved=False)
    return _scalar(kind, value, name)


def _scalar(kind: Any, value: str, name: str) -> Any:
    if kind is int:
        return _integer(value, name)
    if kind is bool:
        if value not in ("true", "false"):
            raise Refused(f"Invalid boolean: {value}", param=name, saved=False)
        return value == "true"
    if isinstance(kind, tuple) and value not in kind:
        words = f"{', '.join(kind[:-1])}, or {kind[-1]}" if len(kind) > 1 else kind[0]
        raise Refused(f"Invalid {name}: must be one of {words}", param=name, saved=False)
    if len(value) > 5000:
        message = f"Invalid string: {value[:10]}…; must be at most 5000 characters"
        raise Refused(message, param=name, saved=False)
    return value


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value):
        raise Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name, saved=False)
    return int(value)


def _metadata(value: Any, name: str) -> dict[str, str]:
    if not isinstance(value, dict) or any(isinstance(inner, dict) for inner in value.values()):
        raise Refused("Metadata must be a hash of strings", param=name, saved=False)
    if len(value) > MOST_METADATA:
        raise Refused(f"Metadata can have at most {MOST_METADATA} keys", param=name, saved=False)
    for key, text in value.items():
        if len(key) > 40 or len(text) > 500:
            message = "Metadata keys can have at most 40 characters, values at most 500"
            raise Refused(message, param=f"{name}[{key}]", saved=False)
    return dict(value)


def merged(metadata: Mapping[str, str] | None, changes: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata with a request's changes: an empty value takes its key away, an empty whole takes all."""
    if changes is None:
        return dict(metadata or {})
    if not changes:
        return {}
    both = {**(metadata or {}), **changes}
    return {key: text for key, text in both.items() if text != ""}
