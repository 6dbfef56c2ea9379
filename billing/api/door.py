"""Where programs' requests come in and answers leave, the API's and Stripe's, past everything that only pages need."""

import json
from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.views.decorators.http import require_safe

from billing.api import api, problems
from billing.api.problems import METHOD_NOT_ALLOWED, NOT_FOUND, Refused

#: The API, and the endpoint of Stripe's webhooks.
PROGRAMS = ("/api/", "/stripe/")
PAGES = problems.PAGES


def is_for_programs(request: HttpRequest) -> bool:
    """Return whether a request is a program's: to the API, but for the pages that explain it, or Stripe's to us."""
    return request.path_info.startswith(PROGRAMS) and not request.path_info.startswith(PAGES)


def answer(request: HttpRequest) -> HttpResponseBase:
    """Return the answer to a program; raises what the whole site answers: a wrong host, an outage, a fault of ours."""
    request.get_host()
    try:
        match = request.resolver_match = resolve(request.path_info)
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    except Http404:
        response = problems.response(Refused(NOT_FOUND))
    if isinstance(response, HttpResponseNotAllowed):
        response = problems.response(Refused(METHOD_NOT_ALLOWED, headers={"Allow": response["Allow"]}))
    response["Cache-Control"] = "no-store"
    response["X-Frame-Options"] = "DENY"
    if isinstance(response, HttpResponse):
        response["Content-Length"] = str(len(response.content))
    return response


@require_safe
@login_not_required
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer with the OpenAPI document, which is public."""
    return HttpResponse(_document(settings.SITE_URL), content_type="application/json")


@cache
def _document(site_url: str) -> str:
    """Return the OpenAPI document of this version at an address; making it takes as long as ten requests."""
    return json.dumps(api.get_openapi_schema())
