"""One look at each page in a real browser, and a customer who buys there."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from billing.tests.browser.conftest import AXE, browser_type_launch_args
from sandbox.tests.stripe_pages.shop import FAILS_LATER, Shop
from sandbox.tests.stripe_pages.test_safety import every_page

__all__ = ["browser_type_launch_args"]

pytestmark = pytest.mark.browser
LOOKS = [(320, "dark"), (1280, "light")]


class Site:
    """The sandbox, and a page of the merchant's to come back to."""

    app: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/merchant/":
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"<!doctype html><title>Back</title><link rel=icon href=data:,>"]
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer


@pytest.fixture
def open_shop() -> Iterator[Shop]:
    """Serve the sandbox on a port of its own."""
    site = Site()
    server = make_server("127.0.0.1", 0, site, threaded=True)
    shop = Shop.open(f"http://127.0.0.1:{server.port}")
    site.app = shop.browser.application
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()


def browse(browser: Browser, shop: Shop, width: int, scheme: Any, complaints: list[str]) -> Page:
    """Open a page that writes down what the browser complains about, and any call to another site."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",  # else colours may still be on their way when they are measured
    )
    site = urlsplit(shop.engine.base_url).netloc
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if urlsplit(request.url).netloc == site else complaints.append(request.url))
    return page


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(open_shop: Shop, browser: Browser, width: int, scheme: str) -> None:
    complaints: list[str] = []
    paths = every_page(open_shop)
    del paths["checkout unknown"]  # a page that isn't found is an error in any browser's console
    page = browse(browser, open_shop, width, scheme, complaints)
    for name, path in paths.items():
        page.goto(f"{open_shop.engine.base_url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        results = Axe().run(page, options=AXE)
        assert results.violations_count == 0, f"{name}: {results.generate_report()}"
    assert complaints == []


def test_a_customer_is_declined_pays_with_another_card_and_comes_back(open_shop: Shop, browser: Browser) -> None:
    shop, complaints = open_shop, []
    back = f"http://localhost:{urlsplit(shop.engine.base_url).port}/merchant/"
    session_id = shop.checkout(success_url=f"{back}?session={{CHECKOUT_SESSION_ID}}")
    page = browse(browser, shop, 1280, "light", complaints)
    page.goto(f"{shop.engine.base_url}/c/pay/{session_id}")
    page.get_by_role("link", name="4000 0000 0000 0002").click()
    expect(page.get_by_label("Card number")).to_have_value("4000 0000 0000 0002")
    page.get_by_role("button", name="Pay $10.00").click()
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
    expect(page.get_by_label("Card number")).to_be_focused()
    page.get_by_label("Card number").fill("")
    page.get_by_label("Card number").press_sequentially("4242424242424242")
    expect(page.get_by_label("Card number")).to_have_value("4242 4242 4242 4242")
    page.get_by_role("button", name="Pay $10.00").click()
    page.wait_for_url(f"{back}?session={session_id}")
    assert len(shop.paid_charges()) == 1
    assert {urlsplit(complaint).hostname for complaint in complaints} == {"localhost"}  # the merchant's own page


def test_three_d_secure_leads_back_too(open_shop: Shop, browser: Browser) -> None:
    shop, complaints = open_shop, []
    back = f"http://localhost:{urlsplit(shop.engine.base_url).port}/merchant/"
    page = browse(browser, shop, 320, "dark", complaints)
    page.goto(f"{shop.engine.base_url}/c/pay/{shop.checkout('subscription', success_url=back)}")
    page.get_by_role("link", name="4000 0025 0000 3155").click()
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("button", name="Complete").click()
    page.wait_for_url(back)
    assert len(shop.api.subscriptions.list().data) == 1


def test_controls_renew_a_plan_that_fails_and_the_portal_cancels_it(open_shop: Shop, browser: Browser) -> None:
    shop, complaints = open_shop, []
    subscription = shop.subscribe(FAILS_LATER)
    page = browse(browser, shop, 1280, "dark", complaints)
    page.goto(f"{shop.engine.base_url}/sandbox/")
    page.get_by_role("button", name="To the next renewal").click()
    expect(page.get_by_role("status")).to_contain_text("invoice.payment_failed")
    page.goto(f"{shop.engine.base_url}{shop.portal()}")
    page.get_by_role("link", name="Cancel plan").click()
    page.get_by_role("button", name="Cancel plan").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan has been canceled.")
    assert shop.api.subscriptions.retrieve(subscription).cancel_at_period_end is True
    assert complaints == []
