"""The home page and the pages for what went wrong.

The error pages need neither the database nor a session, so they can tell about both being gone.
"""

import json
import sys
import time

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from accounts import second_step
from billing.api import problems
from billing.api.door import is_for_programs
from billing.views import overview, public
from cleverai.outages import outage_behind, outage_response, wants_json

TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


@require_safe
@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """Show visitors what CleverAI Credits is, and people who are signed in their start page."""
    return overview.start(request) if request.user.is_authenticated else public.landing(request)


@login_not_required
def staff_login(request: HttpRequest) -> HttpResponse:
    """Send staff through the same login as everybody, with its rate limits, and ask them for their second step."""
    goal = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(goal, {request.get_host()}, require_https=request.is_secure()):
        goal = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(goal)
    if not request.user.is_staff:
        raise PermissionDenied
    if second_step.lets_in(request, now=time.time()):
        return redirect(goal)
    if url := second_step.question_url(request):
        return second_step.ask(request, url=url, goal=goal)
    return render(request, "accounts/second_step_needed.html")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what can't be read; only a body is too large, an address with too much in it is a bad one."""
    has_body = request.method not in {"GET", "HEAD"}
    return error_page(request, 413 if has_body and isinstance(exception, TOO_LARGE) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    outage = outage_behind(sys.exc_info()[1])
    return outage_response(request, outage) if outage else error_page(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(request, 403, template="errors/csrf.html")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer whoever allauth's rate limits stop."""
    return error_page(request, 429)


PROBLEM_TITLES = {
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    413: "Content too large",
    429: "Too many requests",
    500: "Internal server error",
}


def error_page(request: HttpRequest, status: int, *, template: str | None = None) -> HttpResponse:
    """Return the page for an HTTP status; programs get a problem document (RFC 9457) instead."""
    if is_for_programs(request):
        return problems.of_status(status)
    if wants_json(request):
        problem = {"type": "about:blank", "title": PROBLEM_TITLES[status], "status": status}
        return HttpResponse(json.dumps(problem), status=status, content_type="application/problem+json")
    seen = getattr(request, "seeing_as", None)
    page = render_to_string(template or f"errors/{status}.html", {"site_name": "CleverAI", "seeing_as": seen})
    return HttpResponse(page, status=status)
