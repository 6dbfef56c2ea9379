"""The key with which the demo's chat backend charges through the HTTP API, and Bob's own; a file keeps the former."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from accounts.models import User
from billing.errors import InvalidApiKey
from billing.models import ApiKey, Wallet
from billing.selectors.api_keys import authenticated
from billing.services import api_keys
from sandbox import environment
from sandbox.sample_data.people import BOB, STELLA, Person

NAME = "Chat backend"
Scope = ApiKey.Scope
KEY_FILE = environment.LOCAL / "api_key"


def find_or_make(*, now: datetime) -> str:
    """Return the key's token; a new one takes the place of one that nobody has any more."""
    token = kept()
    if token and _works(token, now=now):
        return token
    for lost in ApiKey.objects.filter(wallet=None, name=NAME, revoked_at=None):
        api_keys.revoke_by_staff(key_id=lost.pk, now=now)
    stella = User.objects.get(email=STELLA.email)
    made = api_keys.create_for_service(
        name=NAME, scopes=api_keys.OF_A_SERVICE, expires_at=None, created_by=stella, now=now
    )
    environment.write_privately(KEY_FILE, f"{made.token}\n")
    return made.token


def make_own(person: Person, user: User, *, now: datetime) -> None:
    """Give Bob two keys of his own, one of which he has just replaced; nobody has what opens them."""
    if person != BOB or ApiKey.objects.filter(wallet=user.wallet).exists():
        return
    asked: dict[str, Any] = {"wallet_id": user.wallet.pk, "expires_at": None, "created_by": user, "now": now}
    report = api_keys.create(name="Monthly report", scopes=[Scope.READ], **asked)
    api_keys.note_use(report.key, now=now)
    api_keys.rotate(key_id=report.key.pk, overlap=timedelta(days=7), **asked)
    api_keys.create(name="Price check", scopes=[Scope.READ, Scope.QUOTE], **asked)


def kept(path: Path | None = None) -> str:
    """Return the token that was made last, or nothing."""
    path = path or KEY_FILE
    return path.read_text().strip() if path.exists() else ""


def how_to_try(site: str, token: str) -> str:
    """Return the lines that let the examples of the page about the API run as they stand."""
    wallet = Wallet.objects.get(owner__email=BOB.email)
    return (
        f"  The API: {site}/docs/api/ · its examples run as they stand, with {BOB.name.split()[0]}’s credits, after\n"
        f"  export CLEVER_URL={site} CLEVER_WALLET={wallet.pk} CLEVER_KEY={token}"
    )


def _works(token: str, *, now: datetime) -> bool:
    try:
        return authenticated(token, now=now).is_service
    except InvalidApiKey:
        return False
