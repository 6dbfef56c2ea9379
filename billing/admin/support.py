"""What customers ask our support, in the order of their plans' levels (decision 27), and answering it."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.http import HttpRequest

from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.deeds import Deed, Doing, Look, Outcome
from billing.admin.forms import SupportAnswerForm
from billing.admin.reading import OfAWallet, moment_column, name_of
from billing.admin.tables import page_of
from billing.errors import InvalidRequest
from billing.models import Plan, SupportRequest
from billing.services import support

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


class GiveAnswer(Deed):
    """Answer a request, once, and tell the customer. The answer is its own reason."""

    act, address, permission, form_class = "answer", "answer", ANSWER, SupportAnswerForm
    row: SupportRequest

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return SupportRequest.objects.select_related("wallet__owner", "answered_by")

    def wallet_id(self) -> int | None:
        return self.row.wallet_id

    def describe(self) -> Act:
        owner = self.row.wallet.owner
        return Act(
            title=f"Answer {name_of(self.row.wallet)}",
            button="Send the answer",
            back_url=page_of(self.row),
            words=f"{self.row.subject}\n\n{self.row.message}\n\n{self.row.get_level_display()} support."
            f" The answer is shown on their support page and mailed to {owner.email if owner else 'nobody'}.",
            row=self.row,
        )

    def pointless(self) -> str:
        return "It is answered already." if self.row.answered_at else ""

    def answers(self, form: forms.Form) -> dict[str, Any]:
        return {"answer": form.cleaned_data["answer"]}

    def look(self, answers: Mapping[str, Any]) -> Look:
        if self.row.answered_at:
            by = self.row.answered_by or "Somebody"
            raise InvalidRequest(f"{by} has answered it meanwhile. Yours wasn't sent.")
        return Look([Change("Answer", "–", answers["answer"])], effect="answers")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        support.answer(request_id=self.row.pk, text=answers["answer"], actor=doing.actor, now=doing.now)
        return Outcome(said="It is answered, and mailed in a moment.", logged="Answered.")


@admin.register(SupportRequest)
class SupportRequestAdmin(WithActs, OfAWallet):
    """Requests, dedicated before priority before basic, and then those that have waited longest."""

    deeds = (GiveAnswer,)
    created, answered = moment_column("created_at", "Asked at"), moment_column("answered_at", empty="Not yet")
    change_form_template = "admin/billing/supportrequest/change_form.html"
    list_display = ("subject", "level", "owner", "created", "answered")
    list_filter = (Answered, "level", "topic", "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "answered_by"]
    fields = ("subject", "owner", "level", "topic", "message", "created", "answered", "by", "answer")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ChangeList

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        """Order by level and waiting time; those that were answered, by when that was."""
        return ["-answered_at"] if request.GET.get(Answered.parameter_name) == "yes" else [RANK, "created_at"]

    @admin.display(description="Answered by")
    def by(self, row: SupportRequest) -> str:
        return str(row.answered_by) if row.answered_by else "–"
