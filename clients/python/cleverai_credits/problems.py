"""Which type of error stands for which of the server's problems."""

from collections.abc import Mapping
from typing import Any

from cleverai_credits import errors
from cleverai_credits.errors import Problem, RateLimited, Unavailable

#: By the last part of the problem's type.
BY_NAME: dict[str, type[Problem]] = {
    "bad-request": errors.InvalidRequest,
    "malformed-body": errors.InvalidRequest,
    "idempotency-key": errors.InvalidRequest,
    "wallet-not-named": errors.InvalidRequest,
    "invalid-key": errors.InvalidKey,
    "insufficient-credits": errors.InsufficientCredits,
    "insufficient-scope": errors.InsufficientScope,
    "api-access-paused": errors.AccessPaused,
    "wallet-suspended": errors.Suspended,
    "no-plan": errors.Forbidden,
    "not-found": errors.NotFound,
    "unknown-wallet": errors.NotFound,
    "unknown-entry": errors.NotFound,
    "unknown-hold": errors.NotFound,
    "method-not-allowed": errors.InvalidRequest,
    "needs-confirmation": errors.NeedsConfirmation,
    "hold-closed": errors.HoldClosed,
    "content-too-large": errors.InvalidRequest,
    "unsupported-media-type": errors.InvalidRequest,
    "invalid-request": errors.InvalidRequest,
    "key-reused": errors.KeyReused,
    "unknown-feature": errors.UnknownFeature,
    "no-price": errors.NoPrice,
    "invalid-quantity": errors.InvalidQuantity,
    "broken-cursor": errors.InvalidRequest,
    "too-many-requests": RateLimited,
    "server-error": errors.ServerError,
    "unavailable": Unavailable,
}
#: For a problem that is newer than this package.
BY_STATUS: dict[int, type[Problem]] = {
    400: errors.InvalidRequest,
    401: errors.InvalidKey,
    402: errors.InsufficientCredits,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.InvalidRequest,
    409: errors.Conflict,
    413: errors.InvalidRequest,
    415: errors.InvalidRequest,
    422: errors.InvalidRequest,
    429: RateLimited,
    500: errors.ServerError,
    503: Unavailable,
}


def problem_of(members: Mapping[str, Any], *, status: int, retry_after: float | None = None) -> Problem:
    """Return the error that a problem document stands for; one of an unknown name and status is a plain Problem."""
    kind = BY_NAME.get(errors.name_of(str(members.get("type", "")))) or BY_STATUS.get(status, Problem)
    if issubclass(kind, RateLimited | Unavailable):
        return kind(members, status=status, retry_after=retry_after)
    return kind(members, status=status)
