"""Every address of the product, and an empty page behind the same login."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def empty(request: HttpRequest) -> HttpResponse:
    """Answer what an unchanged balance answers, having done nothing."""
    return HttpResponse(status=204)


urlpatterns = [
    path("empty/", empty, name="empty"),
    path("", include("cleverai.urls")),
]
