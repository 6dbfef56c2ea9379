"""Sales through Stripe: who bought what, what was paid, and what money went back. All to read, none to change."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from billing.admin import listings, sale_tables
from billing.admin.act_pages import WithActs
from billing.admin.reading import Column, OfAWallet, ReadOnly, credits_column, moment_column, yes_column
from billing.admin.refund_acts import GiveBack
from billing.admin.sale_tables import in_words, sold
from billing.admin.stripe_links import Shelf, stripe_column
from billing.admin.tables import ROWS, Table, anchor
from billing.admin.wording import dollars
from billing.models import (
    Checkout,
    Customer,
    Dispute,
    FormerCustomer,
    LedgerEntry,
    Purchase,
    Refund,
    StripePrice,
    StripeSubscription,
)
from billing.units import format_credits


class Sale(OfAWallet):
    """Rows about money; found also by the ids that Stripe gave them."""

    stripe_ids: ClassVar[Sequence[str]]
    search_help_text = "A wallet's number, its owner's whole e-mail address, or one of Stripe's ids."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if "_" not in term or "@" in term:
            return super().get_search_results(request, queryset, search_term)
        named = Q()
        for field in self.stripe_ids:
            named |= Q(**{field: term})
        return queryset.filter(named), False

    @admin.display(description="Money")
    def figure_money(self, row: Any) -> str:
        return dollars(row.cents)


def _grant_column(field: str, label: str) -> Column:
    """Return an admin column that shows millicredits of a purchase's grant as credits."""

    @admin.display(description=label)
    def column(_: Any, purchase: Purchase) -> str:
        return format_credits(getattr(purchase.grant, field)) if purchase.grant else "None"

    return column


@admin.register(Purchase)
class PurchaseAdmin(WithActs, Sale):
    """What was paid for, with the credits that it gave."""

    deeds = (GiveBack,)
    stripe_ids = ("stripe_payment_intent_id", "stripe_invoice_id", "stripe_session_id", "business_key")
    credits_given = _grant_column("amount", "Credits")
    credits_asked_back = _grant_column("clawback_target", "Credits asked back")
    credits_taken_back = _grant_column("taken_back", "Credits taken back")
    paid, fulfilled = moment_column("paid_at"), moment_column("fulfilled_at")
    payment = stripe_column("stripe_payment_intent_id", Shelf.PAYMENTS, "Payment at Stripe", empty="Nothing was due")
    invoice = stripe_column("stripe_invoice_id", Shelf.INVOICES, "Invoice at Stripe")
    list_display = ("bought", "owner", "figure_money", "credits_given", "credits_taken_back", "paid")
    list_filter = ("pack", "plan", "paid_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "pack", "plan", "grant"]
    fields = (
        "owner", "bought", "figure_money", "grant_given", "credits_given", "credits_asked_back", "credits_taken_back",
        "payment", "invoice", "stripe_session_id", "business_key", "paid", "fulfilled",
    )  # fmt: skip

    @admin.display(description="Bought")
    def bought(self, purchase: Purchase) -> str:
        return sold(purchase)

    @admin.display(description="Grant", empty_value="None")
    def grant_given(self, purchase: Purchase) -> str | None:
        return anchor(purchase.grant, purchase.grant) if purchase.grant else None

    def title_of(self, row: Purchase) -> str:
        return f"{sold(row)} for {dollars(row.cents)}"

    def tables(self, row: Purchase) -> Sequence[Table]:
        """Return the entries of its grant, and what else belongs to its payment."""
        kinds = [LedgerEntry.Kind.GRANT, LedgerEntry.Kind.CLAWBACK]
        entries = (
            row.wallet.entries.filter(grant=row.grant, kind__in=kinds) if row.grant else LedgerEntry.objects.none()
        )
        return [
            listings.entries(entries.order_by("sequence")[:ROWS], title="Given and taken back"),
            sale_tables.refunds(_of_payment(Refund, row)),
            sale_tables.disputes(_of_payment(Dispute, row)),
        ]


@admin.register(Refund)
class RefundAdmin(Sale):
    """Money that goes back to a customer."""

    stripe_ids = ("stripe_refund_id", "stripe_payment_intent_id")
    requested, synced = moment_column("requested_at"), moment_column("synced_at", empty="Not yet")
    payment = stripe_column("stripe_payment_intent_id", Shelf.PAYMENTS, "Payment at Stripe")
    list_display = ("__str__", "owner", "figure_money", "status", "requested", "by")
    list_filter = ("status", "requested_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "actor"]
    fields = (
        "owner", "figure_money", "status", "error", "by", "reason", "payment", "stripe_refund_id", "requested",
        "synced",
    )  # fmt: skip

    @admin.display(description="Asked for by")
    def by(self, refund: Refund) -> str:
        if refund.actor:
            return str(refund.actor)
        return "A former member of staff" if refund.key else "Stripe"

    def title_of(self, row: Refund) -> str:
        return f"Refund of {dollars(row.cents)}"

    def tables(self, row: Refund) -> Sequence[Table]:
        return [sale_tables.purchases(_purchases_of(row), title="What it was paid for")]


@admin.register(Dispute)
class DisputeAdmin(Sale):
    """Payments that banks took back."""

    stripe_ids = ("stripe_dispute_id", "stripe_payment_intent_id")
    opened, synced = moment_column("opened_at"), moment_column("synced_at")
    payment = stripe_column("stripe_payment_intent_id", Shelf.PAYMENTS, "Payment at Stripe")
    list_display = ("__str__", "owner", "figure_money", "figure_withdrawn", "state", "why", "opened")
    list_filter = ("status", "opened_at")
    fields = (
        "owner", "figure_money", "figure_withdrawn", "state", "why", "payment", "stripe_dispute_id", "opened", "synced",
    )  # fmt: skip

    @admin.display(description="Withdrawn at present")
    def figure_withdrawn(self, dispute: Dispute) -> str:
        return dollars(dispute.withdrawn_cents)

    @admin.display(description="State")
    def state(self, dispute: Dispute) -> str:
        return in_words(dispute.status)

    @admin.display(description="Reason")
    def why(self, dispute: Dispute) -> str:
        return in_words(dispute.reason)

    def title_of(self, row: Dispute) -> str:
        return f"Dispute of {dollars(row.cents)}"

    def tables(self, row: Dispute) -> Sequence[Table]:
        return [sale_tables.purchases(_purchases_of(row), title="What it was paid for")]


@admin.register(Checkout)
class CheckoutAdmin(Sale):
    """What was put into a Checkout. Their ids aren't in any order, so they are read by age."""

    stripe_ids = ("stripe_session_id",)
    created, expires = moment_column("created_at", "Begun at"), moment_column("expires_at", "Open until")
    synced = moment_column("synced_at", empty="Not yet")
    ordering = ("-created_at",)
    list_display = ("thing", "owner", "status", "created", "expires")
    list_filter = ("status", "thing", "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "price"]
    fields = ("owner", "thing", "price_asked", "status", "stripe_session_id", "id", "created", "expires", "synced")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ChangeList

    @admin.display(description="Price")
    def price_asked(self, checkout: Checkout) -> str:
        return anchor(f"{dollars(checkout.price.cents)}, {checkout.price.stripe_price_id}", checkout.price)

    def title_of(self, row: Checkout) -> str:
        return f"Checkout of {row.thing}"

    def tables(self, row: Checkout) -> Sequence[Table]:
        bought = Purchase.objects.none()
        if row.stripe_session_id:
            bought = row.wallet.purchases.filter(stripe_session_id=row.stripe_session_id)
        return [sale_tables.purchases(bought.select_related("pack", "plan", "grant"), title="Bought by it")]


@admin.register(Customer)
class CustomerAdmin(Sale):
    """Who wallets' owners are at Stripe."""

    stripe_ids = ("stripe_customer_id",)
    at_stripe = stripe_column("stripe_customer_id", Shelf.CUSTOMERS, "Customer at Stripe", empty="Not known yet")
    created = moment_column("created_at")
    list_display = ("__str__", "owner", "generation", "created")
    fields = ("owner", "at_stripe", "generation", "created")

    def tables(self, row: Customer) -> Sequence[Table]:
        wallet = row.wallet
        bought = wallet.purchases.select_related("pack", "plan", "grant").order_by("-id")[:ROWS]
        former = FormerCustomer.objects.filter(wallet=wallet).order_by("-id")[:ROWS]
        tables = [
            sale_tables.purchases(bought, wallet_id=wallet.pk),
            sale_tables.subscriptions(wallet.stripe_subscriptions.order_by("-id")[:ROWS]),
            sale_tables.checkouts(wallet.checkouts.order_by("-created_at")[:ROWS], wallet_id=wallet.pk),
        ]
        return [*tables, sale_tables.former_customers(former)] if former else tables


@admin.register(StripeSubscription)
class StripeSubscriptionAdmin(Sale):
    """Subscriptions as Stripe has them."""

    stripe_ids = ("stripe_subscription_id",)
    at_stripe = stripe_column("stripe_subscription_id", Shelf.SUBSCRIPTIONS, "Subscription at Stripe")
    period_ends = moment_column("current_period_ends_at", "Period ends at")
    ends, synced = moment_column("cancel_at", "Ends for good", empty="No"), moment_column("synced_at", empty="Not yet")
    list_display = ("stripe_subscription_id", "owner", "state", "period_ends", "ends")
    list_filter = ("status", "price")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "price"]
    fields = ("owner", "at_stripe", "price_paid", "state", "period_ends", "ends", "synced")

    @admin.display(description="State")
    def state(self, subscription: StripeSubscription) -> str:
        return in_words(subscription.status)

    @admin.display(description="Price", empty_value="None of ours")
    def price_paid(self, subscription: StripeSubscription) -> str | None:
        return anchor(subscription.price, subscription.price) if subscription.price else None

    def title_of(self, row: StripeSubscription) -> str:
        return row.stripe_subscription_id


@admin.register(StripePrice)
class StripePriceAdmin(ReadOnly):
    """What the catalog is called at Stripe; `sync_stripe_catalog` adds to it."""

    at_stripe = stripe_column("stripe_price_id", Shelf.PRICES, "Price at Stripe")
    credits_amount = credits_column("amount", "Credits", empty="The plan's")
    sold_now, added = yes_column("is_current", "Sold at present"), moment_column("added_at")
    list_display = ("lookup_key", "stripe_price_id", "figure_money", "credits_amount", "sold_now", "added")
    list_filter = ("is_current", "pack", "plan")
    search_fields = ("=stripe_price_id", "=lookup_key")
    search_help_text = "A price's id at Stripe, or its lookup key."
    fields = ("thing", "lookup_key", "figure_money", "credits_amount", "sold_now", "at_stripe", "added")

    @admin.display(description="Price")
    def figure_money(self, price: StripePrice) -> str:
        return f"{dollars(price.cents)} a month" if price.plan_id else dollars(price.cents)

    @admin.display(description="Sells")
    def thing(self, price: StripePrice) -> str:
        sells = price.pack or price.plan
        return anchor(sells, sells) if sells else ""


def _of_payment(model: Any, purchase: Purchase) -> Any:
    """Return the refunds or disputes of the payment that a purchase was paid with."""
    if not purchase.stripe_payment_intent_id:
        return model.objects.none()
    payment = purchase.stripe_payment_intent_id
    return model.objects.filter(wallet=purchase.wallet_id, stripe_payment_intent_id=payment).order_by("id")[:ROWS]


def _purchases_of(row: Refund | Dispute) -> QuerySet[Purchase]:
    """Return what the payment of a refund or dispute was for."""
    payment = row.stripe_payment_intent_id
    bought = Purchase.objects.filter(wallet=row.wallet_id, stripe_payment_intent_id=payment)
    return bought.select_related("pack", "plan", "grant").order_by("id")[:ROWS]
