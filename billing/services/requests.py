"""What a caller of metering may ask: checked, and hashed so that a reused key can be told from a repeated request."""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from billing.errors import InvalidRequest, KeyReused
from billing.models import LedgerEntry
from billing.periods import EARLIEST
from billing.services.ledger import CLOCK_TOLERANCE

LONGEST_KEY, LONGEST_SOURCE, LARGEST_DETAIL = 200, 80, 16_384
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Request:
    """One checked request; `request_hash` covers what was asked, not when, nor at which price, nor if confirmed."""

    key: str
    source: str
    detail: dict[str, object] | None
    occurred_at: datetime | None
    request_hash: str
    confirmed: bool = False


def checked(
    *,
    kind: str,
    asked: object,
    key: str,
    source: str,
    detail: dict[str, object] | None,
    now: datetime,
    occurred_at: datetime | None = None,
    confirmed: bool = False,
) -> Request:
    """Return the request with its hash. `asked` is whatever else tells it from others; raises InvalidRequest."""
    check_text("key", key, LONGEST_KEY)
    check_text("source", source, LONGEST_SOURCE)
    _check_moment("now", now)
    if occurred_at is not None:
        _check_moment("occurred_at", occurred_at)
        if not EARLIEST <= occurred_at <= now + CLOCK_TOLERANCE:
            raise InvalidRequest("occurred_at lies in the future, or before this century.")
    check_detail(detail)
    if type(confirmed) is not bool:
        raise InvalidRequest("confirmed is True or False.")
    return Request(key, source, detail, occurred_at, fingerprint(kind, asked, source, detail), confirmed)


def check_detail(detail: dict[str, object] | None) -> None:
    """Raise InvalidRequest unless the detail is None or a dict that fits 16,384 characters of JSON."""
    if detail is None:
        return
    if not isinstance(detail, dict):
        raise InvalidRequest("The detail is a dict.")
    if len(_json(detail)) > LARGEST_DETAIL:
        raise InvalidRequest(f"The detail is longer than {LARGEST_DETAIL:,} characters.")


def fingerprint(*asked: object) -> str:
    """Return 32 hex digits that are the same for the same request; raises InvalidRequest for what JSON can't hold."""
    return hashlib.blake2b(_json(asked), digest_size=16).hexdigest()


def _json(value: object) -> bytes:
    """Return canonical JSON in UTF-8 that PostgreSQL can store: no NaN, no NUL, no lone surrogates."""
    try:
        text = _canonical(value)
        if "\\u0000" in text and NUL.search(text):
            raise InvalidRequest("There is a NUL character in it.")
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"That can't be written as JSON: {error}.") from None


def refuse_other_request(entry: LedgerEntry, request_hash: str) -> LedgerEntry:
    """Return the first entry of a key when the request is the same; raises KeyReused when it isn't."""
    if entry.request_hash != request_hash:
        raise KeyReused(f"The key “{entry.key}” already stands for another request of this wallet.")
    return entry


def check_text(name: str, value: object, longest: int, *, shortest: int = 1) -> None:
    """Raise InvalidRequest unless it is a text of that many characters, none of them a control character."""
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise InvalidRequest(f"The {name} is a text of {shortest} to {longest} characters.")
    if not value.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise InvalidRequest(f"The {name} has control characters in it.")


def _check_moment(name: str, moment: object) -> None:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidRequest(f"{name} is a datetime with a time zone.")
