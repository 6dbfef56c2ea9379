"""Telling what CleverAI stands on and cannot reach from an error of its own, and saying so to the visitor."""

from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from redis.exceptions import RedisError

from accounts.errors import MailNotSent
from billing.api import problems
from billing.api.door import is_for_programs

RETRY_AFTER_SECONDS = 15

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection exceptions, shutdown, crash, not yet
# started, too many connections. A failed connection attempt has no code at all.
UNREACHABLE_CLASSES = ("08",)
UNREACHABLE_CODES = frozenset({"57P01", "57P02", "57P03", "53300"})


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that is away, as its page tells it."""

    title: str
    detail: str
    icon: str


NO_DATABASE = Outage(
    title="We can’t reach our database",
    detail="Nothing was charged. We are on it; please try again in a moment.",
    icon="database",
)
NO_CACHE = Outage(
    title="This has to wait a moment",
    detail="The part of our system that guards logins can’t be reached. We are on it; please try again in a moment.",
    icon="server-crash",
)
NO_MAIL = Outage(
    title="Our mail isn’t leaving",
    detail="The message you are waiting for was not sent. Please try again in a few minutes. If you were signing up,"
    " log in then: we send it once more.",
    icon="mail-warning",
)


def outage_behind(error: BaseException | None) -> Outage | None:
    """Return what is away according to `error`, or None if it tells of something else.

    The cache raises here only where nothing can do without it: rate limits, and ending a session.
    """
    if is_database_down(error):
        return NO_DATABASE
    if isinstance(error, RedisError):
        return NO_CACHE
    return NO_MAIL if isinstance(error, MailNotSent) else None


def is_database_down(error: BaseException | None) -> bool:
    """Return whether `error` says that the database cannot be reached; deadlocks and time-outs do not."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code in UNREACHABLE_CODES or code.startswith(UNREACHABLE_CLASSES)


def outage_response(request: HttpRequest, outage: Outage) -> HttpResponse:
    """Return the 503 answer in the shape the caller can show: a page, a fragment or a problem document."""
    response: HttpResponse
    if is_for_programs(request):
        return problems.unavailable(f"{outage.title}.")
    if wants_json(request):
        problem = {"type": "about:blank", "title": outage.title, "status": 503, "detail": outage.detail}
        response = JsonResponse(problem, status=503, content_type="application/problem+json")
    else:
        template = "errors/_unavailable.html" if request.headers.get("HX-Request") else "errors/unavailable.html"
        response = HttpResponse(render_to_string(template, {"site_name": "CleverAI", "outage": outage}), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def wants_json(request: HttpRequest) -> bool:
    """Return whether the caller is a program: it sends or asks for JSON, or calls the API."""
    accepts = request.headers.get("Accept", "")
    return (
        is_for_programs(request)
        or request.content_type == "application/json"
        or ("json" in accepts and "text/html" not in accepts)
    )
