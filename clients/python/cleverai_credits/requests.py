"""What is asked of the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One use to charge, as an item of `Client.charge_many`; `key` makes a repeat harmless."""

    feature: str
    quantity: int
    key: str
    source: str | None = None
    priced_as: str | None = None
    detail: Mapping[str, Any] | None = None
    occurred_at: datetime | None = None
    confirmed: bool = False

    def body(self) -> dict[str, Any]:
        """Return the request's JSON, without its key."""
        return without_empty(
            feature=self.feature,
            quantity=self.quantity,
            source=self.source,
            priced_as=self.priced_as,
            detail=self.detail,
            occurred_at=self.occurred_at,
            confirmed=self.confirmed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a workflow run. Without a feature it is a free step."""

    name: str = ""
    feature: str | None = None
    quantity: int | None = None

    def body(self) -> dict[str, Any]:
        """Return the node's JSON."""
        return without_empty(name=self.name, feature=self.feature, quantity=self.quantity)


def without_empty(**members: Any) -> dict[str, Any]:
    """Return JSON without what wasn't said, moments in ISO 8601. Raises ValueError for one without a zone."""
    return {name: _written(value) for name, value in members.items() if value is not None and value is not False}


def _written(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.utcoffset() is None:
        raise ValueError("A moment needs a time zone: datetime.now(UTC).")
    return value.isoformat()
