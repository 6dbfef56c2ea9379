"""The key with which the demo's chat backend charges through the HTTP API; a file keeps it, to be told again."""

from datetime import datetime
from pathlib import Path

from accounts.models import User
from billing.errors import InvalidApiKey
from billing.models import ApiKey, Wallet
from billing.selectors.api_keys import authenticated
from billing.services import api_keys
from sandbox import environment
from sandbox.sample_data.people import BOB, STELLA

NAME = "Chat backend"
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
