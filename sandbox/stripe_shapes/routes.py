"""Stripe's routes: every method and path that the `stripe` package can call, what it takes and what it answers."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import stripe
from stripe._stripe_service import StripeService
from typing_extensions import is_typeddict

from sandbox.stripe_shapes.annotations import alternatives, resolved

ID = "an_id"


@dataclass(frozen=True)
class Route:
    """One call of Stripe's API.

    Attributes:
        name: the package's class and method, such as `SessionService.create`.
        path: the path as a pattern, with a group for each id.
        params: the class that describes its parameters; None if it takes none.
        answer: the annotation of what it returns.
    """

    name: str
    method: str
    path: re.Pattern[str]
    params: type | None
    answer: Any


class _Heard(Exception):
    """The call that a service was about to make."""

    def __init__(self, method: str, path: str) -> None:
        self.method, self.path = method, path


class _Listener:
    """In a requestor's place: learns what would be called, and calls nothing."""

    def request(self, method: str, path: str, *_: Any, **__: Any) -> NoReturn:
        raise _Heard(method, path)

    request_stream = request


def find(method: str, path: str) -> Route | None:
    """The route of a request, if Stripe has it. A fixed path goes before one with an id in its place."""
    matching = [route for route in _routes() if route.method == method.lower() and route.path.fullmatch(path)]
    return min(matching, key=lambda route: route.path.groups, default=None)


@cache
def _routes() -> list[Route]:
    """All routes. Each method of each service is called once, with ids that are then read as patterns."""
    routes = []
    for service in _services(stripe.StripeClient("sk_test_nobody").v1):
        for name, method in inspect.getmembers(type(service), inspect.isfunction):
            if not name.startswith("_") and not inspect.iscoroutinefunction(method):
                routes.append(_route(service, name))
    return routes


def _services(service: StripeService) -> Iterator[StripeService]:
    """`service` and all below it. The names of those below are the annotations of its class."""
    yield service
    for name in inspect.get_annotations(type(service)):
        yield from _services(getattr(service, name))


def _route(service: StripeService, name: str) -> Route:
    method = getattr(type(service)(_Listener()), name)
    signature = inspect.signature(method)
    required = [each for each in signature.parameters.values() if each.default is inspect.Parameter.empty]
    try:
        method(*({} if each.name == "params" else ID for each in required))
    except _Heard as heard:
        call = heard
    else:
        raise LookupError(f"{type(service).__name__}.{name} calls nothing")
    annotations = {"answer": signature.return_annotation}
    if "params" in signature.parameters:
        annotations["params"] = signature.parameters["params"].annotation
    types = resolved(annotations, module=sys.modules[type(service).__module__].__name__)
    params = [choice for choice in alternatives(types.get("params")) if is_typeddict(choice)]
    return Route(
        name=f"{type(service).__name__}.{name}",
        method=call.method,
        path=re.compile(re.escape(call.path).replace(re.escape(ID), "([^/]+)")),
        params=params[0] if params else None,
        answer=types["answer"],
    )
