"""What production's own settings make of cookies, and of names that visitors give our machine."""

import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client, override_settings

from accounts.models import User
from cleverai.tests.test_settings import RIGHT

ABOUT_COOKIES = ("SESSION_COOKIE_", "CSRF_COOKIE_", "SECURE_", "ALLOWED_HOSTS", "USE_X_FORWARDED")


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what a public machine's settings say of cookies, HTTPS and names."""
    copy = tmp_path / "cleverai" / "settings.py"
    copy.parent.mkdir()
    shutil.copy(settings.BASE_DIR / "cleverai" / "settings.py", copy)
    with monkeypatch.context() as patch:
        patch.delenv("ENVIRONMENT", raising=False)
        patch.delenv("DEBUG", raising=False)
        for name, value in RIGHT.items():
            patch.setenv(name, value)
        found = runpy.run_path(str(copy))
    return {name: value for name, value in found.items() if name.startswith(ABOUT_COOKIES)}


def test_cookies_are_for_our_host_alone_and_for_no_script(alice: User, production: dict[str, Any]) -> None:
    host = {"host": "credits.example.com", "x-forwarded-proto": "https"}
    with override_settings(**production):
        browser = Client(headers=host)
        browser.get("/accounts/login/")
        form = {"login": alice.email, "password": "a long passphrase"}
        assert browser.post("/accounts/login/", form).status_code == 302
        assert set(browser.cookies) >= {"__Host-session", "__Host-csrf"}
        for cookie in browser.cookies.values():
            if cookie.value:
                flags = [cookie[flag] for flag in ("secure", "httponly", "samesite", "path", "domain")]
                assert flags == [True, True, "Lax", "/", ""], cookie.key
                assert len(cookie.OutputString()) < 4_096


def test_a_name_that_a_visitor_gives_our_machine_never_gets_into_a_mail(
    alice: User, production: dict[str, Any]
) -> None:
    with override_settings(**production):
        for headers in (
            {"host": "evil.example", "x-forwarded-proto": "https"},
            {"host": "credits.example.com:80@evil.example", "x-forwarded-proto": "https"},
            {"host": "credits.example.com.evil.example", "x-forwarded-proto": "https"},
        ):
            answer = Client(headers=headers).post("/accounts/password/reset/", {"email": alice.email})
            assert answer.status_code == 400
        assert not mail.outbox
        forged = {"host": "credits.example.com", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}
        Client(headers=forged).post("/accounts/password/reset/", {"email": alice.email})
    assert "https://credits.example.com/accounts/password/reset/key/" in mail.outbox[-1].body
    assert "evil" not in mail.outbox[-1].body


def test_without_https_nobody_is_logged_in(alice: User, production: dict[str, Any]) -> None:
    with override_settings(**production):
        form = {"login": alice.email, "password": "a long passphrase"}
        answer = Client(headers={"host": "credits.example.com"}).post("/accounts/login/", form)
        assert (answer.status_code, answer["Location"]) == (301, "https://credits.example.com/accounts/login/")
        assert "__Host-session" not in answer.cookies
