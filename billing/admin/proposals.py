"""What members of staff propose because it is above the limit, and a second person deciding it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from billing.admin import acts
from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.deeds import PROPOSABLE, Answer, Deed, Doing, Look, Outcome
from billing.admin.forms import ReasonForm, RefusalForm
from billing.admin.reading import OfAWallet, credits_column, moment_column, name_of
from billing.admin.tables import Table, anchor, page_of, words
from billing.admin.wording import dollars
from billing.errors import InvalidRequest
from billing.models import Proposal, StaffAct
from billing.services import staff_acts
from billing.units import format_credits

APPROVE, VIEW = "billing.approve_act", "billing.view_proposal"
Status = Proposal.Status
WAITING_FIRST = Case(When(status=Status.WAITING, then=Value(0)), default=Value(1), output_field=IntegerField())


class Deciding(Deed):
    """An act on a proposal."""

    row: Proposal

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return Proposal.objects.select_related("wallet__owner", "proposed_by", "decided_by")

    def wallet_id(self) -> int | None:
        return self.row.wallet_id

    def pointless(self) -> str:
        return "" if self.row.status == Status.WAITING else "It was decided already."

    def describe(self) -> Act:
        by = self.row.proposed_by or "somebody who has left"
        about = f" It is about {name_of(self.row.wallet)}." if self.row.wallet else ""
        return Act(
            title=f"{self.button}: {self.row.title}",
            button=self.button,
            back_url=page_of(self.row),
            words=f"Proposed by {by}.{about} Why: {self.row.reason or 'the reason was erased.'}\n\n{self.meaning}",
            row=self.row,
        )

    button: ClassVar[str]
    meaning: ClassVar[str]


class Approve(Deciding):
    """Do what somebody else proposed, as it is now."""

    act, address, permission, form_class = "approval", "approve", APPROVE, ReasonForm
    button, meaning = "Approve", "Once you approve, it is done at once, in the name of who proposed it."

    def look(self, answers: Mapping[str, Any]) -> Look:
        """Return what it would do now, and first of all what was otherwise when it was proposed."""
        staff_acts.require_waiting(self.row, now=timezone.now())
        now = proposed(self.row).look(self.row.answers)
        table = since(self.row, now)
        words_of_proposer = f"{self.row.proposed_by or 'Somebody who has left'}: {self.row.reason or 'erased'}"
        about = [Change("Whose wallet", "", name_of(self.row.wallet))] if self.row.wallet else []
        changes = [*about, *now.changes, Change("Proposed by, and why", "", words_of_proposer)]
        first = [table] if table else []
        return Look(changes, now.effect, title=self.row.title, tables=lambda: [*first, *now.tables()])

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        deed, proposer = proposed(self.row), self.row.proposed_by
        if proposer is not None and not (proposer.is_staff and proposer.has_perm(deed.permission)):
            raise InvalidRequest(f"{proposer} may no longer do this, so it can't be approved.")

        def work() -> str:
            if proposer is None:
                raise AssertionError("What nobody proposed isn't approved.")
            return _do_as(proposer, deed, self.row, doing.now)

        staff_acts.approve(self.row.pk, approver=doing.actor, work=work, now=doing.now)
        self.row.refresh_from_db()
        if (row := deed.logged_on()) is not None:
            acts.log(actor=doing.actor, row=row, message=f"Approved proposal {self.row.pk}: {doing.reason}")
        return Outcome(said=f"Approved. {self.row.outcome}", logged=f"Approved: {doing.reason}")

    def finish(self, answer: Answer, *, key: str, now: datetime) -> Answer:
        return proposed(self.row).finish(answer, key=self.row.key, now=now)


class Decline(Deciding):
    """Refuse what somebody else proposed."""

    act, address, permission, form_class = "refusal", "decline", APPROVE, RefusalForm
    button, meaning = "Decline", "Nothing is done then."

    def look(self, answers: Mapping[str, Any]) -> Look:
        staff_acts.require_waiting(self.row, now=timezone.now())
        return Look([Change("State", self.row.get_status_display(), Status.DECLINED.label)], effect="declines")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        staff_acts.decline(self.row.pk, actor=doing.actor, refusal=doing.reason, now=doing.now)
        return Outcome(said="It is declined; nothing was done.", logged="Declined.")


class Withdraw(Deciding):
    """Take one's own proposal back."""

    act, address, permission, form_class = "withdrawal", "withdraw", VIEW, ReasonForm
    button, meaning = "Withdraw", "Nothing is done then. Only who proposed it can take it back."

    def look(self, answers: Mapping[str, Any]) -> Look:
        staff_acts.require_waiting(self.row, now=timezone.now())
        return Look([Change("State", self.row.get_status_display(), Status.WITHDRAWN.label)], effect="withdraws")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        staff_acts.withdraw(self.row.pk, actor=doing.actor, now=doing.now)
        return Outcome(said="It is withdrawn; nothing was done.", logged=f"Withdrawn: {doing.reason}")


@admin.register(Proposal)
class ProposalAdmin(WithActs, OfAWallet):
    """Proposals: those first that wait, the oldest of them before the others."""

    deeds = (Approve, Decline, Withdraw)
    proposed, decided = moment_column("proposed_at"), moment_column("decided_at", empty="Not yet")
    change_form_template = "admin/billing/proposal/change_form.html"
    list_display = ("title", "owner", "proposed_by", "proposed", "status", "decided_by")
    list_filter = ("status", "act", "proposed_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "proposed_by", "decided_by"]
    fields = (
        "title", "owner", "moves", "why", "proposed_by", "proposed", "status", "decided_by", "decided", "refusal",
        "outcome",
    )  # fmt: skip

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ChangeList

    def get_ordering(self, request: HttpRequest) -> list[str | Combinable]:
        return [WAITING_FIRST, "-proposed_at", "-pk"]

    @admin.display(description="Wallet")
    def owner(self, row: Proposal) -> str:
        return anchor(name_of(row.wallet), row.wallet) if row.wallet else "Many"

    @admin.display(description="Moves")
    def moves(self, row: Proposal) -> str:
        if row.cents:
            return dollars(row.cents)
        return f"{format_credits(row.credits)} credits" if row.credits else "No limit"

    @admin.display(description="Reason")
    def why(self, row: Proposal) -> str:
        return row.reason or "Erased"

    def tables(self, row: Proposal) -> Sequence[Table]:
        """Return what its proposer was shown."""
        return [
            Table(
                title="What it would have done when it was proposed",
                columns=["What", "Before", "After"],
                rows=[[words(cell) for cell in line] for line in row.looked_at],
                empty="",
            )
        ]

    def page_context(self, request: HttpRequest, row: Proposal) -> dict[str, Any]:
        """Return who is looking: nobody decides their own."""
        return {**super().page_context(request, row), "me": acts.staff_of(request).pk}


@admin.register(StaffAct)
class StaffActAdmin(OfAWallet):
    """What staff did, once per key: by this the limit counts what somebody moved alone."""

    done = moment_column("done_at")
    credits_moved = credits_column("credits")
    list_display = ("outcome", "actor", "owner", "credits_moved", "figure_money", "done", "second_person")
    list_filter = ("act", "done_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "actor", "proposal__decided_by"]
    fields = ("outcome", "actor", "owner", "credits_moved", "figure_money", "done", "second_person")

    @admin.display(description="Wallet")
    def owner(self, row: StaffAct) -> str:
        return anchor(name_of(row.wallet), row.wallet) if row.wallet else "None"

    @admin.display(description="Money")
    def figure_money(self, row: StaffAct) -> str:
        return dollars(row.cents)

    @admin.display(description="Approved by")
    def second_person(self, row: StaffAct) -> str:
        return str(row.proposal.decided_by) if row.proposal else "Nobody: done alone"


def proposed(proposal: Proposal) -> Deed:
    """Return the act that was proposed, on its row as that is now. Raises InvalidRequest."""
    return PROPOSABLE.of(proposal.act).of(proposal)


def since(proposal: Proposal, now: Look) -> Table | None:
    """Return what the act would do otherwise than when it was proposed, or None where nothing differs."""
    then = {what: (before, after) for what, before, after in proposal.looked_at}
    rows = [
        [
            words(change.what),
            words(" → ".join(then.get(change.what, ("–",)))),
            words(f"{change.before} → {change.after}"),
        ]
        for change in now.changes
        if then.get(change.what) != (change.before, change.after)
    ]
    if not rows:
        return None
    return Table(title="Changed since it was proposed", columns=["What", "Then", "Now"], rows=rows, empty="")


def _do_as(proposer: User, deed: Deed, proposal: Proposal, now: datetime) -> str:
    """Do a proposed act in its proposer's name, with a line in the staff's log; return what was done."""
    outcome = deed.do(proposal.answers, Doing(actor=proposer, reason=proposal.reason, key=proposal.key, now=now))
    if (row := deed.logged_on()) is not None:
        acts.log(
            actor=proposer, row=row, message=f"{outcome.logged} Proposal {proposal.pk}, approved by a second person."
        )
    return outcome.said
