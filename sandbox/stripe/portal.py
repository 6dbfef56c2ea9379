"""The customer portal: its configurations, and the sessions that lead into it."""

from typing import Any

from sandbox.stripe import customers, subscriptions
from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, Schema, merged
from sandbox.stripe.routes import get, listing_by, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

REASONS = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
PRORATIONS = ("always_invoice", "create_prorations", "none")
FLOWS = ("payment_method_update", "subscription_cancel")
DEFAULTS: dict[str, Any] = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
"""What a new configuration allows where a request doesn't say."""


def create_configuration(world: World, params: Object) -> Object:
    now = world.now()
    profile = params.get("business_profile") or {}
    return world.put(
        {
            "id": world.new_id("bpc_"),
            "object": "billing_portal.configuration",
            "active": True,
            "application": None,
            "business_profile": _profile({}, profile),
            "created": now,
            "default_return_url": params.get("default_return_url"),
            "features": _features(DEFAULTS, params["features"]),
            "is_default": False,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": merged(None, params.get("metadata")),
            "name": params.get("name"),
            "updated": now,
        }
    )


def default_configuration(world: World) -> Object:
    """Return the account's default configuration; here it has always been saved in the dashboard."""
    for configuration in world.all("billing_portal.configuration", is_default=True):
        return configuration
    features = {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True},
    }
    return world.change(create_configuration(world, {"features": features}), is_default=True)


def update_configuration(world: World, params: Object, configuration_id: str) -> Object:
    configuration = world.get("billing_portal.configuration", configuration_id)
    names = ("active", "default_return_url", "name")
    changes: Object = {name: params[name] for name in names if name in params}
    if changes.get("active") is False and configuration["is_default"]:
        raise Refused("You cannot deactivate the default configuration.", param="active")
    if "business_profile" in params:
        changes["business_profile"] = _profile(configuration["business_profile"], params["business_profile"] or {})
    if "features" in params:
        changes["features"] = _features(configuration["features"], params["features"] or {})
    if "metadata" in params:
        changes["metadata"] = merged(configuration["metadata"], params["metadata"])
    return world.change(configuration, updated=world.now(), **changes)


def _profile(before: Object, given: Object) -> Object:
    names = ("headline", "privacy_policy_url", "terms_of_service_url")
    return {name: given.get(name, before.get(name)) for name in names}


def _features(before: Object, given: Object) -> Object:
    return {name: _over(feature, given.get(name) or {}) for name, feature in before.items()}


def _over(before: Object, given: Object) -> Object:
    """Lay what was given over what was before, level by level."""
    both = dict(before)
    for name, value in given.items():
        inner = both.get(name)
        both[name] = _over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def create_session(world: World, params: Object) -> Object:
    if not params.get("customer"):
        raise Refused("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.get_customer(world, params["customer"], param="customer", status=400)
    if params.get("configuration"):
        configuration = world.get(
            "billing_portal.configuration", params["configuration"], param="configuration", status=400
        )
        if not configuration["active"]:
            raise Refused("The configuration is not active.", param="configuration")
    else:
        configuration = default_configuration(world)
    flow = params.get("flow_data")
    session_id = world.new_id("bps_")
    return world.put(
        {
            "id": session_id,
            "object": "billing_portal.session",
            "configuration": configuration["id"],
            "created": world.now(customer["id"]),
            "customer": customer["id"],
            "customer_account": None,
            "flow": _flow(world, customer, configuration, flow) if flow else None,
            "livemode": False,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url") or configuration["default_return_url"],
            "url": f"{world.base_url}/p/session/{session_id}",
        }
    )


def _flow(world: World, customer: Object, configuration: Object, params: Object) -> Object:
    """Return the one thing that a session is to lead to, or raise Refused if it isn't allowed or not possible."""
    kind = params["type"]
    if not configuration["features"][kind]["enabled"]:
        message = f"The {kind} feature is not enabled in the portal configuration, so its flow can't be used."
        raise Refused(message, param="flow_data[type]")
    cancelled = None
    if kind == "subscription_cancel":
        param = "flow_data[subscription_cancel][subscription]"
        wanted = (params.get(kind) or {}).get("subscription")
        if not wanted:
            raise Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)
        subscription = world.get("subscription", wanted, param=param, status=400)
        if subscription["customer"] != customer["id"] or subscription["status"] not in subscriptions.LIVE:
            raise Refused(f"The subscription {wanted} can't be canceled by this customer.", param=param)
        if subscription["cancel_at"] is not None:
            message = f"The subscription ({wanted}) is already set to be canceled at period end."
            raise Refused(message, param=param)
        cancelled = {"retention": None, "subscription": wanted}
    after = params.get("after_completion") or {"type": "portal_homepage"}
    if after["type"] == "redirect" and not after.get("redirect"):
        param = "flow_data[after_completion][redirect]"
        raise Refused(f"Missing required param: {param}.", code="parameter_missing", param=param)
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation"),
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": cancelled,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": kind,
    }


FEATURES: Schema = {
    "customer_update": {
        "allowed_updates": [("address", "email", "name", "phone", "shipping", "tax_id")],
        "enabled": bool,
    },
    "invoice_history": {"enabled!": bool},
    "payment_method_update": {"enabled!": bool},
    "subscription_cancel": {
        "cancellation_reason": {"enabled!": bool, "options": [REASONS]},
        "enabled": bool,
        "mode": ("at_period_end", "immediately"),
        "proration_behavior": PRORATIONS,
    },
    "subscription_update": {
        "default_allowed_updates": [("price", "promotion_code", "quantity")],
        "enabled": bool,
        "proration_behavior": PRORATIONS,
    },
}
PROFILE: Schema = {"headline": str, "privacy_policy_url": str, "terms_of_service_url": str}
CONFIGURATION: Schema = {
    "business_profile": PROFILE,
    "default_return_url": str,
    "metadata": METADATA,
    "name": str,
}
FLOW: Schema = {
    "after_completion": {
        "hosted_confirmation": {"custom_message": str},
        "redirect": {"return_url!": str},
        "type!": ("hosted_confirmation", "portal_homepage", "redirect"),
    },
    "subscription_cancel": {"subscription!": str},
    "type!": FLOWS,
}
ROUTES = [
    post("/v1/billing_portal/configurations", create_configuration, {**CONFIGURATION, "features!": FEATURES}),
    get("/v1/billing_portal/configurations/<configuration>", retrieving("billing_portal.configuration")),
    post(
        "/v1/billing_portal/configurations/<configuration>",
        update_configuration,
        {**CONFIGURATION, "active": bool, "features": FEATURES},
    ),
    pages(
        "/v1/billing_portal/configurations",
        listing_by("billing_portal.configuration", "active", "is_default"),
        {"active": bool, "is_default": bool},
    ),
    post(
        "/v1/billing_portal/sessions",
        create_session,
        {"configuration": str, "customer": str, "flow_data": FLOW, "locale": ("auto", "en"), "return_url": str},
    ),
]
