"""`make check`: every check there is, run to the end, with the failed ones named last."""

import secrets
import time
from pathlib import Path

from sandbox.environment import LOCAL
from sandbox.run import call, process_environment, temporary_servers

PRODUCTION = {
    "ENVIRONMENT": "production",
    "DEBUG": "false",
    "SITE_URL": "https://credits.example.com",
    "ALLOWED_HOSTS": "credits.example.com",
    "EMAIL_URL": "submission://user:password@mail.example.com:587",
    "TRUSTED_PROXY_COUNT": "1",
    "STRIPE_SECRET_KEY": "rk_live_1234",
    "STRIPE_API_BASE": "https://api.stripe.com",
    "STRIPE_WEBHOOK_SECRETS": "whsec_1234",
    "SALES_EMAIL": "sales@example.com",
    "EXPORTS_DIR": str(LOCAL),
}


def check() -> int:
    """Run them all; return 0 only if none complains."""
    failed = []
    with temporary_servers(durable=False) as found:
        development = process_environment(found)
        production = development | PRODUCTION | {"SECRET_KEY": secrets.token_urlsafe(64)}
        for name, command, env in (
            ("format", ["ruff", "format", "--check", "--quiet", "."], development),
            ("lint", ["ruff", "check", "--quiet", "."], development),
            ("types", ["mypy", "."], development),
            ("import contracts", ["lint-imports", "--no-logo"], development),
            ("templates", ["djlint", "--lint", "--quiet", *_template_folders()], development),
            (
                "migrations",
                ["python", "manage.py", "makemigrations", "--check", "--dry-run", "accounts", "billing"],
                development,
            ),
            ("development settings", ["python", "manage.py", "check", "--fail-level", "WARNING"], development),
            (
                "production settings",
                ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
                production,
            ),
        ):
            print(f"── {name}", flush=True)
            began = time.monotonic()
            code = call(command, env)
            print(f"   {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.1f} s)", flush=True)
            if code:
                failed.append(name)
            if code in {130, 143}:
                break
    print(f"Failed: {', '.join(failed)}." if failed else "All checks passed.", flush=True)
    return 1 if failed else 0


def _template_folders() -> list[str]:
    return [str(folder) for folder in Path().glob("*/templates")] + ["sandbox/stripe/templates", "templates"]
