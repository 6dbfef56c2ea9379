"""A wallet's page: what is in it, the newest of its books, and the acts that staff may do to it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from billing.admin import balance_at, listings, sale_tables
from billing.admin.act_pages import WithActs
from billing.admin.adjustments import Adjust
from billing.admin.balance_at import BalanceAt
from billing.admin.contract_terms import EndContract, SetContract
from billing.admin.reading import Only, credits_column, moment_column, name_of, yes_column
from billing.admin.seeing_as import SeeingAs
from billing.admin.tables import ROWS, Table, anchor
from billing.admin.timeline import Timeline
from billing.admin.wallet_acts import Resume, Suspend, settled
from billing.models import ContractRequest, Hold, SupportRequest, Wallet
from billing.seeing_as import SEE_AS
from billing.services.cycles import CONTRACT
from billing.services.ledger import NEVER
from billing.units import format_credits


class Suspended(Only):
    title = parameter_name = "suspension"
    label = "Suspended"
    condition = Q(suspended_at__isnull=False)


class Due(Only):
    title = parameter_name = "due"
    label = "Something is due"
    condition = Q(next_due_at__lte=Now())


@admin.register(Wallet)
class WalletAdmin(SeeingAs, BalanceAt, Timeline, WithActs):
    """Wallets: the amounts are read-only, and change through acts that write an entry."""

    deeds = (Adjust, Suspend, Resume, SetContract, EndContract)

    credits_available = credits_column("available")
    credits_held = credits_column("held")
    credits_posted = credits_column("posted")
    is_unlimited = yes_column("unlimited")
    suspended = moment_column("suspended_at", "Suspended since", empty="Not suspended")
    started = moment_column("cycle_started_at")
    ends = moment_column("cycle_ends_at", "Cycle ends at", empty="Never")
    asks_above = credits_column("confirm_above", empty="Never asks")
    last_posted = moment_column("last_posted_at")
    next_due = moment_column("next_due_at", empty="Never")
    change_form_template = "admin/billing/wallet/change_form.html"
    list_display = ("name", "plan", "credits_available", "credits_held", "is_unlimited", "suspended", "ends")
    list_filter = ("subscription__plan", "unlimited", Suspended, Due)
    list_select_related = ("owner", "subscription__plan")
    search_fields = ("owner__email", "owner__name", "=id")
    search_help_text = "Part of the owner's e-mail address or name, or the wallet's number."
    fieldsets = (
        (None, {"fields": ("owner_link", "plan", "customer_link", "suspended", "suspension_reason")}),
        ("Credits", {"fields": ("credits_available", "credits_held", "credits_posted", "is_unlimited")}),
        ("Cycle", {"fields": ("cycle", "started", "ends", "warning")}),
        (
            "Settings and clockwork",
            {
                "classes": ("collapse",),
                "fields": (
                    "time_zone",
                    "max_output_tokens",
                    "asks_above",
                    "sequence",
                    "last_posted",
                    "next_due",
                    "head_grant",
                ),
            },
        ),
    )

    @admin.display(description="Owner")
    def name(self, wallet: Wallet) -> str:
        return name_of(wallet)

    @admin.display(description="Owner")
    def owner_link(self, wallet: Wallet) -> str:
        return anchor(wallet.owner, wallet.owner) if wallet.owner else name_of(wallet)

    @admin.display(description="Plan")
    def plan(self, wallet: Wallet) -> str:
        subscription = getattr(wallet, "subscription", None)
        if subscription is None:
            return "None"
        return anchor(f"{subscription.plan}, {subscription.get_status_display().lower()}", subscription)

    @admin.display(description="Customer at Stripe")
    def customer_link(self, wallet: Wallet) -> str:
        customer = getattr(wallet, "customer", None)
        return anchor(customer, customer) if customer else "None: nothing was bought yet"

    @admin.display(description="Warnings")
    def warning(self, wallet: Wallet) -> str:
        return (
            f"Level {wallet.warning_level} of 3; low below {format_credits(wallet.low_below)},"
            f" very low below {format_credits(wallet.very_low_below)} credits"
        )

    def tables(self, row: Wallet) -> Sequence[Table]:
        """Return the open grants and holds, the newest entries and sales, the notices and chatbots."""
        grants = list(row.grants.filter(closed_at=None)[:ROWS])
        for grant in grants:
            grant.wallet = row
        grants.sort(key=lambda grant: (grant.expires_at or NEVER, grant.effective_at, grant.pk))
        holds = row.holds.filter(status=Hold.Status.OPEN).order_by("expires_at", "id")[:ROWS]
        entries = row.entries.order_by("-sequence")[:ROWS]
        purchases = row.purchases.select_related("pack", "plan", "grant").order_by("-id")[:ROWS]
        asked = list(ContractRequest.objects.filter(wallet=row).order_by("-id")[:ROWS])
        questions = list(SupportRequest.objects.filter(wallet=row).order_by("-id")[:ROWS])
        return [
            listings.grants(grants, wallet_id=row.pk),
            listings.holds(holds, wallet_id=row.pk),
            listings.entries(entries, title=f"Newest entries of {row.sequence:,}", wallet_id=row.pk),
            sale_tables.purchases(purchases, wallet_id=row.pk),
            *([sale_tables.contract_requests(asked)] if asked else []),
            *([listings.support_requests(questions)] if questions else []),
            listings.notices(row.notices.order_by("-id")[:ROWS], wallet_id=row.pk),
            listings.chatbots(row.chatbots.select_related("model").order_by("-id")[:ROWS], wallet_id=row.pk),
        ]

    def title_of(self, row: Wallet) -> str:
        return f"{name_of(row)}, wallet {row.pk}" if row.owner else name_of(row)

    def page_context(self, request: HttpRequest, row: Wallet) -> dict[str, Any]:
        """Settle the wallet, so that all of its page is of now, and return where this member of staff may go on."""
        settled(row)
        return {
            **super().page_context(request, row),
            "may_read_books": request.user.has_perm(balance_at.READ),
            "may_see_as": request.user.has_perm(SEE_AS),
            "contract": CONTRACT,
        }
