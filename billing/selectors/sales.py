"""What is for sale, what was bought, and what Stripe knows of a customer's payments. Money in cents, in USD."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from billing import gateway
from billing.errors import StripeNotFound
from billing.gateway.facts import CardFacts, InvoiceFacts
from billing.models import Checkout, Customer, LedgerEntry, Pack, Purchase, Refund, Subscription, Wallet
from billing.selectors.balance import subscription_of
from billing.units import CREDIT

THOUSAND_CREDITS = 1_000 * CREDIT
PURCHASES_SHOWN, INVOICES_SHOWN = 12, 12


@dataclass(frozen=True, slots=True)
class PackCard:
    """A pack on sale; `cents_per_thousand` rounds up, `percent_saved` is measured by the dearest pack."""

    pack: Pack
    cents_per_thousand: int
    percent_saved: int


@dataclass(frozen=True, slots=True)
class Bought:
    """A pack that was paid for, the number of the entry that added its credits, and what money went back."""

    purchase: Purchase
    entry: int | None
    refunded_cents: int


@dataclass(frozen=True, slots=True)
class PaymentDetails:
    """What Stripe knows of a customer: the card on file, what is collected next, and invoices, newest first."""

    card: CardFacts | None
    next_cents: int | None
    next_at: datetime | None
    invoices: Sequence[InvoiceFacts]

    @property
    def due_cents(self) -> int:
        """What Stripe still tries to collect for these invoices."""
        return sum(invoice.total_cents for invoice in self.invoices if invoice.status == "open")


def packs_on_sale() -> list[PackCard]:
    """Return the packs that can be bought, in the catalog's order."""
    packs = list(Pack.objects.filter(is_on_sale=True))
    per_thousand = [-(-pack.price_cents * THOUSAND_CREDITS // pack.amount) for pack in packs]
    dearest = max(per_thousand, default=0)
    return [
        PackCard(pack, cents, 100 * (dearest - cents) // dearest)
        for pack, cents in zip(packs, per_thousand, strict=True)
    ]


def packs_bought(wallet: Wallet) -> list[Bought]:
    """Return the wallet's last purchases of packs, newest first."""
    purchases = list(
        Purchase.objects.filter(wallet=wallet, pack__isnull=False)
        .select_related("pack", "grant")
        .order_by("-id")[:PURCHASES_SHOWN]
    )
    if not purchases:
        return []
    entries = dict(
        LedgerEntry.objects.filter(
            wallet=wallet, kind=LedgerEntry.Kind.GRANT, grant_id__in=[purchase.grant_id for purchase in purchases]
        ).values_list("grant_id", "sequence")
    )
    refunded = dict(
        Refund.objects.filter(
            wallet=wallet,
            status__in=Refund.RETURNED,
            stripe_payment_intent_id__in=[purchase.stripe_payment_intent_id for purchase in purchases],
        )
        .values_list("stripe_payment_intent_id")
        .annotate(cents=Sum("cents"))
    )
    return [
        Bought(
            purchase,
            entries.get(purchase.grant_id) if purchase.grant_id else None,
            refunded.get(purchase.stripe_payment_intent_id, 0),
        )
        for purchase in purchases
    ]


def newest_pack_purchase(wallet: Wallet) -> Purchase | None:
    """Return the pack that was paid for last, or None before the first."""
    return Purchase.objects.filter(wallet=wallet, pack__isnull=False).select_related("pack").order_by("-id").first()


def pack_purchase(wallet: Wallet, purchase_id: int) -> Purchase | None:
    """Return one of the wallet's purchases of packs; nobody else's are found."""
    return Purchase.objects.filter(wallet=wallet, pack__isnull=False, pk=purchase_id).first()


def checkout_of(wallet: Wallet, checkout_id: UUID) -> Checkout | None:
    """Return one of the wallet's Checkouts; nobody else's are found."""
    return (
        Checkout.objects.filter(wallet=wallet, pk=checkout_id)
        .select_related("wallet", "price__pack", "price__plan")
        .first()
    )


def payments_on_their_way(wallet: Wallet) -> list[Checkout]:
    """Return the Checkouts that were completed and whose money Stripe doesn't have yet."""
    found = Checkout.objects.filter(wallet=wallet, status=Checkout.Status.PROCESSING)
    return list(found.select_related("price__pack", "price__plan").order_by("created_at"))


def purchase_of(checkout: Checkout) -> Purchase | None:
    """Return what a Checkout led to: the pack's purchase, or the first paid period of the plan; None before that."""
    purchases = Purchase.objects.filter(wallet_id=checkout.wallet_id).select_related("grant")
    if checkout.price.pack_id:
        if not checkout.stripe_session_id:
            return None
        return purchases.filter(stripe_session_id=checkout.stripe_session_id).first()
    return purchases.filter(plan_id=checkout.price.plan_id, fulfilled_at__gte=checkout.created_at).first()


def entry_of(purchase: Purchase) -> int | None:
    """Return the number of the entry that added a purchase's credits, for its receipt."""
    if purchase.grant_id is None:
        return None
    entries = LedgerEntry.objects.filter(
        wallet_id=purchase.wallet_id, kind=LedgerEntry.Kind.GRANT, grant_id=purchase.grant_id
    )
    return entries.values_list("sequence", flat=True).first()


def stripe_customer_id_of(wallet: Wallet) -> str:
    """Return who the wallet's owner is at Stripe, or an empty text for somebody who never went there."""
    try:
        return wallet.customer.stripe_customer_id or ""
    except Customer.DoesNotExist:
        return ""


def stripe_subscription_id_of(subscription: Subscription | None) -> str:
    """Return the subscription at Stripe that pays for the present plan, or an empty text."""
    paid_by = subscription.stripe_subscription if subscription else None
    return paid_by.stripe_subscription_id if paid_by else ""


def payment_details(wallet: Wallet) -> PaymentDetails | None:
    """Ask Stripe for the card, the next charge and the invoices; None for somebody whom Stripe doesn't know.

    Raises StripeUnavailable and StripeRefused.
    """
    customer_id = stripe_customer_id_of(wallet)
    if not customer_id:
        return None
    subscription_id = stripe_subscription_id_of(subscription_of(wallet))
    try:
        card = gateway.card_of(customer_id=customer_id, subscription_id=subscription_id)
        next_charge = gateway.next_charge(subscription_id=subscription_id) if subscription_id else None
        invoices = gateway.invoices_of_customer(customer_id=customer_id, limit=INVOICES_SHOWN)
    except StripeNotFound:
        return None
    next_cents, next_at = next_charge or (None, None)
    return PaymentDetails(card, next_cents, next_at, invoices)
