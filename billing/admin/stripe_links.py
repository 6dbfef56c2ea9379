"""Where Stripe shows an object: on its dashboard, or on the control page of the stand-in that development talks to."""

from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.utils.html import format_html

from billing import gateway
from billing.admin.reading import Column

STRIPE, DASHBOARD = "https://api.stripe.com", "https://dashboard.stripe.com"


class Shelf(StrEnum):
    """Where on the dashboard a kind of object stands."""

    CUSTOMERS = "customers"
    EVENTS = "events"
    INVOICES = "invoices"
    PAYMENTS = "payments"
    PRICES = "prices"
    SUBSCRIPTIONS = "subscriptions"


def address_at_stripe(shelf: Shelf, stripe_id: str) -> str:
    """Return the address at which people look at one of Stripe's objects."""
    if settings.STRIPE_API_BASE != STRIPE:
        return f"{settings.STRIPE_API_BASE}/sandbox/"
    return f"{DASHBOARD}/{'' if gateway.livemode() else 'test/'}{shelf}/{stripe_id}"


def stripe_anchor(shelf: Shelf, stripe_id: str) -> str:
    """Return a link to an object at Stripe as HTML."""
    return format_html('<a href="{}" rel="noreferrer">{}</a>', address_at_stripe(shelf, stripe_id), stripe_id)


def stripe_column(field: str, shelf: Shelf, label: str, *, empty: str = "None") -> Column:
    """Return an admin column that leads to Stripe; `empty` is what it says without an id."""

    @admin.display(description=label)
    def column(_: Any, row: Any) -> str:
        stripe_id = getattr(row, field)
        return stripe_anchor(shelf, stripe_id) if stripe_id else empty

    return column
