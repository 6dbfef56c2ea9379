"""Alice's name and time zone."""

from datetime import UTC, datetime

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.middleware import TimeZoneMiddleware
from accounts.models import User
from accounts.templatetags.people import browser
from accounts.time_zones import known_time_zones, time_zone_choices

pytestmark = pytest.mark.django_db


def test_alice_changes_her_name_and_zone(browser_of_alice: Client, alice: User) -> None:
    answer = browser_of_alice.post(
        "/settings/profile/", {"name": "Alice Liddell", "time_zone": "America/New_York"}, follow=True
    )
    alice.refresh_from_db()
    assert (alice.name, alice.time_zone) == ("Alice Liddell", "America/New_York")
    assert "Your profile is saved." in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [("time_zone", "Mars/Olympus"), ("time_zone", ""), ("name", "x" * 121), ("name", "Al\x00ice")],
)
def test_nonsense_is_refused_and_changes_nothing(browser_of_alice: Client, alice: User, field: str, value: str) -> None:
    answer = browser_of_alice.post("/settings/profile/", {"name": "A", "time_zone": "UTC", field: value})
    assert answer.context["form"].errors[field]
    alice.refresh_from_db()
    assert (alice.name, alice.time_zone) == ("Alice", "Europe/Berlin")


def test_nobody_else_sees_it(client: Client) -> None:
    assert client.get("/settings/profile/")["Location"] == "/accounts/login/?next=/settings/profile/"


@pytest.mark.parametrize(("stored", "hour"), [("Europe/Berlin", 14), ("UTC", 12), ("Gone/Place", 12)])
def test_pages_show_times_in_her_zone(alice: User, stored: str, hour: int) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(timezone.localtime(datetime(2025, 7, 1, 12, tzinfo=UTC)).hour)

    request = RequestFactory().get("/")
    request.user = alice
    alice.time_zone = stored
    assert TimeZoneMiddleware(view)(request).content == str(hour).encode()
    assert timezone.get_current_timezone_name() == "UTC", "the next request starts afresh"


def test_every_zone_that_is_offered_is_known_and_offered_once() -> None:
    offered = [name for _, places in time_zone_choices() for name, _ in places]
    assert set(offered) <= known_time_zones()
    assert len(offered) == len(set(offered))
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"} <= set(offered)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("curl/8.5.0", "Unknown browser"),
    ],
)
def test_sessions_name_the_browser_in_words(user_agent: str, words: str) -> None:
    assert browser(user_agent) == words
