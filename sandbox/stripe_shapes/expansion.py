"""Can this be expanded? The paths of `expand`, walked along the annotations of what a call answers."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import stripe

from sandbox.stripe_shapes.annotations import LISTS, SEQUENCES, alternatives, fields, tags_of

DEEPEST = 4


def complaints(answer: Any, path: str) -> Iterator[str]:
    """What is wrong with one path of `expand`, such as `data.latest_charge`, for an answer of the type `answer`."""
    names = path.split(".")
    if len(names) > DEEPEST:
        yield f"expand: {path!r} is deeper than {DEEPEST}"
    shapes, expandable = _shapes(answer), False
    for name in names:
        found = [annotation for shape in shapes if (annotation := _field(shape, name)) is not None]
        if not found:
            yield f"expand: nothing is called {name!r} in {path!r}"
            return
        expandable = any(map(is_expandable, found))
        shapes = [shape for annotation in found for shape in _shapes(annotation)]
    if not expandable:
        yield f"expand: {path!r} can't be expanded"


def _shapes(annotation: Any) -> list[Any]:
    """The classes of objects, and the lists, that a value of this type may be; for an array those of its elements."""
    shapes = []
    for choice in alternatives(annotation):
        if get_origin(choice) in SEQUENCES:
            shapes += _shapes(get_args(choice)[0])
        elif get_origin(choice) in LISTS or (isinstance(choice, type) and issubclass(choice, stripe.StripeObject)):
            shapes.append(choice)
    return shapes


def _field(shape: Any, name: str) -> Any:
    if get_origin(shape) in LISTS:
        return list[get_args(shape)[0]] if name == "data" else None  # type: ignore[misc]
    return fields(shape).get(name)


def is_expandable(annotation: Any) -> bool:
    """Whether it is an id that may be an object instead, or a list that is left out unless it is asked for."""
    choices = alternatives(annotation)
    if any(get_origin(choice) in SEQUENCES for choice in choices):
        return any(is_expandable(get_args(choice)[0]) for choice in choices if get_origin(choice) in SEQUENCES)
    if any(get_origin(choice) in LISTS for choice in choices):
        return True
    whole = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, stripe.StripeObject)]
    return str in choices and any(map(tags_of, whole))
