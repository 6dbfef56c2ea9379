"""A deployment stops at what would be unsafe in public."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Error, run_checks

GOOD_KEY = "ux9Qe2_Tn4vBzK7sWd0RfHy5LmPa8JcGi3ObVt6EkZ1NqXhSwU-2YrMl"
IN_MEMORY = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
NO_CACHE = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
SAFE: dict[str, Any] = {
    "DEBUG": False,
    "SECRET_KEY": GOOD_KEY,
    "SECRET_KEY_FALLBACKS": [],
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}


@pytest.fixture
def production(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings as a safe production machine has them."""
    for name, value in SAFE.items():
        setattr(settings, name, value)
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "sandbox"]
    settings.EXPORTS_DIR = str(tmp_path)
    monkeypatch.setenv("TRUSTED_PROXY_COUNT", "1")
    return settings


def errors() -> set[str]:
    """Return the ids of our own errors that a deployment would stop at."""
    found = run_checks(tags=["security"], include_deployment_checks=True)
    return {error.id for error in found if isinstance(error, Error) and str(error.id).startswith("billing.")}


def test_a_safe_machine_passes(production: Any) -> None:
    assert errors() == set()


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("DEBUG", True, "billing.E001"),
        ("INSTALLED_APPS", ["sandbox"], "billing.E002"),
        ("SECRET_KEY", "short", "billing.E003"),
        ("SECRET_KEY", "ab" * 40, "billing.E003"),
        ("SECRET_KEY", "django-insecure-" + GOOD_KEY, "billing.E003"),
        ("SECRET_KEY", "change-me-" + GOOD_KEY, "billing.E003"),
        ("SECRET_KEY_FALLBACKS", [GOOD_KEY, "old"], "billing.E003"),
        ("CACHES", IN_MEMORY, "billing.E004"),
        ("CACHES", NO_CACHE, "billing.E004"),
        ("EXPORTS_DIR", "/nowhere/at/all", "billing.E007"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "billing.E006"),
    ],
)
def test_an_unsafe_setting_stops_a_deployment(production: Any, name: str, value: Any, error: str) -> None:
    if name == "INSTALLED_APPS":
        production.INSTALLED_APPS = [*production.INSTALLED_APPS, *value]
    else:
        setattr(production, name, value)
    assert errors() == {error}


@pytest.mark.parametrize("value", [None, "", " "])
def test_nobody_forgets_to_count_the_proxies(
    production: Any, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("TRUSTED_PROXY_COUNT")
    else:
        monkeypatch.setenv("TRUSTED_PROXY_COUNT", value)
    assert errors() == {"billing.E005"}


def test_no_proxy_is_a_count_too(production: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXY_COUNT", "0")
    assert errors() == set()
