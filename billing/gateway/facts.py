"""What Stripe says of its objects, as far as we ask: plain facts, with moments in UTC and money in cents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A Checkout Session. `price_ids` is what it sells, once per piece; empty where they weren't asked for."""

    id: str
    mode: str
    status: str
    payment_status: str
    url: str
    expires_at: datetime
    created_at: datetime
    customer_id: str
    client_reference_id: str
    payment_intent_id: str
    subscription_id: str
    currency: str
    total_cents: int
    price_ids: tuple[str, ...] = ()
    #: Of a complete but unpaid session: whether its payment has failed for good, rather than being on its way.
    is_failed: bool = False

    @property
    def is_paid(self) -> bool:
        """Whether Stripe has the money, or none was due."""
        return self.status == "complete" and self.payment_status in {"paid", "no_payment_required"}


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription. `cancel_at` is when it ends, whichever of Stripe's two ways said so."""

    id: str
    status: str
    customer_id: str
    price_id: str
    current_period_starts_at: datetime | None
    current_period_ends_at: datetime | None
    cancel_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line of an invoice, with the period that it buys; an extra is charged beside what the subscription sells."""

    id: str
    price_id: str
    is_proration: bool
    quantity: int
    starts_at: datetime
    ends_at: datetime
    is_extra: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """An invoice. `subscription_id` is empty for one that no subscription sent; `paid_at` is set once it is paid."""

    id: str
    number: str
    status: str
    billing_reason: str
    customer_id: str
    subscription_id: str
    currency: str
    paid_cents: int
    total_cents: int
    created_at: datetime
    paid_at: datetime | None
    hosted_url: str
    lines: tuple[LineFacts, ...] = ()
    #: The payment that paid it; asked for apart, and empty when nothing was due.
    payment_intent_id: str = ""
    #: What of it was paid through Stripe, rather than by cheque or the like.
    charged_cents: int = 0

    @property
    def is_paid(self) -> bool:
        """Whether the invoice is settled (decision 23)."""
        return self.status == "paid"


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """A refund; `status` is one of pending, requires_action, succeeded, failed, canceled."""

    id: str
    status: str
    cents: int
    currency: str
    payment_intent_id: str
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """A dispute. `withdrawn_cents` is what Stripe's balance has lost to it at present, fees apart."""

    id: str
    status: str
    reason: str
    cents: int
    withdrawn_cents: int
    currency: str
    payment_intent_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The card on file, as people know it: brand in words, the last four digits, when it expires."""

    brand: str
    last4: str
    expires_month: int
    expires_year: int


@dataclass(frozen=True, slots=True)
class EventFacts:
    """An event, verified or fetched. `payload` is what Stripe sent, for people to read."""

    id: str
    type: str
    object_id: str
    api_version: str
    livemode: bool
    created_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """A price in Stripe's catalog. `interval` is "month" for a plan's, and empty for a pack's."""

    id: str
    lookup_key: str
    product_id: str
    currency: str
    cents: int
    interval: str
    is_active: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """A product in Stripe's catalog: what its prices sell."""

    id: str
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """A webhook endpoint. `secret` is what it signs with, told only when it is made."""

    id: str
    url: str
    api_version: str
    is_enabled: bool
    types: tuple[str, ...]
    secret: str = ""
