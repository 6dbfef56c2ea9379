"""What can go wrong, by type. Every refusal of the server is a `Problem`; nothing was spent when one is raised."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit


class CreditsError(Exception):
    """Anything this package raises about a call."""


class Unreachable(CreditsError):
    """No answer came, however often the same request was sent. Whether it was carried out is unknown.

    Repeating it later with the same key is safe: it is carried out once.
    """


class UnexpectedAnswer(CreditsError):
    """An answer that isn't the API's: a proxy's error page, a redirect, or the wrong address."""

    def __init__(self, message: str, *, status: int) -> None:
        self.status = status
        super().__init__(message)


class Problem(CreditsError):
    """The server refused, and said why (RFC 9457).

    `type` is the address of a page about it, `name` its last part, `instance` the id of the request for our support,
    `members` all that the server said.
    """

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        self.members = dict(members)
        self.status = status
        self.type = str(members.get("type", ""))
        self.title = str(members.get("title", ""))
        self.detail = str(members.get("detail", ""))
        self.instance = str(members.get("instance", ""))
        super().__init__(self.detail or self.title or f"The server answered {status}.")

    @property
    def name(self) -> str:
        """The problem's short name, such as `insufficient-credits`."""
        return name_of(self.type)


class InvalidRequest(Problem):
    """The request can't be carried out as it is; `errors` names each field that can't be, where the server did."""

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        said = members.get("errors")
        self.errors: list[Any] = list(said) if isinstance(said, list) else []
        super().__init__(members, status=status)


class InvalidQuantity(InvalidRequest):
    """A quantity is a whole number of base units from 1, whose cost fits the books."""


class UnknownFeature(InvalidRequest):
    """The catalog has no such feature, or it can't be used this way."""


class NoPrice(InvalidRequest):
    """The feature has no price now: it is refused, never given away."""


class KeyReused(InvalidRequest):
    """The idempotency key already stands for another request of this wallet."""


class InvalidKey(Problem):
    """The API key opens nothing; `why` is missing, malformed, unknown, revoked, expired or closed."""

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        self.why = str(members.get("why", ""))
        super().__init__(members, status=status)


class InsufficientCredits(Problem):
    """The work costs more than is available. Amounts in credits; `buy_at` is where its owner buys more."""

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        self.needed = _credits(members, "needed")
        self.available = _credits(members, "available")
        self.shortfall = _credits(members, "shortfall")
        self.buy_at = str(members.get("buy_at", ""))
        super().__init__(members, status=status)


class Forbidden(Problem):
    """The key is good, and may not do this."""


class InsufficientScope(Forbidden):
    """The key hasn't the scope that this takes: `scope`."""

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        self.scope = str(members.get("scope", ""))
        super().__init__(members, status=status)


class AccessPaused(Forbidden):
    """The owner's plan has no API access; the key rests until it has. `plans_at` is where to choose one."""

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        self.plans_at = str(members.get("plans_at", ""))
        super().__init__(members, status=status)


class Suspended(Forbidden):
    """Staff suspended the wallet: new use is refused, open holds still settle."""


class NotFound(Problem):
    """There is no such wallet, entry, hold or address, or it is somebody else's."""


class Conflict(Problem):
    """It can't be done as things are now."""


class NeedsConfirmation(Conflict):
    """The owner wants to be asked above `limit` credits, and this costs `cost`; `confirmed=True` goes on."""

    def __init__(self, members: Mapping[str, Any], *, status: int) -> None:
        self.cost = _credits(members, "cost")
        self.limit = _credits(members, "limit")
        super().__init__(members, status=status)


class HoldClosed(Conflict):
    """The hold was captured or released already."""


class ServerError(Problem):
    """Something went wrong on the server's side. A repeat with the same key is harmless."""


class Unavailable(ServerError):
    """The server can't answer for a while; `retry_after` says for how many seconds, if it knows."""

    def __init__(self, members: Mapping[str, Any], *, status: int, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(members, status=status)


class RateLimited(Problem):
    """Too many requests with this key, and the wait was longer than the client waits; `retry_after` is in seconds."""

    def __init__(self, members: Mapping[str, Any], *, status: int, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(members, status=status)


def name_of(type_address: str) -> str:
    """Return the last part of a problem's type: "insufficient-credits" of "…/problems/insufficient-credits/"."""
    return urlsplit(type_address).path.rstrip("/").rpartition("/")[2]


def _credits(members: Mapping[str, Any], name: str) -> Decimal:
    """Return an amount, or NaN where the server named none."""
    try:
        return Decimal(str(members.get(name)))
    except InvalidOperation:
        return Decimal("NaN")
