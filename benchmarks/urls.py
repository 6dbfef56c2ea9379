"""Every address of the product, an empty page behind the same login, and one that only looks an API key up."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone

from billing.selectors import api_keys


def empty(request: HttpRequest) -> HttpResponse:
    """Answer what an unchanged balance answers, having done nothing."""
    return HttpResponse(status=204)


def key_alone(request: HttpRequest) -> HttpResponse:
    """Answer whoever has a key, having done nothing else."""
    api_keys.authenticated(request.headers["Authorization"].removeprefix("Bearer "), now=timezone.now())
    return HttpResponse(status=204)


urlpatterns = [
    path("api/benchmarks/key/", key_alone),
    path("empty/", empty, name="empty"),
    path("", include("cleverai.urls")),
]
