"""What is for sale: products and prices at Stripe."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from stripe import Price, Product

from billing.errors import StripeNotFound
from billing.gateway.client import asks_stripe, client, id_of
from billing.gateway.facts import PriceFacts, ProductFacts

if TYPE_CHECKING:
    from stripe.params import PriceCreateParams

CURRENCY = "usd"
#: How many lookup keys Stripe takes at once.
KEYS_AT_ONCE = 10


@asks_stripe
def fetch_prices(lookup_keys: Iterable[str]) -> list[PriceFacts]:
    """Return the prices that have these lookup keys at present, switched off or not; each key has one at most."""
    keys = iter(lookup_keys)
    prices: list[PriceFacts] = []
    while some := list(islice(keys, KEYS_AT_ONCE)):
        found = client().v1.prices.list({"lookup_keys": some, "limit": KEYS_AT_ONCE})
        prices += [_facts(price) for price in found.data]
    return prices


@asks_stripe
def fetch_product(product_id: str) -> ProductFacts:
    """Return a product. Raises StripeNotFound when there is none of that id, or no longer."""
    product = client().v1.products.retrieve(product_id)
    if getattr(product, "deleted", False):
        raise StripeNotFound(f"The product {product_id} was deleted.", code="resource_missing")
    return _product_facts(product)


@asks_stripe
def create_product(*, product_id: str, name: str) -> ProductFacts:
    """Make a product with an id of ours. Raises StripeRefused when the id is taken."""
    return _product_facts(client().v1.products.create({"id": product_id, "name": name}))


@asks_stripe
def rename_product(*, product_id: str, name: str) -> ProductFacts:
    """Give a product its name, and put it on sale again if it was taken off."""
    return _product_facts(client().v1.products.update(product_id, {"name": name, "active": True}))


@asks_stripe
def create_price(
    *,
    lookup_key: str,
    product_id: str,
    cents: int,
    interval: str,
    metadata: Mapping[str, str],
    idempotency_key: str,
    transfer: bool,
) -> PriceFacts:
    """Make a price in USD; `interval` is "month" for a plan, and empty for what is paid once.

    With `transfer`, the lookup key moves over from the price that has it. Raises StripeRefused without it.
    """
    params: PriceCreateParams = {
        "lookup_key": lookup_key,
        "transfer_lookup_key": transfer,
        "product": product_id,
        "currency": CURRENCY,
        "unit_amount": cents,
        "metadata": dict(metadata),
    }
    if interval:
        params["recurring"] = {"interval": interval}
    return _facts(client().v1.prices.create(params, {"idempotency_key": idempotency_key}))


def _product_facts(product: Product) -> ProductFacts:
    return ProductFacts(id=product.id, name=product.name, is_active=product.active)


def _facts(price: Price) -> PriceFacts:
    return PriceFacts(
        id=price.id,
        lookup_key=price.lookup_key or "",
        product_id=id_of(price.product),
        currency=price.currency,
        cents=price.unit_amount or 0,
        interval=price.recurring.interval if price.recurring else "",
        is_active=price.active,
        metadata=price.metadata.to_dict(),
    )
