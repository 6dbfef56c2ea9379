"""Times are stored in UTC and shown in the person's own zone."""

from collections.abc import Callable

from allauth.usersessions.middleware import UserSessionsMiddleware
from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.time_zones import zone

SECONDS_BETWEEN_NOTES = 60


class SessionActivityMiddleware(UserSessionsMiddleware):
    """Notes when and where a session was last used, at most once a minute: live pages ask far more often."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_due = self._is_due(request.session.session_key)
        response: HttpResponseBase = super().__call__(request) if is_due else self.get_response(request)
        return response

    def _is_due(self, session_key: str | None) -> bool:
        """Return whether the last note is a minute old; without a cache nobody knows, and nothing is noted."""
        try:
            return bool(session_key) and cache.add(f"session-activity:{session_key}", True, SECONDS_BETWEEN_NOTES)
        except RedisError:
            return False


class TimeZoneMiddleware:
    """Activates the time zone of whoever is signed in, for the length of the request; UTC for everybody else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = request.user.time_zone if request.user.is_authenticated else "UTC"
        with timezone.override(zone(name)):
            return self.get_response(request)
