"""What every answer of every address carries, whatever it is asked and whoever asks.

The routes are read from the URL patterns, as in `test_access.py`: a new one is asked the same.
"""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings

from accounts.models import User
from cleverai.tests.routes import EVERYBODY, ROWS, STAFF
from cleverai.tests.test_access import STAFF_PATTERNS, address_of, browser_of, browsers_of, staff_address_of
from cleverai.tests.test_headers import is_safe

METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]
#: Refused everywhere but where a library's own pages answer.
NEEDED_BY_NOBODY = {"put", "patch", "delete", "trace"}
#: Asked by machines: they aren't led on to HTTPS, and have nothing of anybody's.
MACHINES = {"livez", "readyz", "metrics"}


def every_address(alice: User) -> Iterator[tuple[str, str]]:
    """Yield each route's pattern with an address that it matches."""
    for pattern, row in ROWS.items():
        yield pattern, address_of(row, alice)
    for pattern in STAFF_PATTERNS:
        yield pattern, staff_address_of(pattern, alice)


def check(answer: HttpResponse, address: str) -> None:
    assert is_safe(answer), address
    # an answer to a name that isn't ours is made before anything else; its policy keeps it out of frames, too
    assert answer.get("X-Frame-Options") == "DENY" or answer.streaming or answer.status_code == 400, address
    assert "Server" not in answer, address
    assert "X-Powered-By" not in answer, address
    if answer.has_header("Content-Type") and answer["Content-Type"].startswith("text/"):
        assert "charset=utf-8" in answer["Content-Type"], address
    if answer.streaming:
        answer.getvalue()


def test_whatever_a_visitor_sends_is_answered_strictly(alice: User) -> None:
    for _, address in every_address(alice):
        for method in METHODS:
            check(getattr(Client(), method)(address), f"{method} {address}")


@pytest.mark.parametrize("method", METHODS)
def test_whatever_somebody_sends_is_answered_strictly_and_kept_by_no_cache(alice: User, bob: User, method: str) -> None:
    browsers = browsers_of(bob)
    for pattern, address in every_address(alice):
        answer = getattr(next(browsers), method)(address)
        check(answer, f"{method} {address}")
        assert answer["Cache-Control"] == "no-store" or pattern in MACHINES, f"{method} {address}"
        if method in NEEDED_BY_NOBODY and not pattern.startswith((STAFF, "accounts/")):
            assert answer.status_code in {302, 404, 405}, f"{method} {address}: {answer.status_code}"


def test_no_answer_lets_itself_be_read_from_elsewhere(alice: User) -> None:
    foreign = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for _, address in every_address(alice):
        for method in ("get", "post", "options"):
            answer = getattr(Client(headers=foreign), method)(address)
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")], address


FAULTS = {
    400: ("get", "/", {"headers": {"host": "evil.example"}}),
    404: ("get", "/nothing/here/", {}),
    405: ("post", "/settings/billing/", {}),
    413: ("post", "/accounts/login/", {"data": {"login": "x" * 3_000_000}}),
}


@pytest.mark.parametrize("status", FAULTS)
def test_what_goes_wrong_is_answered_strictly_too(bob: User, status: int) -> None:
    method, address, more = FAULTS[status]
    for browser in (Client(), browser_of(bob)):
        answer = getattr(browser, method)(address, **more)
        if status != 405 or browser.session.session_key:
            assert answer.status_code == status or (status, answer.status_code) == (405, 302)
        check(answer, address)


def test_a_form_from_elsewhere_is_answered_strictly_too(bob: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob)
    answer = browser.post("/settings/profile/", {"name": "x"})
    assert answer.status_code == 403
    check(answer, "403")


def test_a_fault_of_ours_tells_nothing_of_our_inside(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inside of the product")

    monkeypatch.setattr("billing.views.overview.render", fail)
    browser = Client(raise_request_exception=False)
    browser.force_login(bob)
    answer = browser.get("/settings/billing/")
    assert answer.status_code == 500
    check(answer, "500")
    for inside in ("the inside", "ZeroDivisionError", "Traceback", "billing/views", "Django"):
        assert inside not in answer.content.decode()


@pytest.mark.parametrize("fact", ["Django", "Python", "gunicorn", "WSGI", "psycopg"])
def test_no_answer_tells_what_it_is_built_with(db: None, fact: str) -> None:
    for address in ("/", "/nothing/here/", "/livez", "/readyz", "/accounts/login/", "/admin/"):
        answer = Client().get(address)
        assert fact not in answer.content.decode()
        assert fact.lower() not in str(answer.headers).lower()


def test_a_public_address_insists_on_https_everywhere(alice: User) -> None:
    with override_settings(
        SECURE_HSTS_SECONDS=31_536_000,
        SECURE_HSTS_INCLUDE_SUBDOMAINS=True,
        SECURE_HSTS_PRELOAD=True,
        SECURE_SSL_REDIRECT=True,
    ):
        for pattern, address in every_address(alice):
            answer = Client().get(address, secure=True)
            expected = "max-age=31536000; includeSubDomains; preload"
            assert answer["Strict-Transport-Security"] == expected, address
            plain = Client().get(address)
            if pattern in MACHINES:
                continue
            assert plain.status_code == 301, address
            assert plain["Location"].startswith("https://"), address


def test_the_rows_know_who_sees_what(alice: User) -> None:
    """Every address that isn't open leads a visitor away before it says anything."""
    for row in ROWS.values():
        answer = Client().get(address_of(row, alice))
        if row.seen_by != EVERYBODY:
            assert answer.status_code == 302, row.address
            assert not answer.content, row.address
