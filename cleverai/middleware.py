"""What happens around every request."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers

from billing.api import door
from cleverai import tracing
from cleverai.logs import ROUTE, route_of
from cleverai.outages import outage_behind, outage_response

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class TracingMiddleware:
    """Gives each request an id that its log lines, its tasks and its answer carry: X-Request-ID.

    One that a proxy of ours has given is kept if it is well-formed. Without a proxy anybody could have sent it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given_id = request.headers.get("X-Request-ID") if settings.TRUSTED_PROXY_COUNT else None
        request_id = tracing.begin(given_id=given_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        request.META[ROUTE] = route_of(request)  # for the server's line about it, see cleverai/logs.py
        return response


class ProgramsMiddleware:
    """Answers programs before all that only pages need: sessions, forms, logins, messages, languages, fragments.

    What goes wrong inside is answered as for pages: an outage here, and any fault by `cleverai.views.server_error`.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not door.is_for_programs(request):
            return self.get_response(request)
        try:
            return door.answer(request)
        except Exception as error:
            if (response := told_outage(request, error)) is None:
                raise
            return response


class OutageMiddleware:
    """Answers 503 with plain words when a view cannot reach the database, the cache or the mail server.

    An error in an inner middleware never comes by here as an exception; `cleverai.views.server_error` answers it the
    same way.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return told_outage(request, exception)


def told_outage(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Log what an error says is away, and return the answer that says so; None for any other error."""
    outage = outage_behind(error)
    if outage is None:
        return None
    # Its name alone: the words of a refused mail have addresses in them.
    logger.error("%s (%s).", outage.title, type(error.__cause__ or error).__name__)
    return outage_response(request, outage)


class PrivatePagesMiddleware:
    """Keeps the pages of a signed-in person out of every cache, and login pages out of fragments."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if self._leads_to_login(response) and request.headers.get("HX-Request"):
            response = HttpResponse(status=204, headers={"HX-Trigger": "signed-out"})
        if settings.SESSION_COOKIE_NAME in request.COOKIES or request.session.modified:
            response["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["HX-Request"])
        return response

    def _leads_to_login(self, response: HttpResponseBase) -> bool:
        location = response.get("Location", "")
        return response.status_code == 302 and location.partition("?")[0] == resolve_url(settings.LOGIN_URL)
