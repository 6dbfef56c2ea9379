"""What machines ask: is this process up, can it serve, and how are things?"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.services import clockwork

logger = logging.getLogger(__name__)


@require_safe
@never_cache
@login_not_required
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process is up, whatever it stands on."""
    return JsonResponse({"status": "up"})


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and cache answer and our clock is right, else 503 with the names of what is missing.

    Periodic tasks that are late make this "degraded", with 200: a web server can do without them, since first touch
    settles, but somebody has to look.
    """
    missing = [name for name, ask in CHECKS.items() if not answers(name, ask)]
    if "database" in missing:
        return JsonResponse({"status": "unavailable", "missing": missing}, status=503)
    error = clockwork.clock_error()
    if not clockwork.is_right(error):
        logger.error("readyz: this machine's clock is %s the database's", clockwork.in_words(error))
        missing.append("right clock")
    if missing:
        return JsonResponse({"status": "unavailable", "missing": missing}, status=503)
    late = clockwork.late()
    return JsonResponse({"status": "degraded", "late": late} if late else {"status": "ready", "missing": []})


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell Prometheus, which brings METRICS_TOKEN, how things are; without that setting there is nothing here."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    # loaded only where it is wanted
    exposition, content_type = map(import_string, ("cleverai.metrics.exposition", "cleverai.metrics.CONTENT_TYPE"))
    return HttpResponse(exposition(), content_type=content_type)


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.get("readyz")


CHECKS: dict[str, Callable[[], None]] = {"database": _ask_database, "cache": _ask_cache}


def answers(name: str, ask: Callable[[], None]) -> bool:
    """Return whether one of CHECKS is answered; log why not."""
    try:
        ask()
    except Exception:
        logger.exception("The %s does not answer", name)
        return False
    return True
