"""What the API refuses, as problem documents (RFC 9457): a stable `type` for programs, words for people.

A `type` is the address of a page that explains it (KINDS has what such a page says), and `instance` is the request's
id, which our logs know too. Nothing in a document comes from a key, and of a body only what people need to mend it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

from billing import errors, traces
from billing.errors import InsufficientCredits, MeteringError, NeedsConfirmation
from billing.units import plain_credits

CONTENT_TYPE = "application/problem+json"
#: Where the pages are that explain the kinds, below the site's address.
PAGES = "/api/problems/"
RETRY_AFTER_SECONDS = 15
#: So many fields are named in one document.
MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of refusal: `name` ends its address, `advice` says what to do about it."""

    name: str
    status: int
    title: str
    advice: str

    @property
    def type(self) -> str:
        """The address that tells this kind from others, for good."""
        return f"{settings.SITE_URL}{PAGES}{self.name}/"


BAD_REQUEST = Kind("bad-request", 400, "Bad request", "Send the request as HTTP wants it, to the host of our address.")
MALFORMED_BODY = Kind(
    "malformed-body",
    400,
    "The body isn't JSON",
    "Send one whole JSON object in UTF-8, with its length, in which no name comes twice.",
)
BAD_IDEMPOTENCY_KEY = Kind(
    "idempotency-key",
    400,
    "There is no usable Idempotency-Key",
    "Send an Idempotency-Key header of 1 to 200 printable ASCII characters with everything that spends: one of its own"
    " for each thing you do, the same again for a repeat.",
)
WALLET_NOT_NAMED = Kind(
    "wallet-not-named",
    400,
    "No wallet is named",
    "A service's key names in the header Clever-Wallet whose wallet the request is about.",
)
INVALID_KEY = Kind(
    "invalid-key",
    401,
    "The API key opens nothing",
    "Send “Authorization: Bearer clv_live_…” with a key that is whole, not revoked and not expired. Keys are made and"
    " replaced under Settings → API keys.",
)
INSUFFICIENT_CREDITS = Kind(
    "insufficient-credits",
    402,
    "Too few credits",
    "Nothing was charged. Buy credits at “buy_at”, then send the same request with the same key.",
)
INSUFFICIENT_SCOPE = Kind(
    "insufficient-scope", 403, "The API key may not do this", "Use a key whose scopes have the one in “scope”."
)
API_ACCESS_PAUSED = Kind(
    "api-access-paused",
    403,
    "The plan has no API access",
    "Choose a plan with API access at “plans_at”; the same key works again at once.",
)
WALLET_SUSPENDED = Kind(
    "wallet-suspended",
    403,
    "The wallet is suspended",
    "Open holds still settle. Its owner sees why, and can ask support.",
)
NO_PLAN = Kind("no-plan", 403, "The wallet is on no plan", "Nothing says what it may use. Ask support.")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address", "The API's reference has all addresses.")
UNKNOWN_WALLET = Kind(
    "unknown-wallet", 404, "There is no such wallet", "Name an existing wallet; a person's key has its owner's alone."
)
UNKNOWN_ENTRY = Kind("unknown-entry", 404, "There is no such entry", "The wallet's entries are numbered from 1.")
UNKNOWN_HOLD = Kind(
    "unknown-hold", 404, "There is no such hold", "Use the id that opening the hold answered, with the same wallet."
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed", 405, "This address doesn't take that method", "The header Allow names those that it takes."
)
NEEDS_CONFIRMATION = Kind(
    "needs-confirmation",
    409,
    "The owner wants to be asked first",
    "Ask, then send the same request with “confirmed”: true.",
)
HOLD_CLOSED = Kind(
    "hold-closed",
    409,
    "The hold is closed",
    "Nothing more happens to it. Work that begins again takes a new hold.",
)
CONTENT_TOO_LARGE = Kind("content-too-large", 413, "The body is too large", "Send at most 65,536 bytes at a time.")
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    415,
    "The body isn't declared as JSON",
    "Send “Content-Type: application/json”, in UTF-8 and not compressed.",
)
INVALID_REQUEST = Kind(
    "invalid-request",
    422,
    "Something in the request can't be",
    "Nothing was done. Mend what is named, also in “errors” if there is such a member, and send it again.",
)
KEY_REUSED = Kind(
    "key-reused",
    422,
    "The Idempotency-Key stands for another request",
    "Use a new key for another request. A repeat has to be the same in every field.",
)
UNKNOWN_FEATURE = Kind(
    "unknown-feature", 422, "There is no such feature", "GET /api/v1/features lists what can be used, and how."
)
NO_PRICE = Kind(
    "no-price",
    422,
    "The feature has no price",
    "What has no price in force can't be used, and is never given away. GET /api/v1/features has the prices to come.",
)
INVALID_QUANTITY = Kind(
    "invalid-quantity",
    422,
    "That quantity can't be",
    "A quantity is a whole number of base units, at least 1, whose cost fits the books.",
)
BROKEN_CURSOR = Kind(
    "broken-cursor", 422, "The cursor is none of ours", "Use “next_cursor” of the page before as it is, or none."
)
TOO_MANY_REQUESTS = Kind(
    "too-many-requests", 429, "Too many requests", "Wait as many seconds as Retry-After says, then go on."
)
SERVER_ERROR = Kind(
    "server-error",
    500,
    "Something went wrong on our side",
    "We are told. A repeat with the same Idempotency-Key is harmless, and says whether the first one got through.",
)
UNAVAILABLE = Kind(
    "unavailable",
    503,
    "We can't be reached in full",
    "Repeat it with the same Idempotency-Key after as many seconds as Retry-After says.",
)

KINDS = {kind.name: kind for kind in list(globals().values()) if isinstance(kind, Kind)}
_OF_ERRORS: dict[type[MeteringError], Kind] = {
    errors.InsufficientCredits: INSUFFICIENT_CREDITS,
    errors.NeedsConfirmation: NEEDS_CONFIRMATION,
    errors.UnknownFeature: UNKNOWN_FEATURE,
    errors.NoPriceInForce: NO_PRICE,
    errors.InvalidQuantity: INVALID_QUANTITY,
    errors.InvalidRequest: INVALID_REQUEST,
    errors.KeyReused: KEY_REUSED,
    errors.UnknownHold: UNKNOWN_HOLD,
    errors.HoldClosed: HOLD_CLOSED,
    errors.WalletSuspended: WALLET_SUSPENDED,
    errors.UnknownWallet: UNKNOWN_WALLET,
    errors.NoPlan: NO_PLAN,
    errors.InvalidApiKey: INVALID_KEY,
    errors.ApiAccessPaused: API_ACCESS_PAUSED,
}


class Refused(Exception):
    """A request that the API refuses; `detail` says what is wrong with it, `members` are further ones of its document.

    What to do about it is the kind's advice, which each document has, too.
    """

    def __init__(self, kind: Kind, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: object):
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members
        super().__init__(kind.name)


def of_error(error: MeteringError) -> Refused:
    """Return what metering refused as the API says it. Amounts are decimal numbers of credits, as texts."""
    kind = next((_OF_ERRORS[known] for known in type(error).__mro__ if known in _OF_ERRORS), INVALID_REQUEST)
    return Refused(kind, str(error), headers=_headers(kind), **_members(error))


def document(refused: Refused) -> dict[str, object]:
    """Return the members of a problem document."""
    kind = refused.kind
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": f"{refused.detail} {kind.advice}".strip(),
        "instance": traces.request_id.get(),
        **refused.members,
    }


def response(refused: Refused) -> HttpResponse:
    """Return the answer to a request that is refused."""
    headers = {"Cache-Control": "no-store", **refused.headers}
    body = json.dumps(document(refused))
    return HttpResponse(body, status=refused.kind.status, content_type=CONTENT_TYPE, headers=headers)


def field_error(location: Sequence[object], words: str) -> dict[str, str]:
    """Return what an `errors` member says of one field: where it is, its JSON pointer there, and what is wrong."""
    place, *path = location
    pointer = "".join(f"/{step}" for step in path if step != "body")
    return {"in": str(place), "pointer": pointer, "detail": words}


def unavailable(detail: str) -> HttpResponse:
    """Return the answer while something that we stand on is away."""
    return response(Refused(UNAVAILABLE, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}))


def of_status(status: int) -> HttpResponse:
    """Return the answer for a status that was decided outside of the API's own code."""
    return response(Refused(_OF_STATUS.get(status, BAD_REQUEST)))


def _headers(kind: Kind) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer error="invalid_token"'} if kind is INVALID_KEY else {}


def _members(error: MeteringError) -> dict[str, object]:
    if isinstance(error, InsufficientCredits):
        return {
            "needed": plain_credits(error.needed),
            "available": plain_credits(error.available),
            "shortfall": plain_credits(error.shortfall),
            "buy_at": settings.SITE_URL + reverse("billing:buy"),
        }
    if isinstance(error, NeedsConfirmation):
        return {"cost": plain_credits(error.cost), "limit": plain_credits(error.limit)}
    if isinstance(error, errors.InvalidApiKey):
        return {"why": error.why}
    if isinstance(error, errors.ApiAccessPaused):
        return {"plans_at": settings.SITE_URL + reverse("billing:plans")}
    return {}


_OF_STATUS = {
    400: BAD_REQUEST,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: CONTENT_TOO_LARGE,
    429: TOO_MANY_REQUESTS,
    500: SERVER_ERROR,
}
