"""Nobody is led off the site: not through `next`, not through where a form says it was."""

from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts.models import User
from billing.models import Notice

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "////evil.example/",
    "http:evil.example",
    "http:///evil.example",
    "https:evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "ftp://testserver/",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "http://testserver:80@evil.example",
    "http://evil.example#testserver",
    "http://evil.example?testserver",
    "http://[::1]/",
    "http://[evil",
    "//evil。example",
    "https://evil.example\\@testserver",
    "//testserver:evil@evil.example",
    "x" * 10_000 + "://evil.example",
]


def leads_away(address: str) -> bool:
    """Return whether a browser would leave the site, or run something, at this address."""
    address = address.replace("\t", "").replace("\\", "/").lstrip(" \x00")
    parts = urlsplit(address)
    return address.startswith("//") or bool(parts.scheme and parts.netloc != "testserver")


@pytest.mark.parametrize("target", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_no_login_and_no_logout_leads_elsewhere(alice: User, browser_of_alice: Client, target: str) -> None:
    form = {"login": "alice@example.com", "password": "a long passphrase", "next": target}
    visitor = Client()
    answers = [
        visitor.post("/accounts/login/", form),
        browser_of_alice.get("/accounts/login/", {"next": target}),
        browser_of_alice.get("/accounts/signup/", {"next": target}),
        browser_of_alice.post("/accounts/reauthenticate/", form),
        browser_of_alice.post("/accounts/logout/", {"next": target}),
        Client().get("/admin/login/", {"next": target}),
    ]
    for answer in answers:
        assert answer.status_code == 302
        assert not leads_away(answer["Location"]), answer["Location"]
    assert visitor.get("/settings/profile/").status_code == 200


@pytest.mark.parametrize("target", ["/settings/billing/usage/?cycle=1", "/settings/profile/"])
def test_a_login_leads_to_where_somebody_wanted_to_go(alice: User, target: str) -> None:
    form = {"login": "alice@example.com", "password": "a long passphrase", "next": target}
    assert Client().post("/accounts/login/", form)["Location"] == target


@pytest.mark.parametrize("referer", [*ELSEWHERE[:3], "http://testserver.evil.example/", "javascript:alert(1)", "\x00"])
def test_a_dismissed_warning_leads_back_to_our_own_pages_only(browser_of_alice: Client, referer: str) -> None:
    address = "/settings/billing/notices/1/dismiss/"
    assert not Notice.objects.exists()
    assert browser_of_alice.post(address, headers={"referer": referer})["Location"] == "/settings/billing/"
    ours = "http://testserver/settings/profile/"
    assert browser_of_alice.post(address, headers={"referer": ours})["Location"] == ours
