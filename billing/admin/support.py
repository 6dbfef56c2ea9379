"""What customers ask our support, in the order of their plans' levels (decision 27), and answering it."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from accounts.models import User
from billing.admin import acts
from billing.admin.acts import Act
from billing.admin.forms import SupportAnswerForm
from billing.admin.paging import is_row_number
from billing.admin.reading import OfAWallet, moment_column, name_of
from billing.admin.tables import page_of
from billing.models import Plan, SupportRequest
from billing.services import support
from billing.services.transactions import in_one_transaction

ANSWER = "billing.answer_support_request"
IN_ORDER = (Plan.Support.DEDICATED, Plan.Support.PRIORITY, Plan.Support.BASIC)
RANK = Case(*(When(level=level, then=Value(rank)) for rank, level in enumerate(IN_ORDER)), output_field=IntegerField())


class Answered(admin.SimpleListFilter):
    """Those that wait for an answer, unless others are asked for."""

    title = "answer"
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Answered"), ("any", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Call the first choice, which is none, by what it shows."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "Not answered"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "any" else queryset.filter(answered_at__isnull=self.value() != "yes")


@admin.register(SupportRequest)
class SupportRequestAdmin(OfAWallet):
    """Requests, dedicated before priority before basic, and then those that have waited longest."""

    created, answered = moment_column("created_at", "Asked at"), moment_column("answered_at", empty="Not yet")
    change_form_template = "admin/billing/supportrequest/change_form.html"
    list_display = ("subject", "level", "owner", "created", "answered")
    list_filter = (Answered, "level", "topic", "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "answered_by"]
    fields = ("subject", "owner", "level", "topic", "message", "created", "answered", "by", "answer")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.answer_view)
        return [path("<path:object_id>/answer/", view, name="billing_supportrequest_answer"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ChangeList

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Order by level and waiting time; those that were answered, by when that was."""
        return ["-answered_at"] if request.GET.get(Answered.parameter_name) == "yes" else [RANK, "created_at"]

    @admin.display(description="Answered by")
    def by(self, row: SupportRequest) -> str:
        return str(row.answered_by) if row.answered_by else "–"

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def answer_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the answer, keep it and tell the customer, once."""
        if not self.has_view_permission(request) or not request.user.has_perm(ANSWER):
            raise PermissionDenied
        rows = SupportRequest.objects.select_related("wallet__owner")
        row = rows.filter(pk=object_id).first() if is_row_number(object_id) else None
        if row is None:
            raise Http404
        if row.answered_at and request.method != "POST":
            messages.info(request, "It is answered already.")
            return redirect(page_of(row))
        form = SupportAnswerForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            text = form.cleaned_data["answer"]
            if answer(row, text=text, actor=acts.staff_of(request)):
                messages.success(request, "It is answered, and mailed in a moment.")
                return redirect(page_of(row))
            row.refresh_from_db()
            if row.answer == text:
                messages.success(request, "It was answered before.")
                return redirect(page_of(row))
            form.add_error(None, f"{row.answered_by or 'Somebody'} has answered it meanwhile. Yours wasn't sent.")
        url = reverse("admin:billing_supportrequest_answer", args=[row.pk])
        return acts.ask(request, self, _answering(row), form, url=url)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a request, with the way to answer it for those who may."""
        more = {**(extra_context or {}), "may_answer": request.user.has_perm(ANSWER)}
        return super().change_view(request, object_id, form_url, more)


@in_one_transaction
def answer(row: SupportRequest, *, text: str, actor: User) -> bool:
    """Answer a request with a line in the staff's log; return whether that was news."""
    is_new = support.answer(request_id=row.pk, text=text, actor=actor, now=timezone.now())
    if is_new:
        acts.log(actor=actor, row=row, message="Answered.")
    return is_new


def _answering(row: SupportRequest) -> Act:
    owner = row.wallet.owner
    return Act(
        title=f"Answer {name_of(row.wallet)}",
        button="Send the answer",
        back_url=page_of(row),
        words=f"{row.subject}\n\n{row.message}\n\n{row.get_level_display()} support."
        f" The answer is shown on their support page and mailed to {owner.email if owner else 'nobody'}.",
        row=row,
    )
