"""Who asked for a contract, and noting that they were answered (decision 12)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.contract_terms import SET_CONTRACT
from billing.admin.deeds import Deed, Doing, Look, Outcome
from billing.admin.forms import ReasonForm
from billing.admin.reading import OfAWallet, Only, moment_column
from billing.admin.tables import anchor, page_of
from billing.errors import InvalidRequest
from billing.models import ContractRequest
from billing.services import contracts


class NoteAnswer(Deed):
    """Note that a wish was answered, so that its owner may ask again."""

    act, address, permission, form_class = "contract-answer", "answered", SET_CONTRACT, ReasonForm
    row: ContractRequest

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return ContractRequest.objects.select_related("answered_by")

    def wallet_id(self) -> int | None:
        return self.row.wallet_id

    def describe(self) -> Act:
        return Act(
            title=f"Note that {self.row.company} was answered",
            button="It is answered",
            back_url=page_of(self.row),
            words="The owner may then ask again. It changes nothing else: a contract is set on the wallet.",
            row=self.row,
        )

    def pointless(self) -> str:
        return "It is answered already." if self.row.answered_at else ""

    def look(self, answers: Mapping[str, Any]) -> Look:
        if self.row.answered_at:
            raise InvalidRequest(f"{self.row.answered_by or 'Somebody'} has answered it already.")
        return Look([Change("Answered", "No", "Yes"), Change("The owner may ask again", "No", "Yes")], effect="answers")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        contracts.answer(request_id=self.row.pk, actor=doing.actor, now=doing.now)
        return Outcome(said="It is answered.", logged=f"Answered: {doing.reason}")


class NotAnswered(Only):
    title = parameter_name = "answer"
    label = "Not answered"
    condition = Q(answered_at__isnull=True)


@admin.register(ContractRequest)
class ContractRequestAdmin(WithActs, OfAWallet):
    """What owners of wallets ask for, with their words."""

    deeds = (NoteAnswer,)
    created, mailed = moment_column("created_at", "Asked at"), moment_column("mailed_at", empty="Not yet")
    answered = moment_column("answered_at", empty="Not yet")
    change_form_template = "admin/billing/contractrequest/change_form.html"
    list_display = ("company", "owner", "figure_credits", "created", "answered")
    list_filter = (NotAnswered, "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "answered_by"]
    fields = ("company", "owner", "plan", "figure_credits", "message", "created", "mailed", "answered", "by")

    @admin.display(description="Credits a month")
    def figure_credits(self, row: ContractRequest) -> str:
        return "Not said" if row.monthly_credits is None else f"{row.monthly_credits:,}"

    @admin.display(description="Plan at present")
    def plan(self, row: ContractRequest) -> str:
        subscription = row.wallet.subscription
        return anchor(f"{subscription.plan}, {subscription.get_status_display().lower()}", subscription)

    @admin.display(description="Answered by")
    def by(self, row: ContractRequest) -> str:
        return str(row.answered_by) if row.answered_by else "–"

    def page_context(self, request: HttpRequest, row: ContractRequest) -> dict[str, Any]:
        """Return whether this member of staff may set the contract that is asked for."""
        return {**super().page_context(request, row), "may_set_contract": request.user.has_perm(SET_CONTRACT)}
