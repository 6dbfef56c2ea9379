"""Balance transactions: what every movement of money did to the account's balance."""

from sandbox.stripe.routes import CREATED, get, listing_by, pages, retrieving
from sandbox.stripe.store import Object
from sandbox.stripe.world import World, customer_of

DAYS_UNTIL_AVAILABLE = 7
DISPUTE_FEE = 1500
CATEGORIES = {"adjustment": "dispute"}


def dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02}"


def processing_fee(amount: int) -> int:
    """Return what Stripe keeps of a card payment, in cents: 2.9 % and 30 cents."""
    return (amount * 29 + 500) // 1000 + 30


def book(world: World, kind: str, source: Object, *, amount: int, fee: int = 0, description: str = "") -> Object:
    """Write down a movement of `amount` cents, negative when money leaves."""
    now = world.now(customer_of(source))
    details = [
        {"amount": fee, "application": None, "currency": source["currency"], "description": "Fee", "type": "stripe_fee"}
    ]
    return world.put(
        {
            "id": world.new_id("txn_"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + DAYS_UNTIL_AVAILABLE * 86_400,
            "balance_type": "payments",
            "created": now,
            "currency": source["currency"],
            "description": description or None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": CATEGORIES.get(kind, kind),
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
    )


ROUTES = [
    get("/v1/balance_transactions/<transaction>", retrieving("balance_transaction")),
    pages(
        "/v1/balance_transactions",
        listing_by("balance_transaction", "source", "type", "currency"),
        {"source": str, "type": str, "currency": str, **CREATED},
    ),
]
