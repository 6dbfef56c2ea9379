"""The HTTP API below /api/v1/: metering for programs that don't run in this process.

It knows no sessions, cookies or forms: a key opens it (callers.py), JSON goes in (bodies.py, schemas.py) and out
(answers.py), and what is refused comes as a problem document (problems.py). Repeats are told by the books themselves:
the Idempotency-Key is metering's key. cleverai/middleware.py answers it before all that only pages need.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from billing.api import catalog, problems, reading, spending
from billing.api.bodies import StrictParser
from billing.api.callers import BearerKey
from billing.api.document import DESCRIPTION, completed
from billing.api.problems import CONTENT_TOO_LARGE, INVALID_REQUEST, MALFORMED_BODY, Refused
from billing.errors import MeteringError

VERSION = "1.0.0"
NO_BODY = "There is no body, or its length isn't declared (Content-Length)."


class CreditsAPI(NinjaAPI):
    """Ninja's API whose document says everything, errors and headers included."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the OpenAPI document."""
        return completed(super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params))


api = CreditsAPI(
    title="CleverAI Credits",
    version=VERSION,
    description=DESCRIPTION,
    auth=BearerKey(),
    parser=StrictParser(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)


def _tell_rate(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Say in each answer how many requests the key has left."""

    @wraps(run)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = run(request, *args, **kwargs)
        if (rate := getattr(request, "rate", None)) is not None:
            response["RateLimit-Limit"] = str(rate.limit)
            response["RateLimit-Remaining"] = str(rate.remaining)
            response["RateLimit-Reset"] = str(rate.reset_seconds)
        return response

    return answer


api.add_decorator(_tell_rate, mode="view")
api.add_router("", reading.router)
api.add_router("", catalog.router)
api.add_router("", spending.router)


def _raise(request: HttpRequest, error: Any) -> HttpResponse:
    """Leave everything else to who answers outages and faults for the whole site."""
    raise error


def _answer_refused(request: HttpRequest, error: Any) -> HttpResponse:
    return problems.response(error)


def _answer_metering(request: HttpRequest, error: Any) -> HttpResponse:
    return problems.response(problems.of_error(error))


def _answer_parser(request: HttpRequest, error: Any) -> HttpResponse:
    """Answer what ninja makes of any error of a parser."""
    cause = error.__cause__
    return problems.response(cause if isinstance(cause, Refused) else Refused(MALFORMED_BODY))


def _answer_invalid(request: HttpRequest, error: Any) -> HttpResponse:
    """Name each field that can't be, in words, and never what was sent in it."""
    found = cast("list[dict[str, Any]]", error.errors)
    if any(one["type"] == "missing" and len(one["loc"]) == 2 and one["loc"][0] == "body" for one in found):
        return problems.response(Refused(MALFORMED_BODY, NO_BODY))
    wrong = [problems.field_error(one["loc"], one["msg"]) for one in found]
    return problems.response(Refused(INVALID_REQUEST, errors=wrong[: problems.MOST_FIELDS]))


def _answer_too_large(request: HttpRequest, error: Any) -> HttpResponse:
    return problems.response(Refused(CONTENT_TOO_LARGE))


def _answer_unreadable(request: HttpRequest, error: Any) -> HttpResponse:
    return problems.response(Refused(MALFORMED_BODY, "The body ended before its declared length."))


api.add_exception_handler(Exception, _raise)
api.add_exception_handler(Refused, _answer_refused)
api.add_exception_handler(MeteringError, _answer_metering)
api.add_exception_handler(HttpError, _answer_parser)
api.add_exception_handler(ValidationError, _answer_invalid)
api.add_exception_handler(RequestDataTooBig, _answer_too_large)
api.add_exception_handler(UnreadablePostError, _answer_unreadable)
