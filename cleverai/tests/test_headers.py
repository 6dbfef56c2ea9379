"""What every answer carries, whatever it is: page, fragment, file, error, nothing."""

import re

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser
from cleverai.tests.routes import ROWS, patterns

PLAIN = [pattern for pattern in ROWS if "(" not in pattern and "<" not in pattern]
STAFF_PLAIN = [pattern for pattern in patterns() if pattern.startswith("admin/") and not re.search(r"[<(^]", pattern)]
INLINE = re.compile(r"""\sstyle=|<style|\son[a-z]+=["']|<script(?![^>]*(?:\ssrc=|type="application/(?:ld\+)?json"))""")
OTHERS = {
    "a file": "/static/css/cleverai.css",
    "a picture": "/static/img/favicon.svg",
    "no such file": "/static/nothing.css",
    "no such page": "/nothing/here/",
    "no such entry": "/settings/billing/history/999/",
    "a missing slash": "/settings/billing",
}


def is_safe(answer: object) -> bool:
    policy = answer["Content-Security-Policy"]  # type: ignore[index]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"  # type: ignore[index]
    assert answer["Referrer-Policy"] == "same-origin"  # type: ignore[index]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"  # type: ignore[index]
    assert "Access-Control-Allow-Origin" not in answer  # type: ignore[operator]
    return True


def text_of(answer: object) -> str:
    is_page = not answer.streaming and answer["Content-Type"].startswith("text/html")  # type: ignore[attr-defined,index]
    return answer.content.decode() if is_page else ""  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", OTHERS.values(), ids=OTHERS)
def test_files_and_errors_are_as_strict_as_pages(client: Client, browser_of_alice: Client, address: str) -> None:
    for browser in (client, browser_of_alice):
        answer = browser.get(address)
        assert is_safe(answer)
        assert not INLINE.search(text_of(answer))
        if answer.streaming:
            assert answer.getvalue()


def test_every_page_of_a_visitor_and_of_alice(client: Client, alice: User) -> None:
    for pattern in PLAIN:
        for signed_in in (False, True):
            browser = Client()
            if signed_in:
                browser.force_login(alice)
            answer = browser.get(f"/{pattern}")
            assert is_safe(answer), pattern
            assert not INLINE.search(text_of(answer)), pattern
            knows_sessions = signed_in and not pattern.startswith(("api/", "stripe/"))
            varies_by = {name.strip() for name in answer.get("Vary", "").split(",")}
            assert {"Cookie", "HX-Request"} <= varies_by or not knows_sessions
            if signed_in or "session" in answer.cookies:
                assert answer["Cache-Control"] == "no-store", pattern


def test_every_list_and_form_of_staff(db: None) -> None:
    client = staff_browser(User.objects.create_superuser("stella@example.com", "a long passphrase"))
    for pattern in STAFF_PLAIN:
        answer = client.get(f"/{pattern}")
        assert is_safe(answer), pattern
        assert answer["Cache-Control"] == "no-store", pattern
        assert not INLINE.search(text_of(answer)), (pattern, INLINE.search(text_of(answer)))


def test_an_unchanged_balance_is_as_strict_as_a_page(browser_of_alice: Client, alice: User) -> None:
    page = browser_of_alice.get("/").content.decode()
    shown = re.search(r'"shown": "([^"]+)"', page)
    assert shown
    answer = browser_of_alice.get(f"/settings/billing/balance/?shown={shown[1]}", headers={"hx-request": "true"})
    assert answer.status_code == 204
    assert is_safe(answer)
    assert answer["Cache-Control"] == "no-store"


def test_a_login_sets_cookies_that_no_script_and_no_other_site_gets(alice: User) -> None:
    browser = Client()
    browser.get("/accounts/login/")
    browser.post("/accounts/login/", {"login": "alice@example.com", "password": "a long passphrase"})
    assert {"session", "csrf"} <= set(browser.cookies)
    for cookie in browser.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_a_page_to_read_takes_nothing(browser_of_alice: Client, method: str) -> None:
    for address in ("/", "/settings/billing/", "/settings/billing/history/", "/settings/billing/balance/", "/livez"):
        answer = getattr(browser_of_alice, method)(address)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD"), address


def test_a_name_that_is_not_ours_is_refused(client: Client) -> None:
    for name in ("evil.example", "testserver@evil.example", "a b"):
        answer = client.get("/", headers={"host": name})
        assert answer.status_code == 400
        assert "Content-Security-Policy" in answer
