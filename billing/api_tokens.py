"""API keys as programs send them: `clv_live_<8 id>_<32 secret><6 checksum>`, letters and digits alone.

The id finds the key, the secret (190 bits) proves it, and the checksum tells a mistyped or cut one without asking the
database. Scanners for leaked secrets know such keys by their beginning.
"""

import re
import secrets
import string
from dataclasses import dataclass, field
from hashlib import sha256
from zlib import crc32

BEGINNING = "clv_live_"
ALPHABET = string.digits + string.ascii_letters
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 8, 32, 6

_FORM = re.compile(
    rf"{BEGINNING}([0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH}}}([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A new key: `text` is what its holder keeps, the only copy of it; `id` may be shown and logged."""

    id: str
    text: str = field(repr=False)


def new() -> Token:
    """Return a key that nobody has had before, by all that chance allows."""
    key_id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    body = f"{BEGINNING}{key_id}_{secret}"
    return Token(key_id, body + checksum(body))


def id_of(text: str) -> str | None:
    """Return the id in a key that is whole, or None for anything else."""
    found = _FORM.fullmatch(text)
    if found is None or not secrets.compare_digest(found[2], checksum(text[:-CHECKSUM_LENGTH])):
        return None
    return found[1]


def hash_of(text: str) -> str:
    """Return what is kept of a key: SHA-256, 64 hexadecimal digits. A secret by chance needs no slow hash."""
    return sha256(text.encode()).hexdigest()


def checksum(body: str) -> str:
    """Return the CRC-32 of a key's text without it, in base 62."""
    number, digits = crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
