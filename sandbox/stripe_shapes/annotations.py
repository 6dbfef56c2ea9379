"""What the annotations of the `stripe` package say, with every quoted name resolved."""

import ast
import inspect
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any, ClassVar, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

import stripe
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import is_typeddict

NoneType = type(None)
UNIONS = (Union, types.UnionType)
SEQUENCES = (list, Sequence)
MAPS = (dict, Mapping, UntypedStripeObject)
LISTS = (stripe.ListObject, stripe.SearchResultObject)
_parsing = Lock()


class _Names(Mapping[str, Any]):
    """The names that a quoted annotation may use: its class's, its module's, and those imported for type checkers."""

    def __init__(self, module: str, owner: type | None) -> None:
        self._module = sys.modules[module]
        self._owner = owner
        self._borrowed = _imported_for_type_checkers(module)

    def __getitem__(self, name: str) -> Any:
        if self._owner is not None and inspect.isclass(inner := vars(self._owner).get(name)):
            return inner
        if name in vars(self._module):
            return vars(self._module)[name]
        module, original = self._borrowed[name]
        return getattr(import_module(module), original)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._borrowed, **vars(self._module)})

    def __len__(self) -> int:
        return len(list(iter(self)))


@cache
def _imported_for_type_checkers(module: str) -> dict[str, tuple[str, str]]:
    """Where each name imported under `if TYPE_CHECKING` comes from."""
    with _parsing:  # several threads that parse at once confuse Python 3.11
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom) and node.module]
    return {name.asname or name.name: (str(node.module), name.name) for node in imports for name in node.names}


def resolved(annotations: Mapping[str, Any], *, module: str, owner: type | None = None) -> dict[str, Any]:
    """`annotations` as real types, however deep their quotes are.

    Raises:
        NameError: the package has come to use a name that can't be found; this module then has to learn it.
    """
    bearer = type("Bearer", (), {"__annotations__": dict(annotations), "__module__": module})
    return get_type_hints(bearer, localns=_Names(module, owner), include_extras=True)


@cache
def fields(shape: type) -> dict[str, Any]:
    """What an object or a set of parameters of the class `shape` holds: the type of each name, as it is on the wire."""
    own = inspect.get_annotations(shape)
    if is_typeddict(shape):
        own = {name: annotation for name, annotation in own.items() if name not in RequestOptions.__annotations__}
    on_the_wire = getattr(shape, "_field_remappings", {})
    return {
        on_the_wire.get(name, name): annotation
        for name, annotation in resolved(own, module=shape.__module__, owner=shape).items()
        if not name.startswith("_") and get_origin(annotation) is not ClassVar
    }


@cache
def class_of(tag: str) -> type[stripe.StripeObject] | None:
    """The class of objects whose `object` says `tag`, if Stripe knows any."""
    if tag not in OBJECT_CLASSES:
        return None
    module, name = OBJECT_CLASSES[tag]
    found: type[stripe.StripeObject] = getattr(import_module(module), name)
    return found


def tags_of(shape: type) -> tuple[str, ...]:
    """What `object` may say in an object of this class; nothing for a mere part of an object."""
    return get_args(fields(shape).get("object"))


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that a value of this type may have: several for a union, else this one."""
    return get_args(annotation) if get_origin(annotation) in UNIONS else (annotation,)


def without_marker(annotation: Any) -> tuple[Any, bool]:
    """The type of a parameter, and whether it may be left out."""
    if get_origin(annotation) is NotRequired:
        return get_args(annotation)[0], True
    return annotation, False


def closed(choices: tuple[Any, ...]) -> tuple[Any, ...]:
    """`choices` without the `str` that the package adds to an enumeration so that later values don't break old code.

    An enumeration of nothing but the empty string is not one: it says that a text can be unset.
    """
    values = {value for choice in choices if get_origin(choice) is Literal for value in get_args(choice)}
    return tuple(choice for choice in choices if choice is not str) if values - {""} else choices
