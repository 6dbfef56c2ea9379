"""What every page promises a browser: a strict policy, nothing inline, nothing kept."""

import re

import pytest

from sandbox.tests.stripe_pages.shop import ASKS, CARD, PAYS, SITE, Shop


def every_page(shop: Shop) -> dict[str, str]:
    """Return a path for every page there is."""
    subscription = shop.subscribe()
    portal = shop.portal()
    [charge] = shop.paid_charges()
    [invoice] = shop.api.invoices.list().data
    done = shop.checkout()
    shop.pay(done)
    return {
        "checkout": f"/c/pay/{shop.checkout()}",
        "checkout done": f"/c/pay/{done}",
        "checkout unknown": "/c/pay/cs_test_none",
        "portal": portal,
        "cancel": f"{portal}/subscriptions/{subscription}/cancel",
        "card": f"{portal}/card",
        "invoice": f"/i/{invoice.id}",
        "receipt": f"/receipts/{charge.id}",
        "controls": "/sandbox/",
    }


def test_every_page_has_the_strict_policy_and_nothing_inline(shop: Shop) -> None:
    pages = every_page(shop)
    assert len(pages) == 9
    for name, path in pages.items():
        page = shop.browser.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'"), name
        assert "unsafe" not in policy, name
        assert "frame-ancestors 'none'" in policy, name
        assert page.headers["Cache-Control"] == "no-store", name
        assert page.headers["X-Content-Type-Options"] == "nosniff", name
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=\"/sandbox/static/)", page.text), name
        assert "Sandbox:</strong> no real money moves" in page.text, name


def test_the_form_may_end_only_at_the_merchants_site(shop: Shop) -> None:
    session_id = shop.checkout()
    asked = shop.browser.post(f"/c/pay/{session_id}", data={"number": ASKS, **CARD})
    for page in (shop.browser.get(f"/c/pay/{session_id}"), asked):
        assert page.headers["Content-Security-Policy"].endswith(f"; form-action 'self' {SITE}")
    assert shop.browser.get("/sandbox/").headers["Content-Security-Policy"].endswith("; form-action 'self'")


@pytest.mark.parametrize("name", ["base.css", "pages.css", "control.css", "cards.js", "icon.svg"])
def test_what_pages_load_is_there(shop: Shop, name: str) -> None:
    with shop.browser.get(f"/sandbox/static/{name}") as answer:
        assert answer.status_code == 200


def test_a_card_number_is_kept_nowhere_but_in_the_form(shop: Shop) -> None:
    session_id = shop.checkout()
    answer = shop.pay(session_id)
    assert PAYS.replace(" ", "") not in answer.location
    assert "Set-Cookie" not in answer.headers
