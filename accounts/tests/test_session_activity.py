"""When a session was last used is noted, but not with every request."""

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client


def test_a_session_is_noted_once_a_minute(browser_of_alice: Client) -> None:
    browser_of_alice.get("/settings/profile/")
    before = UserSession.objects.get()
    browser_of_alice.get("/settings/profile/")
    assert UserSession.objects.get().last_seen_at == before.last_seen_at

    cache.delete(f"session-activity:{before.session_key}")
    browser_of_alice.get("/settings/profile/")
    assert UserSession.objects.get().last_seen_at > before.last_seen_at
