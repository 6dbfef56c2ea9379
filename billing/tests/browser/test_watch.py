"""The watch itself: it must see what it is there to see."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_watch_sees_scripts_that_the_policy_forbids(page: Page, live_server: Any, complaints: list[str]) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: teal\">Hello</p>')")

    assert len(complaints) == 1
    assert "Content Security Policy" in complaints[0]
    complaints.clear()


def test_the_watch_sees_calls_to_other_sites(page: Page, complaints: list[str]) -> None:
    page.route("**/*", lambda route: route.fulfill(body="Welcome elsewhere"))
    page.goto("http://elsewhere.example/")

    assert complaints == ["another site: http://elsewhere.example/"]
    complaints.clear()


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_kept_mails_can_be_read(
    page: Page, live_server: Any, assert_accessible: Callable[[Page], None], width: int, scheme: Any
) -> None:
    message = EmailMultiAlternatives(
        "Your 100 credits are here", "Hello Alice", "billing@cleverai.example", ["a@b.example"]
    )
    link = f'<a href="{live_server.url}/accounts/login/">Log in to CleverAI</a>'
    message.attach_alternative(f'<p style="color: teal">Hello <b>Alice</b></p>{link}', "text/html")
    message.connection = get_connection("django_mail_viewer.backends.database.backend.EmailBackend")
    message.send()
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)

    page.goto(f"{live_server.url}/sandbox/mail/")
    assert_accessible(page)
    page.get_by_role("link", name="Your 100 credits are here").click()
    page.frame_locator("iframe").get_by_text("Hello Alice").wait_for()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.frame_locator("iframe").get_by_role("link", name="Log in to CleverAI").click()
    page.wait_for_url("**/accounts/login/")
