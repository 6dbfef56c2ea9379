"""Every test here has a Stripe of its own; other folders import the fixture from `shop`."""

from billing.tests.stripe.shop import stripe

__all__ = ["stripe"]
