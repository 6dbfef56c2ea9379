"""What the pages of the books have in common: everybody on staff with the right may read, nobody may write."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format

from billing.admin.paging import NewestFirst, of_one_wallet
from billing.admin.tables import Table, anchor, show_moment
from billing.models import Wallet
from billing.units import format_credits

Column = Callable[[Any, Any], str]


class WithTables(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """A row's page followed by the tables of what belongs to it."""

    def tables(self, row: Any) -> Sequence[Table]:
        """Return the tables under a row's page."""
        return ()

    def title_of(self, row: Any) -> str:
        """Return the heading of a row's page."""
        return str(row)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what else a row's page knows; it is asked for first, and only for those who may see the row."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= self.page_context(request, obj)
            context |= {"tables": self.tables(obj), "title": self.title_of(obj), "subtitle": None}
        return super().render_change_form(request, context, add, change, form_url, obj)


class ReadOnly(WithTables):
    """Rows that only services write: no page, action or POST adds, changes or deletes one (G18)."""

    actions: Sequence[str] | None = None
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return NewestFirst


class OfAWallet(ReadOnly):
    """Rows that belong to a wallet, found by its number or its owner's whole address."""

    list_select_related: ClassVar[list[str]] = ["wallet__owner"]
    search_fields = ("wallet",)
    search_help_text = "A wallet's number, or its owner's whole e-mail address."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (of_one_wallet(queryset, search_term) if search_term.strip() else queryset), False

    @admin.display(description="Wallet")
    def owner(self, row: Any) -> str:
        """Link to the wallet under its owner's name."""
        return anchor(name_of(row.wallet), row.wallet)


class Only(admin.SimpleListFilter):
    """A filter that is on or off: rows that fulfil `condition`, or all."""

    condition: Q
    label: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", self.label)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition) if self.value() == "yes" else queryset


def credits_column(field: str, label: str = "", *, empty: str = "") -> Column:
    """Return an admin column that shows millicredits as credits; `empty` is what it says for None."""

    @admin.display(description=label or field.replace("_", " ").capitalize())
    def column(_: Any, row: Any) -> str:
        amount = getattr(row, field)
        return empty if amount is None else format_credits(amount)

    return column


def moment_column(field: str, label: str = "", *, empty: str = "–") -> Column:
    """Return an admin column that shows a time in the reader's zone; `empty` is what it says for None."""

    @admin.display(description=label or field.replace("_", " ").capitalize())
    def column(_: Any, row: Any) -> str:
        value = getattr(row, field)
        return empty if value is None else show_moment(value)

    return column


def day_column(field: str, label: str = "", *, empty: str = "–") -> Column:
    """Return an admin column that shows a day; `empty` is what it says for None."""

    @admin.display(description=label or field.replace("_", " ").capitalize())
    def column(_: Any, row: Any) -> str:
        value = getattr(row, field)
        return empty if value is None else date_format(value, "j M Y")

    return column


def yes_column(field: str, label: str = "") -> Column:
    """Return an admin column that says yes or no in a word."""

    @admin.display(description=label or field.replace("_", " ").capitalize())
    def column(_: Any, row: Any) -> str:
        return "Yes" if getattr(row, field) else "No"

    return column


def name_of(wallet: Wallet) -> str:
    """Return whose wallet it is, also once its owner was erased."""
    return str(wallet.owner) if wallet.owner else f"Wallet {wallet.pk}, erased"
