"""No form that another site sends in somebody's name changes anything: each route is tried without its token."""

import pytest
from django.test import Client

from accounts.models import User
from cleverai.tests.security.test_every_answer import every_address
from cleverai.tests.test_access import what_alice_has

#: Posted by machines, which prove themselves otherwise: Stripe by its signature, a mail program by the link's own.
WITHOUT_TOKEN = {"stripe/webhook/", "settings/billing/unsubscribe/<str:token>/"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_unsafe_is_done_without_a_token(alice: User, method: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    before = what_alice_has()
    for pattern, address in every_address(alice):
        answer = getattr(browser, method)(address)
        if pattern in WITHOUT_TOKEN:
            assert answer.status_code in {400, 404, 405}, address
        elif pattern.startswith("api/v1/"):  # where no session opens anything
            assert answer.status_code in {401, 404, 405}, address
        else:
            assert answer.status_code == 403, f"{method} {address} answers {answer.status_code}"
            assert "This form has expired" in answer.content.decode(), address
    assert what_alice_has() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"referer": "https://evil.example/settings/profile/"},
        {},
    ],
    ids=["another-site", "a-sandboxed-frame", "a-lookalike", "a-foreign-page", "no-page-at-all"],
)
def test_a_stolen_token_of_another_place_does_not_help(alice: User, headers: dict[str, str]) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    browser.get("/settings/profile/", secure=True)
    form = {"name": "Mallory", "time_zone": "UTC", "csrfmiddlewaretoken": browser.cookies["csrf"].value}
    answer = browser.post("/settings/profile/", form, secure=True, headers=headers)
    assert answer.status_code == 403
    alice.refresh_from_db()
    assert alice.name == "Alice"
    own = {"origin": "https://testserver"}
    assert browser.post("/settings/profile/", form, secure=True, headers=own).status_code == 302
