"""The only door to Stripe: nothing else imports `stripe`, and its errors come out as ours.

Every function asks Stripe over the network, so none belongs inside a transaction; the two exceptions, `livemode` and
`verify_event`, ask nobody. Answers are facts (`billing.gateway.facts`). Errors are StripeUnavailable, StripeRefused and
StripeNotFound (`billing.errors`), also from the iterators while they are read.
"""

from billing.gateway.catalog import (
    create_price,
    create_product,
    fetch_prices,
    fetch_product,
    rename_product,
)
from billing.gateway.checkout import (
    create_customer,
    create_session,
    delete_customer,
    expire_session,
    fetch_session,
    is_customer_deleted,
    session_of_payment,
    sessions_since,
)
from billing.gateway.client import livemode
from billing.gateway.endpoints import change_endpoint, create_endpoint, fetch_endpoints
from billing.gateway.events import API_VERSION, events_since, fetch_event, verify_event
from billing.gateway.facts import (
    CardFacts,
    DisputeFacts,
    EndpointFacts,
    EventFacts,
    InvoiceFacts,
    LineFacts,
    PriceFacts,
    ProductFacts,
    RefundFacts,
    SessionFacts,
    SubscriptionFacts,
)
from billing.gateway.money import (
    card_of,
    create_refund,
    disputes_of,
    disputes_since,
    fetch_dispute,
    fetch_refund,
    receipt_url_of,
    refunds_of,
    refunds_since,
)
from billing.gateway.portal import ensure_portal_configuration, open_portal, portal_differences
from billing.gateway.subscriptions import (
    fetch_invoice,
    fetch_subscription,
    invoice_of_payment,
    invoices_of_customer,
    invoices_of_subscription,
    next_charge,
    paid_invoices_since,
    payment_of_invoice,
    subscriptions_of,
)

__all__ = [
    "API_VERSION",
    "CardFacts",
    "DisputeFacts",
    "EndpointFacts",
    "EventFacts",
    "InvoiceFacts",
    "LineFacts",
    "PriceFacts",
    "ProductFacts",
    "RefundFacts",
    "SessionFacts",
    "SubscriptionFacts",
    "card_of",
    "change_endpoint",
    "create_customer",
    "create_endpoint",
    "create_price",
    "create_product",
    "create_refund",
    "create_session",
    "delete_customer",
    "disputes_of",
    "disputes_since",
    "ensure_portal_configuration",
    "events_since",
    "expire_session",
    "fetch_dispute",
    "fetch_endpoints",
    "fetch_event",
    "fetch_invoice",
    "fetch_prices",
    "fetch_product",
    "fetch_refund",
    "fetch_session",
    "fetch_subscription",
    "invoice_of_payment",
    "invoices_of_customer",
    "invoices_of_subscription",
    "is_customer_deleted",
    "livemode",
    "next_charge",
    "open_portal",
    "paid_invoices_since",
    "payment_of_invoice",
    "portal_differences",
    "receipt_url_of",
    "refunds_of",
    "refunds_since",
    "rename_product",
    "session_of_payment",
    "sessions_since",
    "subscriptions_of",
    "verify_event",
]
