"""A site whose errors are reported: everything that it is asked fails, with canaries in all that a request can have."""

import logging
import os

import django
import sentry_sdk
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

logger = logging.getLogger("cleverai.tests")


def fail(request: HttpRequest, token: str) -> HttpResponse:
    canary_variable = f"canary {token}"
    logger.error("Mail for canary.alice@example.com is lost: %s", "https://canary@example.com/canary")
    raise ValueError(f"sk_live_canary has no row for canary.alice@example.com{canary_variable[:0]}")


urlpatterns = [path("fail/<str:token>/", fail)]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleverai.settings")
    django.setup()
    settings.ROOT_URLCONF = "cleverai.tests.operations.failing_site"
    settings.MIDDLEWARE = ["cleverai.middleware.TracingMiddleware"]
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.TRUSTED_PROXY_COUNT = 1
    headers = {
        "X-Request-ID": "from-the-proxy-1",
        "Authorization": "Bearer canarycanarycanarycanary",
        "Cookie": "session=canary",
        "User-Agent": "canary",
        "X-Forwarded-For": "198.51.100.7",
    }
    Client(raise_request_exception=False).post(
        "/fail/canary-token/?email=canary", {"password": "canary passphrase"}, headers=headers
    )
    logger.error("Nobody %s", "is here", extra={"data": {"args": ["canary"]}})
    sentry_sdk.flush(timeout=10)


if __name__ == "__main__":
    main()
