"""The tables that the staff's pages show of sales and of money that went back."""

from collections.abc import Iterable

from billing.admin.tables import Cell, Table, credits_cell, link, list_of, moment, words
from billing.admin.wording import dollars
from billing.models import Checkout, ContractRequest, Dispute, FormerCustomer, Purchase, Refund, StripeSubscription


def money(cents: int) -> Cell:
    """Return a figure in dollars."""
    return Cell(dollars(cents), is_figure=True)


def sold(purchase: Purchase) -> str:
    """Return what was bought: "1,000 Credits", or "Pro, a month"."""
    return str(purchase.pack) if purchase.pack else f"{purchase.plan}, a month"


def purchases(rows: Iterable[Purchase], *, wallet_id: int | None = None, title: str = "Purchases") -> Table:
    """Return a table of purchases; with a wallet's id, a link to all of its purchases."""
    return Table(
        title=title,
        columns=["Purchase", "Paid", "Credits", "Taken back", "Paid at"],
        rows=[
            [
                link(sold(purchase), purchase),
                money(purchase.cents),
                credits_cell(purchase.grant.amount if purchase.grant else None),
                credits_cell(purchase.grant.taken_back if purchase.grant else None),
                moment(purchase.paid_at),
            ]
            for purchase in rows
        ],
        empty="Nothing was bought yet.",
        all_url=list_of(Purchase, wallet_id) if wallet_id else "",
        all_label="All purchases of this wallet",
    )


def checkouts(rows: Iterable[Checkout], *, wallet_id: int) -> Table:
    """Return a table of a wallet's Checkouts."""
    return Table(
        title="Checkouts",
        columns=["Checkout", "State", "Begun", "Open until"],
        rows=[
            [
                link(checkout.thing, checkout),
                words(checkout.get_status_display()),
                moment(checkout.created_at),
                moment(checkout.expires_at),
            ]
            for checkout in rows
        ],
        empty="No Checkout was begun yet.",
        all_url=list_of(Checkout, wallet_id),
        all_label="All Checkouts of this wallet",
    )


def refunds(rows: Iterable[Refund], *, title: str = "Refunds of this payment") -> Table:
    """Return a table of refunds."""
    return Table(
        title=title,
        columns=["Refund", "Returned", "State", "Asked for at"],
        rows=[
            [link(refund, refund), money(refund.cents), words(refund.get_status_display()), moment(refund.requested_at)]
            for refund in rows
        ],
        empty="No refunds.",
    )


def disputes(rows: Iterable[Dispute], *, title: str = "Disputes of this payment") -> Table:
    """Return a table of disputes."""
    return Table(
        title=title,
        columns=["Dispute", "Disputed", "Withdrawn", "State", "Reason", "Opened at"],
        rows=[
            [
                link(dispute, dispute),
                money(dispute.cents),
                money(dispute.withdrawn_cents),
                words(in_words(dispute.status)),
                words(in_words(dispute.reason)),
                moment(dispute.opened_at),
            ]
            for dispute in rows
        ],
        empty="No disputes.",
    )


def subscriptions(rows: Iterable[StripeSubscription]) -> Table:
    """Return a table of a wallet's subscriptions at Stripe."""
    return Table(
        title="Subscriptions at Stripe",
        columns=["Subscription", "State", "Period ends", "Ends for good"],
        rows=[
            [
                link(subscription.stripe_subscription_id, subscription),
                words(in_words(subscription.status)),
                moment(subscription.current_period_ends_at),
                moment(subscription.cancel_at, missing="No"),
            ]
            for subscription in rows
        ],
        empty="No subscription was ever paid for.",
    )


def former_customers(rows: Iterable[FormerCustomer]) -> Table:
    """Return a table of the customers at Stripe that a wallet had before."""
    return Table(
        title="Customers that were deleted at Stripe",
        columns=["Customer", "Deleted at"],
        rows=[[words(customer.stripe_customer_id), moment(customer.deleted_at)] for customer in rows],
        empty="None.",
    )


def contract_requests(rows: Iterable[ContractRequest]) -> Table:
    """Return a table of what a wallet's owner asked for."""
    return Table(
        title="Requests for a contract",
        columns=["Company", "Asked at", "Answered at"],
        rows=[
            [link(request.company, request), moment(request.created_at), moment(request.answered_at, missing="Not yet")]
            for request in rows
        ],
        empty="None.",
    )


def in_words(stripe_word: str) -> str:
    """Return one of Stripe's own words as people write it: "needs_response" → "Needs response"."""
    return stripe_word.replace("_", " ").capitalize()
