"""Telling a database that cannot be reached from one that answered with an error, and saying so to the visitor."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

RETRY_AFTER_SECONDS = 15

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection exceptions, shutdown, crash, not yet
# started, too many connections. A failed connection attempt has no code at all.
UNREACHABLE_CLASSES = ("08",)
UNREACHABLE_CODES = frozenset({"57P01", "57P02", "57P03", "53300"})


def is_database_down(error: BaseException | None) -> bool:
    """Return whether `error` says that the database cannot be reached; deadlocks and time-outs do not."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code in UNREACHABLE_CODES or code.startswith(UNREACHABLE_CLASSES)


def database_down_response(request: HttpRequest) -> HttpResponse:
    """Return the 503 answer in the shape the caller can show: a page, a fragment or a problem document."""
    response: HttpResponse
    if wants_json(request):
        response = JsonResponse(
            {
                "type": "about:blank",
                "title": "The database cannot be reached",
                "status": 503,
                "detail": "Nothing was charged. Try again shortly.",
            },
            status=503,
            content_type="application/problem+json",
        )
    else:
        template = "errors/_database_down.html" if request.headers.get("HX-Request") else "errors/database_down.html"
        response = HttpResponse(render_to_string(template, {"site_name": "CleverAI"}), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def wants_json(request: HttpRequest) -> bool:
    """Return whether the caller is a program: it sends or asks for JSON, or calls the API."""
    accepts = request.headers.get("Accept", "")
    return (
        request.path.startswith("/api/")
        or request.content_type == "application/json"
        or ("json" in accepts and "text/html" not in accepts)
    )
