"""The books themselves: entries with their receipts, grants, holds and totals a day. All to read, none to change."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from billing.admin import listings, proof
from billing.admin.reading import OfAWallet, Only, credits_column, day_column, moment_column, name_of, yes_column
from billing.admin.sale_tables import sold
from billing.admin.tables import ROWS, Table, anchor
from billing.admin.wording import feature_words, left_of, price_words, quantity_words, state_of
from billing.models import DailyUsage, EntryNote, Grant, Hold, LedgerEntry
from billing.units import format_credits


class ByStaff(Only):
    title = parameter_name = "staff"
    label = "Made by staff"
    condition = Q(actor__isnull=False)


class NotCovered(Only):
    title, parameter_name = "cover", "uncovered"
    label = "Not wholly covered"
    condition = Q(uncovered__gt=0)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(OfAWallet):
    """Every line of every wallet's books; its page is the receipt."""

    credits_change = credits_column("available_change", "Available")
    credits_held = credits_column("held_change", "Held")
    credits_cost = credits_column("cost")
    credits_uncovered = credits_column("uncovered")
    credits_after = credits_column("available_after", "Available after")
    posted, effective = moment_column("posted_at"), moment_column("effective_at")
    posted_day, used_day = day_column("posted_on"), day_column("used_on")
    number_in_wallet = "sequence"
    change_list_template = "admin/billing/ledgerentry/change_list.html"
    list_display = (
        "number", "posted", "owner", "kind", "feature_name", "figure_quantity", "credits_change", "credits_cost",
        "credits_after",
    )  # fmt: skip
    list_filter = ("kind", ByStaff, NotCovered, "posted_on")
    fieldsets = (
        (None, {"fields": ("owner", "sequence", "kind", "posted", "posted_day", "effective", "cycle")}),
        (
            "What it did",
            {"fields": ("credits_before", "credits_change", "credits_after", "credits_held", "grant_paid")},
        ),
        (
            "What was used",
            {
                "fields": (
                    "feature_name", "figure_quantity", "price_then", "credits_cost", "credits_uncovered", "source",
                    "detail", "used_day", "hold",
                )
            },
        ),
        ("Who and why", {"fields": ("actor", "reason", "key", "request_hash")}),
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        return [path("proof/", self.admin_site.admin_view(self.proof_view), name="billing_proof"), *super().get_urls()]

    def proof_view(self, request: HttpRequest) -> HttpResponse:
        """Show the page that proves the books."""
        return proof.page(request, self)

    def title_of(self, row: LedgerEntry) -> str:
        return f"Entry #{row.sequence} of {name_of(row.wallet)}"

    @admin.display(description="Entry")
    def number(self, entry: LedgerEntry) -> str:
        return f"#{entry.sequence}"

    @admin.display(description="Feature")
    def feature_name(self, entry: LedgerEntry) -> str:
        return feature_words(entry.feature_id, entry.priced_as_id)

    @admin.display(description="Quantity")
    def figure_quantity(self, entry: LedgerEntry) -> str:
        return quantity_words(entry.quantity, entry.priced_as_id or entry.feature_id)

    @admin.display(description="Available before")
    def credits_before(self, entry: LedgerEntry) -> str:
        return format_credits(entry.available_after - entry.available_change)

    @admin.display(description="Price", empty_value="None")
    def price_then(self, entry: LedgerEntry) -> str | None:
        return anchor(price_words(entry.price), entry.price) if entry.price else None

    @admin.display(description="Grant", empty_value="None or several")
    def grant_paid(self, entry: LedgerEntry) -> str | None:
        return anchor(entry.grant, entry.grant) if entry.grant else None

    @admin.display(description="Reason", empty_value="None")
    def reason(self, entry: LedgerEntry) -> str | None:
        note = EntryNote.objects.filter(entry=entry).first()
        return note.reason if note else None

    def tables(self, row: LedgerEntry) -> Sequence[Table]:
        return [table for table in (listings.shares(row), listings.lines(row)) if table.rows]


@admin.register(Grant)
class GrantAdmin(OfAWallet):
    """Credits from one source, with the entry that gave them."""

    credits_amount, credits_taken_back = credits_column("amount"), credits_column("taken_back")
    effective, expires = moment_column("effective_at"), moment_column("expires_at", empty="Never")
    opened, closed = moment_column("opened_at"), moment_column("closed_at")
    list_display = (
        "__str__",
        "owner",
        "source",
        "credits_amount",
        "credits_left",
        "effective",
        "expires",
        "state",
    )
    list_filter = ("source", "effective_at", "expires_at")
    fields = (
        "owner", "source", "credits_amount", "credits_left", "credits_taken_back", "state", "effective", "expires",
        "opened", "closed", "purchase_made", "business_key",
    )  # fmt: skip

    @admin.display(description="Left")
    def credits_left(self, grant: Grant) -> str:
        return format_credits(left_of(grant))

    @admin.display(description="State")
    def state(self, grant: Grant) -> str:
        return state_of(grant)

    @admin.display(description="Purchase", empty_value="None")
    def purchase_made(self, grant: Grant) -> str | None:
        purchase = getattr(grant, "purchase", None)
        return anchor(sold(purchase), purchase) if purchase else None

    def tables(self, row: Grant) -> Sequence[Table]:
        kinds = [LedgerEntry.Kind.GRANT, LedgerEntry.Kind.CLAWBACK]
        entries = row.entries.filter(wallet_id=row.wallet_id, kind__in=kinds).order_by("sequence")
        return [listings.entries(entries[:ROWS], title="Given and taken back by")]


@admin.register(Hold)
class HoldAdmin(OfAWallet):
    """Credits set aside, with the entries that opened and settled them."""

    credits_amount = credits_column("amount")
    is_unlimited = yes_column("unlimited")
    opened, expires, closed = moment_column("opened_at"), moment_column("expires_at"), moment_column("closed_at")
    list_display = ("__str__", "owner", "status", "feature_name", "figure_quantity", "credits_amount", "opened",
                    "expires", "closed")  # fmt: skip
    list_filter = ("status", "opened_at")
    fields = (
        "owner", "status", "feature_name", "figure_quantity", "credits_amount", "is_unlimited", "source", "opened",
        "expires", "closed",
    )  # fmt: skip

    @admin.display(description="Feature")
    def feature_name(self, hold: Hold) -> str:
        return feature_words(hold.feature_id, hold.priced_as_id)

    @admin.display(description="Quantity")
    def figure_quantity(self, hold: Hold) -> str:
        return quantity_words(hold.quantity, hold.priced_as_id)

    def tables(self, row: Hold) -> Sequence[Table]:
        return [listings.entries(row.entries.order_by("sequence")[:ROWS])]


@admin.register(DailyUsage)
class DailyUsageAdmin(OfAWallet):
    """What was used a day."""

    credits_cost = credits_column("cost")
    day = day_column("used_on")
    list_display = ("day", "owner", "feature_name", "source", "figure_quantity", "uses", "credits_cost")
    list_filter = ("used_on", "feature", "priced_as")
    fields = ("owner", "day", "cycle", "feature_name", "source", "figure_quantity", "uses", "credits_cost")

    @admin.display(description="Feature")
    def feature_name(self, usage: DailyUsage) -> str:
        return feature_words(usage.feature_id, usage.priced_as_id)

    @admin.display(description="Quantity")
    def figure_quantity(self, usage: DailyUsage) -> str:
        return quantity_words(usage.quantity, usage.priced_as_id)
