"""The staff's log: who did what when, and what they were refused. To read: only leaving takes words out of it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from accounts.models import User
from billing.admin.paging import is_row_number
from billing.admin.reading import Only, ReadOnly, moment_column
from billing.selectors.staff_log import lines_about


class Refused(Only):
    title = parameter_name = "refusals"
    label = "What was refused"
    condition = Q(change_message__startswith="Refused")


class SeenAsCustomer(Only):
    title, parameter_name = "seeing as a customer", "seen"
    label = "What was seen as a customer"
    condition = (
        Q(change_message__startswith="Seen as customer")
        | Q(change_message__startswith="Began to see CleverAI as")
        | Q(change_message__startswith="Stopped seeing CleverAI as")
    )


class ByWhom(admin.SimpleListFilter):
    """Members of staff: a list of all people would be as long as the list of customers."""

    title, parameter_name = "whom", "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        staff = User.objects.filter(is_staff=True).order_by("email")
        return [(str(person.pk), person.get_short_name()) for person in staff]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value() or ""
        return queryset.filter(user_id=int(asked)) if is_row_number(asked) else queryset


class OnWhat(admin.SimpleListFilter):
    """The kinds of rows that something was done to."""

    title, parameter_name = "what", "on"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        kinds = ContentType.objects.filter(pk__in=LogEntry.objects.values("content_type").distinct())
        return sorted(((str(kind.pk), kind.name.capitalize()) for kind in kinds), key=lambda choice: choice[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value() or ""
        return queryset.filter(content_type_id=int(asked)) if is_row_number(asked) else queryset


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly):
    """Lines, newest first; found by the number of a wallet."""

    at = moment_column("action_time", "When")
    list_display = ("at", "who", "row", "what")
    list_display_links = ("at",)
    list_filter = (Refused, SeenAsCustomer, ByWhom, OnWhat, "action_time")
    list_select_related: ClassVar[list[str]] = ["user", "content_type"]
    search_fields = ("object_id",)
    search_help_text = "A wallet's number: what was done to it, to its owner and to what belongs to it."
    fields = ("at", "who", "row", "what")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        about = lines_about(int(term)).values("pk") if is_row_number(term) else []
        return queryset.filter(pk__in=about), False

    def title_of(self, row: LogEntry) -> str:
        return f"Line {row.pk}"

    @admin.display(description="Who")
    def who(self, line: LogEntry) -> str:
        return str(line.user)

    @admin.display(description="On what")
    def row(self, line: LogEntry) -> str:
        """Link to the row, where staff can open one and it has not gone."""
        if line.content_type is None:
            return line.object_repr
        kind = line.content_type
        try:
            url = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[line.object_id])
        except NoReverseMatch:
            return line.object_repr
        return format_html('<a href="{}">{}</a>', url, line.object_repr)

    @admin.display(description="What")
    def what(self, line: LogEntry) -> str:
        return line.get_change_message() or line.get_action_flag_display()
