"""Who a wallet's owner is at Stripe: created once, found again, replaced when it was deleted there."""

import hashlib
from datetime import datetime

from billing import gateway
from billing.errors import StripeNotFound
from billing.models import Customer, FormerCustomer, Wallet
from billing.services.transactions import in_one_transaction


def ensure_customer(*, wallet: Wallet, now: datetime) -> str:
    """Return the id of the wallet's customer at Stripe, created there when there is none yet.

    However many ask at once, one is created: the row is reserved first, and Stripe knows the request by its key.
    Raises StripeUnavailable and StripeRefused.
    """
    customer, _ = Customer.objects.get_or_create(wallet=wallet, defaults={"created_at": now})
    if customer.stripe_customer_id:
        return customer.stripe_customer_id
    email, name = (wallet.owner.email, wallet.owner.name) if wallet.owner else ("", "")
    person = hashlib.sha256(f"{email}\n{name}".encode()).hexdigest()[:12]
    created_id = gateway.create_customer(
        email=email,
        name=name,
        metadata={"wallet": str(wallet.pk)},
        idempotency_key=f"customer-{wallet.pk}-{customer.created_at.timestamp():.6f}-{customer.generation}-{person}",
    )
    unnamed = Customer.objects.filter(pk=customer.pk, generation=customer.generation, stripe_customer_id=None)
    if unnamed.update(stripe_customer_id=created_id):
        return created_id
    return Customer.objects.values_list("stripe_customer_id", flat=True).get(pk=customer.pk) or created_id


def wallet_id_of(stripe_customer_id: str) -> int | None:
    """Return whose customer this is or was, or None when it isn't ours."""
    for model in (Customer, FormerCustomer):
        found = model.objects.filter(stripe_customer_id=stripe_customer_id).values_list("wallet_id", flat=True).first()
        if found is not None:
            return found
    return None


def fetch_deletion(stripe_customer_id: str) -> bool:
    """Ask Stripe whether a customer is deleted."""
    try:
        return gateway.is_customer_deleted(stripe_customer_id)
    except StripeNotFound:
        return True


@in_one_transaction
def forget_customer(*, stripe_customer_id: str, now: datetime) -> bool:
    """Remember a customer that was deleted at Stripe as a former one; return whether it was a present one.

    The next purchase creates another.
    """
    customer = Customer.objects.select_for_update().filter(stripe_customer_id=stripe_customer_id).first()
    if customer is None:
        return False
    FormerCustomer.objects.create(wallet_id=customer.wallet_id, stripe_customer_id=stripe_customer_id, deleted_at=now)
    customer.stripe_customer_id = None
    customer.generation += 1
    customer.save(update_fields=["stripe_customer_id", "generation"])
    return True
