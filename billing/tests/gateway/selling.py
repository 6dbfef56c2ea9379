"""A price and a page to pay it on, made through the gateway."""

from billing import gateway
from billing.errors import StripeNotFound

CHECKOUT = "3b5d7a52-30b5-4f3c-9a58-3a3a1f6f9d10"


def price(key: str, cents: int, *, interval: str = "", transfer: bool = False) -> gateway.PriceFacts:
    product_id = f"cleverai_{key}"
    try:
        gateway.fetch_product(product_id)
    except StripeNotFound:
        gateway.create_product(product_id=product_id, name=key)
    return gateway.create_price(
        lookup_key=key,
        product_id=product_id,
        cents=cents,
        interval=interval,
        metadata={"millicredits": "1000000"},
        idempotency_key=f"price-{key}-{cents}",
        transfer=transfer,
    )


def open_session(customer: str, price_id: str, *, mode: str = "payment", key: str = "checkout-1") -> str:
    return gateway.create_session(
        mode=mode,
        price_id=price_id,
        customer_id=customer,
        checkout_id=CHECKOUT,
        success_url="https://credits.example.com/return/",
        cancel_url="https://credits.example.com/cancelled/",
        metadata={"wallet": "1", "checkout": CHECKOUT},
        idempotency_key=key,
    ).id
