"""A start with wrong variables stops at once and names them; a right one is safe without being asked."""

import os
import re
import runpy
import shutil
from pathlib import Path
from ssl import CERT_REQUIRED
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

RIGHT = {
    "SECRET_KEY": "k3Jx" * 16,
    "DATABASE_URL": "postgresql://cleverai:secret-password@db.example.com/cleverai",
    "REDIS_URL": "redis://:secret-password@cache.example.com:6379/0",
    "SITE_URL": "https://credits.example.com",
    "TRUSTED_PROXY_COUNT": "1",
    "STRIPE_SECRET_KEY": "rk_live_secret-password".replace("-", "_"),
    "STRIPE_WEBHOOK_SECRETS": "whsec_secret-password",
    "SALES_EMAIL": "sales@example.com",
    "EXPORTS_DIR": "/srv/cleverai/exports",
}
AT_HOME = RIGHT | {"ENVIRONMENT": "development", "STRIPE_SECRET_KEY": "sk_test_1234"}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read the settings as a fresh clone does, with these variables and no others."""
    copy = tmp_path / "cleverai" / "settings.py"
    copy.parent.mkdir()
    shutil.copy(settings.BASE_DIR / "cleverai" / "settings.py", copy)

    def run(variables: dict[str, str]) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            return runpy.run_path(str(copy))

    return run


@pytest.mark.parametrize("missing", RIGHT)
def test_a_public_machine_says_what_it_is(start: Any, missing: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"  {missing}: Environment variable not set"):
        start({name: value for name, value in RIGHT.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("EXPORTS_DIR", "exports"),
        ("DATABASE_URL", "sqlite:///books.db"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_POOLING", "session"),
        ("REDIS_URL", "http://cache.example.com"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://cache.example.com:port/0"),
        ("REDIS_URL", "redis://cache.example.com/first"),
        ("SITE_URL", "credits.example.com"),
        ("SITE_URL", "https://credits.example.com/"),
        ("SITE_URL", "https://credits example.com"),
        ("SITE_URL", "https://credits.example.com?x"),
        ("SITE_URL", "https://credits.example.com:99999"),
        ("ALLOWED_HOSTS", "credits.example.com,*"),
        ("STAFF_LIMIT_CREDITS", "-1"),
        ("STAFF_LIMIT_CREDITS", "5,000"),
        ("STAFF_LIMIT_CENTS", "$100"),
        ("TRUSTED_PROXY_COUNT", "many"),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("EMAIL_URL", "nonsense"),
        ("EMAIL_URL", "smtp://mail.example.com:port"),
        ("DEFAULT_FROM_EMAIL", ""),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "pk_live_1234"),
        ("STRIPE_SECRET_KEY", "sk_live_"),
        ("STRIPE_SECRET_KEY", "sk_live_12 34"),
        ("STRIPE_SECRET_KEY", "whsec_1234"),
        ("STRIPE_API_BASE", ""),
        ("STRIPE_API_BASE", "api.stripe.com"),
        ("STRIPE_API_BASE", "https://api.stripe.com/"),
        ("STRIPE_API_BASE", "http://api.stripe.com"),
        ("STRIPE_API_BASE", "https://api.stripe.com.example.com"),
        ("STRIPE_WEBHOOK_SECRETS", ""),
        ("STRIPE_WEBHOOK_SECRETS", "secret"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_1,whsec_2,whsec_3"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_1,"),
        ("SALES_EMAIL", ""),
        ("SALES_EMAIL", "sales"),
        ("SALES_EMAIL", "Sales <sales@example.com>"),
        ("LOG_LEVEL", "LOUD"),
        ("SENTRY_DSN", "errors.example.com"),
        ("SENTRY_DSN", "https://errors.example.com/1"),
        ("SENTRY_DSN", "https://key@errors.example.com/"),
        ("SENTRY_DSN", "https://secret_password@errors.example.com/project"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_TOKEN", "with a space in it, and thus no token at all"),
        ("HSTS_SECONDS", "-1"),
        ("ENVIRONMENT", "staging"),
        ("DEBUG", "perhaps"),
        ("DEBUG", "true"),
    ],
)
def test_a_wrong_value_is_named_and_no_password_with_it(start: Any, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name) as stopped:
        start(RIGHT | {name: value})
    assert "secret-password" not in str(stopped.value)
    assert "secret_password" not in str(stopped.value)


def test_all_wrong_values_are_named_at_once(start: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"(?s)SECRET_KEY.*SITE_URL.*LOG_LEVEL"):
        start(RIGHT | {"SECRET_KEY": "short", "SITE_URL": "x", "LOG_LEVEL": "x"})


def test_a_public_machine_is_safe_without_being_asked(start: Any) -> None:
    found = start(RIGHT)
    assert (found["DEBUG"], found["DEVELOPMENT"], found["ALLOWED_HOSTS"]) == (False, False, ["credits.example.com"])
    assert (found["SESSION_COOKIE_NAME"], found["CSRF_COOKIE_NAME"]) == ("__Host-session", "__Host-csrf")
    for flag in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY"):
        assert found[flag] is True
    assert found["SECURE_SSL_REDIRECT"] is True
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert found["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert not [app for app in found["INSTALLED_APPS"] if "sandbox" in app or "mail_viewer" in app]


@pytest.mark.parametrize(
    ("pooling", "prepares_after", "has_cursors"),
    [("none", 5, True), ("transaction", 5, False), ("transaction-unprepared", None, False)],
)
def test_behind_a_pooler_nothing_outlives_a_transaction(
    start: Any, pooling: str, prepares_after: int | None, has_cursors: bool
) -> None:
    database = start(RIGHT | {"DATABASE_POOLING": pooling})["DATABASES"]["default"]
    assert database["OPTIONS"]["prepare_threshold"] == prepares_after
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is not has_cursors


def test_a_queue_behind_tls_shows_a_certificate(start: Any) -> None:
    found = start(RIGHT | {"REDIS_URL": "rediss://:secret-password@cache.example.com:6379/3"})
    queue = Connection(
        found["CELERY_BROKER_URL"], transport=found["CELERY_BROKER_TRANSPORT"], ssl=found["CELERY_BROKER_USE_SSL"]
    )
    assert queue.ssl == {"ssl_cert_reqs": CERT_REQUIRED}
    assert (queue.hostname, queue.virtual_host) == ("cache.example.com", "3")
    assert start(RIGHT)["CELERY_BROKER_USE_SSL"] is None


def test_without_a_proxy_nobody_s_word_counts_for_https(start: Any) -> None:
    assert start(RIGHT | {"TRUSTED_PROXY_COUNT": "0"})["SECURE_PROXY_SSL_HEADER"] is None


def test_the_readme_and_the_example_name_every_variable(start: Any) -> None:
    known = set(start(RIGHT)["env"]._fields)
    readme = (settings.BASE_DIR / "README.md").read_text()
    example = (settings.BASE_DIR / ".env.example").read_text()
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", readme, re.MULTILINE)) == known
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == known


@pytest.mark.parametrize("live", ["sk_live_1234", "rk_live_1234"])
def test_no_development_machine_moves_real_money(start: Any, live: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"STRIPE_SECRET_KEY.* live key"):
        start(AT_HOME | {"STRIPE_SECRET_KEY": live})


@pytest.mark.parametrize("key", ["sk_live_1234", "rk_live_1234", "sk_test_1234"])
def test_a_public_machine_sells_through_nobody_but_stripe(start: Any, key: str) -> None:
    assert start(RIGHT | {"STRIPE_SECRET_KEY": key})["STRIPE_API_BASE"] == "https://api.stripe.com"
    with pytest.raises(ImproperlyConfigured, match=r"STRIPE_API_BASE must be https://api\.stripe\.com"):
        start(RIGHT | {"STRIPE_SECRET_KEY": key, "STRIPE_API_BASE": "http://127.0.0.1:12111"})


def test_two_signing_secrets_stand_beside_each_other(start: Any) -> None:
    assert start(RIGHT | {"STRIPE_WEBHOOK_SECRETS": "whsec_new,whsec_old"})["STRIPE_WEBHOOK_SECRETS"] == [
        "whsec_new",
        "whsec_old",
    ]


def test_development_sells_through_the_sandbox_and_with_a_test_key_through_stripe(start: Any) -> None:
    bare = {name: value for name, value in AT_HOME.items() if not name.startswith(("STRIPE", "SALES"))}
    found = start(bare)
    assert (found["STRIPE_SECRET_KEY"], found["STRIPE_API_BASE"]) == ("sk_test_sandbox", "http://127.0.0.1:12111")
    assert found["STRIPE_WEBHOOK_SECRETS"] == ["whsec_sandbox_clever_credits"]
    assert start(AT_HOME)["STRIPE_API_BASE"] == "https://api.stripe.com"
    with pytest.raises(ImproperlyConfigured, match="  STRIPE_WEBHOOK_SECRETS: Environment variable not set"):
        start(bare | {"STRIPE_SECRET_KEY": "sk_test_1234"})


def test_forms_lead_only_to_us_and_to_the_pages_of_whoever_sells(start: Any) -> None:
    def targets(variables: dict[str, str]) -> list[str]:
        return start(variables)["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"]

    stripe = ["'self'", "https://checkout.stripe.com", "https://billing.stripe.com"]
    assert targets(RIGHT) == targets(AT_HOME) == stripe
    assert targets(AT_HOME | {"STRIPE_API_BASE": "http://127.0.0.1:9"}) == ["'self'", "http://127.0.0.1:9"]
