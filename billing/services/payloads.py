"""What is kept of a message of Stripe's: what it is about, never whom.

Nothing trusts a payload; staff read it to see what Stripe said. So ids, amounts, moments and Stripe's own words stay,
and names, addresses, cards and everything that somebody typed goes before it is written down (decision 25).
"""

import math
import re
from typing import Any

#: Texts under these names are Stripe's own words, or ours.
WORDS = {
    "api_version", "billing_reason", "cancel_at_period_end", "collection_method", "currency", "interval", "lookup_key",
    "mode", "object", "payment_status", "reason", "status", "type", "usage_type",
}  # fmt: skip
#: What we put on what we ask Stripe to make.
OUR_METADATA = {"wallet", "checkout", "thing"}
#: What these hold is about a person or their card, numbers included.
ABOUT_PEOPLE = {
    "address", "billing_details", "card", "custom_fields", "customer_address", "customer_details", "customer_shipping",
    "evidence", "payment_method_details", "shipping", "shipping_details",
}  # fmt: skip
#: An id of Stripe's: a short word, an underscore, letters and digits.
STRIPE_ID = re.compile(r"[a-z]{2,12}(_[a-z]{2,8})?_[A-Za-z0-9]{1,240}", re.ASCII)
IDS = {
    "account", "balance_transaction", "charge", "client_reference_id", "customer", "default_payment_method", "id",
    "invoice", "latest_charge", "latest_invoice", "line_item", "payment_intent", "payment_method", "price", "product",
    "request", "subscription", "subscription_item",
}  # fmt: skip
PLAIN = re.compile(r"[\w.:+-]{0,100}", re.ASCII)
#: What isn't settled by the name that it stands under.
NESTED = (dict, list, float)


def without_people(value: Any, name: str = "") -> Any:
    """Return a payload, or the part of it under `name`, without what is about a person.

    What is left can be kept by PostgreSQL: without NUL, halves of characters, and numbers that are none.
    """
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if _stays(key, part, of=name)}
        return {key: without_people(part, key) if isinstance(part, NESTED) else part for key, part in kept.items()}
    if isinstance(value, list):
        return [without_people(part, name) for part in value if not isinstance(part, str) or _is_known(part, name)]
    if isinstance(value, str):
        return value if _is_known(value, name) else None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _stays(key: str, part: Any, *, of: str) -> bool:
    if of == "metadata":
        return key in OUR_METADATA and isinstance(part, str) and _is_plain(part)
    return _is_plain(key) and key not in ABOUT_PEOPLE and (not isinstance(part, str) or _is_known(part, key))


def _is_known(text: str, name: str) -> bool:
    """Return whether a text under a name is one of Stripe's words or ids, or one of ours."""
    if not _is_plain(text):
        return False
    if name in WORDS or name in OUR_METADATA:
        return True
    return name in IDS and (name == "client_reference_id" or STRIPE_ID.fullmatch(text) is not None)


def _is_plain(text: str) -> bool:
    """Return whether a text is one word of plain letters, as names of ours and of Stripe's are."""
    return PLAIN.fullmatch(text) is not None
