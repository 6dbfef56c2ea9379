"""Where the sandbox keeps its things, and the environment variables it hands to the processes it starts."""

import os
import secrets
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
DATABASE = "cleverai"


def given() -> dict[str, str]:
    """Return what the developer has set: the real environment over the `.env` file. Empty values count as unset."""
    from_file = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    return from_file | {name: value for name, value in os.environ.items() if value}


def secret_key() -> str:
    """Return this clone's own SECRET_KEY, made once, so that sessions survive a restart."""
    path = LOCAL / "secret_key"
    if not path.exists():
        LOCAL.mkdir(exist_ok=True)
        write_privately(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


def write_env_file(variables: dict[str, str]) -> None:
    """Write `.local/env`, which the settings read, so that `manage.py` finds the servers that are running."""
    lines = [f"{name}='{_escape(value)}'" for name, value in variables.items()]
    write_privately(
        LOCAL / "env",
        "# Written at every start of the sandbox; your own values belong in .env.\n" + "\n".join(lines) + "\n",
    )


def read_env_file() -> dict[str, str]:
    return {name: value for name, value in dotenv_values(LOCAL / "env").items() if value}


def write_privately(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
