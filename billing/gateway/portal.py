"""The Customer Portal: cards, invoices, the end of a subscription."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from stripe.billing_portal import Configuration

from billing.gateway.client import PAGE, asks_stripe, client

if TYPE_CHECKING:
    from stripe.params.billing_portal import (
        ConfigurationCreateParamsFeatures,
        ConfigurationUpdateParamsFeatures,
        SessionCreateParams,
    )

#: Marks our configuration among those of the Stripe account.
MARK = {"made_for": "cleverai_credits"}
HEADLINE = "CleverAI: your plan, card and invoices"
#: What customers can do there. A plan that was bought keeps its price, and ends with what was paid for.
FEATURES: dict[str, dict[str, Any]] = {
    "customer_update": {"enabled": True, "allowed_updates": ["address", "name", "phone", "tax_id"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
    "subscription_update": {"enabled": False},
}


@asks_stripe
def open_portal(*, customer_id: str, return_url: str, flow: str = "", subscription_id: str = "") -> str:
    """Return the address of the customer's portal, open for a few minutes.

    `flow` leads to one task and back: "payment_method_update", or "subscription_cancel" of `subscription_id`.
    """
    params: SessionCreateParams = {"customer": customer_id, "return_url": return_url}
    if configuration := _our_configuration():
        params["configuration"] = configuration.id
    if flow:
        params["flow_data"] = {
            "type": flow,
            "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
        }
        if flow == "subscription_cancel":
            params["flow_data"]["subscription_cancel"] = {"subscription": subscription_id}
    return client().v1.billing_portal.sessions.create(params).url


@asks_stripe
def portal_differences() -> list[str]:
    """Return what our configuration of the portal lacks, in words; nothing when it is as it should be."""
    configuration = _our_configuration()
    if configuration is None:
        return ["there is no configuration of ours"]
    found = configuration.features.to_dict()
    return [name.replace("_", " ") for name, wanted in FEATURES.items() if not _holds(found.get(name), wanted)]


@asks_stripe
def ensure_portal_configuration() -> str:
    """Make our configuration of the portal, or set the one there is right; return its id."""
    configuration = _our_configuration()
    if configuration is None:
        configuration = client().v1.billing_portal.configurations.create(
            {
                "features": cast("ConfigurationCreateParamsFeatures", FEATURES),
                "business_profile": {"headline": HEADLINE},
                "metadata": MARK,
            }
        )
    else:
        configuration = client().v1.billing_portal.configurations.update(
            configuration.id, {"features": cast("ConfigurationUpdateParamsFeatures", FEATURES)}
        )
    return configuration.id


def _our_configuration() -> Configuration | None:
    found = client().v1.billing_portal.configurations.list({"active": True, "limit": PAGE})
    for configuration in found.auto_paging_iter():
        if configuration.metadata and MARK.items() <= configuration.metadata.to_dict().items():
            return configuration
    return None


def _holds(found: object, wanted: object) -> bool:
    """Return whether `found` says at least what is wanted."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(name), value) for name, value in wanted.items())
    return sorted(found) == sorted(wanted) if isinstance(wanted, list) and isinstance(found, list) else found == wanted
