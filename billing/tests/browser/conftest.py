"""A real Chromium, watched: a test fails when a page logs an error, breaks its own CSP or calls another site."""

import os
from collections.abc import Callable, Iterator
from threading import Condition
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.signals import request_finished, request_started
from django.db import connections
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError
from pytest_playwright import CreateContextCallback

from sandbox import chromium

#: How long the server may take to finish its answers when a test is over, in seconds.
PATIENCE_SECONDS = 20
#: Without axe's own copies of stylesheets: for one that imports another, it would write a forbidden <style>.
AXE = {
    "preload": False,
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the Chromium of the system, named by the variable CHROMIUM; none is ever downloaded."""
    path = os.environ.get("CHROMIUM")
    if not path:
        pytest.fail(
            "CHROMIUM names no browser; `make test` sets it, or: CHROMIUM=$(python -m sandbox chromium) pytest …"
        )
    return {**browser_type_launch_args, "executable_path": path, "args": chromium.FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Let nothing move: colours that are still on their way would be measured as they never stay."""
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture(scope="session", autouse=True)
def _database_beside_the_browser() -> Iterator[None]:
    """Let tests and pages share the database.

    Playwright keeps an event loop in the thread of the test, where Django would refuse to touch it. The browser keeps
    its connections to the server open, and with them threads whose sessions would stop the database from being dropped.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        patch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
        yield


@pytest.fixture
def answered(transactional_db: None) -> Iterator[None]:
    """Let the server finish what it answers before the database is emptied: a download reads it until its last line."""
    changed, under_way = Condition(), 0

    def count(change: int) -> None:
        nonlocal under_way
        with changed:
            under_way += change
            changed.notify_all()

    def started(**_: object) -> None:
        count(+1)

    def finished(**_: object) -> None:
        count(-1)

    request_started.connect(started)
    request_finished.connect(finished)
    yield
    with changed:
        is_quiet = changed.wait_for(lambda: under_way <= 0, PATIENCE_SECONDS)
    request_started.disconnect(started)
    request_finished.disconnect(finished)
    assert is_quiet, f"{under_way} requests were still being answered {PATIENCE_SECONDS} seconds after the browser left"


@pytest.fixture
def new_context(answered: None, new_context: CreateContextCallback) -> CreateContextCallback:
    """Open windows after the database was made ready, and so close them before it is emptied."""
    return new_context


@pytest.fixture
def sites(live_server: Any) -> set[str]:
    """The only sites that the browser may call; whoever starts another one adds it."""
    return {live_server.url}


def watch(context: BrowserContext, sites: set[str]) -> list[str]:
    """Return the list that the browser's complaints are written down in, and its calls to other sites, from now on."""
    found: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(f"console: {message.text}")

    def on_error(error: WebError) -> None:
        found.append(f"script: {error.error}")

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if f"{address.scheme}://{address.netloc}" not in sites and request.url != "about:blank":
            found.append(f"another site: {request.url}")

    context.on("console", on_console)
    context.on("weberror", on_error)
    context.on("request", on_request)
    return found


@pytest.fixture(autouse=True)
def complaints(context: BrowserContext, sites: set[str]) -> Iterator[list[str]]:
    """Collect what the browser complains about; a test that expects a complaint takes it off the list."""
    found = watch(context, sites)
    yield found
    assert found == []


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """Return a check that the page shown has no violation of WCAG 2.2 AA."""

    def check(page: Page) -> None:
        results = Axe().run(page, options=AXE)
        assert results.violations_count == 0, results.generate_report()

    return check
