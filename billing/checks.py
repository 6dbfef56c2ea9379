"""Deployment checks: `manage.py check --deploy` names what would make a public machine unsafe.

They come on top of Django's own and are errors, so that a deployment stops at them.
"""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags

SHORTEST_KEY, FEWEST_CHARACTERS = 50, 16
PLACEHOLDERS = ("insecure", "change-me", "changeme", "change_me", "example", "placeholder", "your-secret", "secret-key")
PRIVATE_CACHES = ("locmem.", "dummy.", "filebased.")
UNSENT_MAIL = ("console.", "dummy.", "filebased.", "locmem.", "django_mail_viewer.")


@checks.register(Tags.security, deploy=True)
def development_is_off(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Find debugging and the sandbox, which both show the product's inside to anybody."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("DEBUG is on.", hint="Set DEBUG=false.", id="billing.E001"))
    if "sandbox" in settings.INSTALLED_APPS:
        hint = "Set ENVIRONMENT=production."
        found.append(Error("The sandbox is installed: it shows everybody's mail.", hint=hint, id="billing.E002"))
    return found


@checks.register(Tags.security, deploy=True)
def secret_keys_are_secret(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Find keys that are short, have little in them or were copied from somewhere; the old ones sign sessions too."""
    return [
        Error(
            f"{name} is short, guessable or a placeholder.",
            hint='python -c "import secrets; print(secrets.token_urlsafe(48))" makes a good one.',
            id="billing.E003",
        )
        for name, key in [("SECRET_KEY", settings.SECRET_KEY), *_old_keys()]
        if len(key) < SHORTEST_KEY
        or len(set(key)) < FEWEST_CHARACTERS
        or any(placeholder in key.lower() for placeholder in PLACEHOLDERS)
    ]


@checks.register(Tags.security, Tags.caches, deploy=True)
def cache_is_shared(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Find a cache that each process has for itself: rate limits would count in each, and forget."""
    backend = str(settings.CACHES["default"]["BACKEND"])
    if not _is_of(backend, PRIVATE_CACHES):
        return []
    return [Error(f"{backend} isn't shared between processes.", hint="Set REDIS_URL.", id="billing.E004")]


@checks.register(Tags.security, deploy=True)
def proxies_are_counted(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Find a proxy count that nobody set: with a wrong one, one attacker locks everybody out, or nobody is ever."""
    if os.environ.get("TRUSTED_PROXY_COUNT", "").strip():
        return []
    hint = "Set TRUSTED_PROXY_COUNT to the number of your own proxies before the site; 0 if there is none."
    return [Error("TRUSTED_PROXY_COUNT is not set.", hint=hint, id="billing.E005")]


@checks.register(Tags.security, deploy=True)
def mail_is_sent(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Find a mail backend that keeps mails to itself: nobody could sign up."""
    if not _is_of(settings.EMAIL_BACKEND, UNSENT_MAIL):
        return []
    return [Error(f"{settings.EMAIL_BACKEND} sends nothing.", hint="Set EMAIL_URL.", id="billing.E006")]


@checks.register(Tags.files, Tags.security, deploy=True)
def exports_have_a_place(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Find a folder for files of exports that isn't there, or that nobody may write to."""
    folder = settings.EXPORTS_DIR
    if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
        return []
    hint = "Create it for the user that web and workers run as, or set EXPORTS_DIR."
    return [Error(f"{folder} is no folder that files can be written to.", hint=hint, id="billing.E007")]


def _old_keys() -> list[tuple[str, str]]:
    return [("A key of SECRET_KEY_FALLBACKS", key) for key in settings.SECRET_KEY_FALLBACKS]


def _is_of(backend: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in backend for kind in kinds)
