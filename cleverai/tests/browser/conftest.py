"""The watched Chromium of billing's tests, and Stripe in this process."""

from billing.tests.browser.conftest import (
    _database_beside_the_browser,
    answered,
    assert_accessible,
    browser_context_args,
    browser_type_launch_args,
    new_context,
    sites,
)
from billing.tests.conftest import now
from billing.tests.stripe.shop import stripe

__all__ = [
    "_database_beside_the_browser",
    "answered",
    "assert_accessible",
    "browser_context_args",
    "browser_type_launch_args",
    "new_context",
    "now",
    "sites",
    "stripe",
]
