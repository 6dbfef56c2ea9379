"""Pages about the API, open to everybody: how to use it, its reference, and what each of its problems means."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from billing.api import api
from billing.api.examples import examples
from billing.api.problems import KINDS
from billing.api.reference import Reference


@require_safe
@cache_control(no_cache=True)
@login_not_required
def reference_page(request: HttpRequest) -> HttpResponse:
    """Show how to begin, recipes, and everything that the OpenAPI document says."""
    context = {
        "reference": Reference(api.get_openapi_schema()),
        "examples": examples(),
        "problems": sorted(KINDS.values(), key=lambda kind: (kind.status, kind.name)),
    }
    return render(request, "billing/api/reference.html", context)


@require_safe
@cache_control(no_cache=True)
@login_not_required
def problem_page(request: HttpRequest, name: str) -> HttpResponse:
    """Explain one kind of problem: the address that its documents carry as their type leads here."""
    if name not in KINDS:
        raise Http404
    return render(request, "billing/api/problem.html", {"kind": KINDS[name]})
