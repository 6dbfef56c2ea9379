"""What a load balancer asks: is this process up, and can it serve?"""

import logging
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

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
    """Answer 200 when database and cache answer, else 503 with the names of those that don't."""
    missing = [name for name, ask in CHECKS.items() if not _answers(name, ask)]
    status = "unavailable" if missing else "ready"
    return JsonResponse({"status": status, "missing": missing}, status=503 if missing else 200)


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.get("readyz")


CHECKS: dict[str, Callable[[], None]] = {"database": _ask_database, "cache": _ask_cache}


def _answers(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception:
        logger.exception("readyz: the %s does not answer", name)
        return False
    return True
