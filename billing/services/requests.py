"""What a caller of metering may ask: checked, and hashed so that a reused key can be told from a repeated request."""

import hashlib
import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from billing.errors import InvalidRequest, KeyReused
from billing.models import LedgerEntry
from billing.services.ledger import CLOCK_TOLERANCE

LONGEST_KEY, LONGEST_SOURCE, LARGEST_DETAIL = 200, 80, 16_384


@dataclass(frozen=True, slots=True)
class Request:
    """One checked request; `request_hash` covers what was asked, not when and not at which price."""

    key: str
    source: str
    detail: dict[str, object] | None
    occurred_at: datetime | None
    request_hash: str


def checked(
    *,
    kind: str,
    asked: object,
    key: str,
    source: str,
    detail: dict[str, object] | None,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Request:
    """Return the request with its hash. `asked` is whatever else tells it from others; raises InvalidRequest."""
    _check_text("key", key, LONGEST_KEY)
    _check_text("source", source, LONGEST_SOURCE)
    _check_moment("now", now)
    if occurred_at is not None:
        _check_moment("occurred_at", occurred_at)
        if occurred_at > now + CLOCK_TOLERANCE:
            raise InvalidRequest("occurred_at lies in the future.")
    return Request(key, source, detail, occurred_at, fingerprint(kind, asked, source, detail))


def fingerprint(*asked: object) -> str:
    """Return 32 hex digits that are the same for the same request; raises InvalidRequest for an unfit detail."""
    try:
        text = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"The detail can't be written as JSON: {error}.") from None
    if "\\u0000" in text:
        raise InvalidRequest("The detail has a NUL character in it.")
    if len(text) > LARGEST_DETAIL:
        raise InvalidRequest(f"The detail is longer than {LARGEST_DETAIL:,} characters.")
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def refuse_other_request(entry: LedgerEntry, request_hash: str) -> LedgerEntry:
    """Return the first entry of a key when the request is the same; raises KeyReused when it isn't."""
    if entry.request_hash != request_hash:
        raise KeyReused(f"The key “{entry.key}” already stands for another request of this wallet.")
    return entry


def _check_text(name: str, value: object, longest: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise InvalidRequest(f"The {name} is a text of 1 to {longest} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidRequest(f"The {name} has control characters in it.")


def _check_moment(name: str, moment: object) -> None:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidRequest(f"{name} is a datetime with a time zone.")
