"""Products and their prices."""

from typing import Any

from sandbox.stripe.errors import Refused
from sandbox.stripe.parameters import METADATA, Schema, merged
from sandbox.stripe.routes import CREATED, created_within, delete, get, pages, post, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World

PRODUCT: Schema = {
    "active": bool,
    "description": str,
    "metadata": METADATA,
    "statement_descriptor": str,
    "unit_label": str,
    "url": str,
}
PRICE: Schema = {
    "active": bool,
    "lookup_key": str,
    "metadata": METADATA,
    "nickname": str,
    "tax_behavior": ("exclusive", "inclusive", "unspecified"),
    "transfer_lookup_key": bool,
}
INTERVALS = ("day", "week", "month", "year")


def create_product(world: World, params: Object) -> Object:
    product_id = params.get("id") or world.new_id("prod_")
    if world.store.get(product_id):
        raise Refused(f"Product already exists with ID: {product_id}", code="resource_already_exists", param="id")
    now = world.now()
    product = world.put(
        {
            "id": product_id,
            "object": "product",
            "active": params.get("active", True),
            "created": now,
            "default_price": None,
            "description": params.get("description"),
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": merged(None, params.get("metadata")),
            "name": params["name"],
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": params.get("statement_descriptor"),
            "tax_code": None,
            "type": "service",
            "unit_label": params.get("unit_label"),
            "updated": now,
            "url": params.get("url"),
        }
    )
    world.emit("product.created", product)
    return product


def update_product(world: World, params: Object, product_id: str) -> Object:
    product = _product(world, product_id)
    changes: dict[str, Any] = {name: params[name] for name in (*PRODUCT, "name", "default_price") if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(product["metadata"], params["metadata"])
    if changes.get("default_price"):
        world.get("price", changes["default_price"], param="default_price", status=400)
    if any(product.get(name) != value for name, value in changes.items()):
        changes["updated"] = world.now()
    return world.change(product, event="product.updated", **changes)


def retrieve_product(world: World, params: Object, product_id: str) -> Object:
    product = world.get("product", product_id)
    return {"id": product_id, "object": "product", "deleted": True} if product.get("deleted") else product


def delete_product(world: World, params: Object, product_id: str) -> Object:
    product = _product(world, product_id)
    if world.all("price", product=product_id):
        raise Refused("This product cannot be deleted because it has one or more user-created prices.", param="id")
    world.put({**product, "deleted": True})
    world.emit("product.deleted", product)
    return {"id": product_id, "object": "product", "deleted": True}


def list_products(world: World, params: Object) -> list[Object]:
    wanted = {"active": params["active"]} if params.get("active") is not None else {}
    ids = params.get("ids")
    return [
        product
        for product in world.all("product", **wanted)
        if (not ids or product["id"] in ids) and created_within(product, params)
    ]


def _product(world: World, product_id: str, **options: Any) -> Object:
    product = world.get("product", product_id, **options)
    if product.get("deleted"):
        raise Refused(f"No such product: '{product_id}'", code="resource_missing", param="product")
    return product


def create_price(world: World, params: Object) -> Object:
    if params["currency"] != params["currency"].lower() or len(params["currency"]) != 3:
        raise Refused(f"Invalid currency: {params['currency']}", param="currency")
    if params["unit_amount"] is None or params["unit_amount"] < 0:
        raise Refused("Invalid non-negative integer", code="parameter_invalid_integer", param="unit_amount")
    if bool(params.get("product")) == bool(params.get("product_data")):
        raise Refused("You must specify either `product` or `product_data` when creating a price.", param="product")
    if params.get("product"):
        product = _product(world, params["product"], param="product", status=400)
    else:
        product = create_product(world, params["product_data"])
    recurring = params.get("recurring")
    price_id = world.new_id("price_")
    _take_lookup_key(world, params, price_id)
    price = world.put(
        {
            "id": price_id,
            "object": "price",
            "active": params.get("active", True),
            "billing_scheme": "per_unit",
            "created": world.now(),
            "currency": params["currency"],
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": params.get("lookup_key"),
            "metadata": merged(None, params.get("metadata")),
            "nickname": params.get("nickname"),
            "product": product["id"],
            "recurring": _recurring(recurring) if recurring else None,
            "tax_behavior": params.get("tax_behavior") or "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": params["unit_amount"],
            "unit_amount_decimal": str(params["unit_amount"]),
        }
    )
    world.emit("price.created", price)
    return price


def update_price(world: World, params: Object, price_id: str) -> Object:
    price = world.get("price", price_id)
    _take_lookup_key(world, params, price_id)
    names = ("active", "lookup_key", "nickname", "tax_behavior")
    changes = {name: params[name] for name in names if name in params}
    if "metadata" in params:
        changes["metadata"] = merged(price["metadata"], params["metadata"])
    return world.change(price, event="price.updated", **changes)


def list_prices(world: World, params: Object) -> list[Object]:
    names = ("active", "currency", "product", "type")
    wanted = {name: params[name] for name in names if params.get(name) is not None}
    keys = params.get("lookup_keys")
    if keys and len(keys) > 10:
        raise Refused("Array must have at most 10 elements", param="lookup_keys")
    return [
        price
        for price in world.all("price", **wanted)
        if (not keys or price["lookup_key"] in keys) and created_within(price, params)
    ]


def _take_lookup_key(world: World, params: Object, price_id: str) -> None:
    """Refuse a lookup key that another price has, unless the request asks to take it over."""
    key = params.get("lookup_key")
    for other in world.all("price", lookup_key=key) if key else []:
        if other["id"] == price_id:
            continue
        if not params.get("transfer_lookup_key"):
            raise Refused(f"A price (`{other['id']}`) already uses that lookup key.", param="lookup_key")
        world.change(other, event="price.updated", lookup_key=None)


def _recurring(params: Object) -> Object:
    return {
        "interval": params["interval"],
        "interval_count": params.get("interval_count") or 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def plan_of(price: Object) -> Object:
    """Return the older form of a recurring price, which subscription items still carry."""
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


ROUTES = [
    post("/v1/products", create_product, {**PRODUCT, "id": str, "name!": str}),
    get("/v1/products/<product>", retrieve_product),
    post("/v1/products/<product>", update_product, {**PRODUCT, "name": str, "default_price": str}),
    delete("/v1/products/<product>", delete_product),
    pages("/v1/products", list_products, {"active": bool, "ids": [str], **CREATED}),
    post(
        "/v1/prices",
        create_price,
        {
            **PRICE,
            "currency!": str,
            "unit_amount!": int,
            "product": str,
            "product_data": {"name!": str, "metadata": METADATA, "statement_descriptor": str, "unit_label": str},
            "recurring": {"interval!": INTERVALS, "interval_count": int, "usage_type": ("licensed",)},
        },
    ),
    get("/v1/prices/<price>", retrieving("price")),
    post("/v1/prices/<price>", update_price, PRICE),
    pages(
        "/v1/prices",
        list_prices,
        {
            "active": bool,
            "currency": str,
            "lookup_keys": [str],
            "product": str,
            "type": ("one_time", "recurring"),
            **CREATED,
        },
    ),
]
