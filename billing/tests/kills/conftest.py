"""Those who die at the till have a Stripe of their own."""

from billing.tests.stripe.shop import stripe

__all__ = ["stripe"]
