"""The pages that stand in for Stripe's own: Checkout, the customer portal, invoices and receipts; and the controls."""

from sandbox.stripe.pages import checkout, control, documents, portal
from sandbox.stripe.pages.frame import blueprint

__all__ = ["blueprint", "checkout", "control", "documents", "portal"]
