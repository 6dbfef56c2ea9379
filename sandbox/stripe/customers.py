"""Customers."""

from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, Schema, merged
from sandbox.stripe.routes import CREATED, get, listing_by, pages, post
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

ADDRESS: Schema = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), str)
FIELDS: Schema = {
    "address": ADDRESS,
    "description": str,
    "email": str,
    "invoice_settings": {"default_payment_method": str},
    "metadata": METADATA,
    "name": str,
    "phone": str,
    "preferred_locales": [str],
}


def create(world: World, params: Object) -> Object:
    _check(world, params)
    clock = params.get("test_clock")
    if clock:
        world.get("test_helpers.test_clock", clock, param="test_clock", status=400)
    customer_id = world.new_id("cus_")
    customer = world.put(
        {
            "id": customer_id,
            "object": "customer",
            "address": _address(params),
            "balance": 0,
            "created": world.store.get(clock)["frozen_time"] if clock else world.now(),  # type: ignore[index]
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": params.get("description"),
            "discount": None,
            "email": params.get("email"),
            "invoice_prefix": customer_id[-8:].upper(),
            "invoice_settings": _invoice_settings(params),
            "livemode": False,
            "metadata": merged(None, params.get("metadata")),
            "name": params.get("name"),
            "next_invoice_sequence": 1,
            "phone": params.get("phone"),
            "preferred_locales": params.get("preferred_locales") or [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": clock,
        }
    )
    world.emit("customer.created", customer)
    return customer


def update(world: World, params: Object, customer_id: str) -> Object:
    customer = get_customer(world, customer_id)
    _check(world, params)
    changes: Object = {name: params[name] for name in ("description", "email", "name", "phone") if name in params}
    if "address" in params:
        changes["address"] = _address(params)
    if "preferred_locales" in params:
        changes["preferred_locales"] = params["preferred_locales"] or []
    if "invoice_settings" in params:
        changes["invoice_settings"] = _invoice_settings(params)
    if "metadata" in params:
        changes["metadata"] = merged(customer["metadata"], params["metadata"])
    return world.change(customer, event="customer.updated", **changes)


def retrieve(world: World, params: Object, customer_id: str) -> Object:
    customer = world.get("customer", customer_id)
    if customer.get("deleted"):
        return {"id": customer_id, "object": "customer", "deleted": True}
    return customer


def remove(world: World, customer_id: str) -> Object:
    """Delete a customer, whose subscriptions have ended. What was paid stays."""
    customer = get_customer(world, customer_id)
    world.put({**customer, "deleted": True})
    world.emit("customer.deleted", customer)
    return {"id": customer_id, "object": "customer", "deleted": True}


def get_customer(world: World, customer_id: str, *, param: str = "id", status: int = 404) -> Object:
    """Return a customer who has not been deleted, or raise Refused (resource_missing)."""
    customer = world.get("customer", customer_id, param=param, status=status)
    if customer.get("deleted"):
        message = f"No such customer: '{customer_id}'"
        raise Refused(message, code="resource_missing", param=param, status=status)
    return customer


def _check(world: World, params: Object) -> None:
    email = params.get("email")
    if email and ("@" not in email or len(email) > 512):
        raise Refused(f"Invalid email address: {email}", code="email_invalid", param="email")
    method = (params.get("invoice_settings") or {}).get("default_payment_method")
    if method:
        param = "invoice_settings[default_payment_method]"
        world.get("payment_method", method, param=param, status=400)


def _address(params: Object) -> Object | None:
    address = params.get("address")
    return {name: address.get(name) for name in ADDRESS} if address else None


def _invoice_settings(params: Object) -> Object:
    settings = params.get("invoice_settings") or {}
    return {
        "custom_fields": None,
        "default_payment_method": settings.get("default_payment_method"),
        "footer": None,
        "rendering_options": None,
    }


ROUTES = [
    post("/v1/customers", create, {**FIELDS, "test_clock": str}),
    get("/v1/customers/<customer>", retrieve),
    post("/v1/customers/<customer>", update, FIELDS),
    pages("/v1/customers", listing_by("customer", "email", "test_clock"), {"email": str, "test_clock": str, **CREATED}),
]
