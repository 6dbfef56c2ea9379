"""Refunding a purchase: how much and why, what that does to its credits, and one refund however often it is pressed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet

from billing.admin.acts import Act, Change
from billing.admin.deeds import PROPOSABLE, Answer, Deed, Doing, Look, Outcome
from billing.admin.forms import RefundForm
from billing.admin.reading import name_of
from billing.admin.sale_tables import sold
from billing.admin.tables import page_of
from billing.admin.wallet_acts import settled
from billing.admin.wording import dollars
from billing.errors import InvalidRequest, StripeUnavailable
from billing.models import Proposal, Purchase, Refund
from billing.services import refunds
from billing.services.refunds import RefundPreview
from billing.units import format_credits

REFUND = "billing.refund_purchase"


@PROPOSABLE.add
class GiveBack(Deed):
    """A refund of a purchase, whole or in part. It is written down first; Stripe is asked after the commit."""

    act, address, permission, form_class = Proposal.Act.REFUND, "refund", REFUND, RefundForm
    row: Purchase
    refund: Refund | None = None

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return Purchase.objects.select_related("wallet__owner", "pack", "plan", "grant__wallet")

    @classmethod
    def of(cls, proposal: Proposal) -> Deed:
        return cls(cls.rows().get(pk=proposal.answers["purchase"]))

    def wallet_id(self) -> int | None:
        return self.row.wallet_id

    def form(self, data: Any = None, initial: dict[str, Any] | None = None) -> forms.Form:
        left = refunds.preview(purchase=self.row, cents=0).cents_left
        return RefundForm(data, initial={"cents": left, **(initial or {})})

    def describe(self) -> Act:
        goodwill = " Monthly credits are not refundable: this would be goodwill." if self.row.plan else ""
        return Act(
            title=f"Refund {sold(self.row)} of {name_of(self.row.wallet)}",
            button="Refund",
            back_url=page_of(self.row),
            words=f"{dollars(self.row.cents)} were paid. The same share of its credits is taken back, as far as they"
            f" are still there.{goodwill}",
            row=self.row,
        )

    def answers(self, form: forms.Form) -> dict[str, Any]:
        return {"purchase": self.row.pk, "cents": form.cleaned_data["cents"]}

    def look(self, answers: Mapping[str, Any]) -> Look:
        settled(self.row.wallet)
        purchase, cents = self.rows().get(pk=self.row.pk), answers["cents"]
        found = refunds.preview(purchase=purchase, cents=cents)
        if cents > found.cents_left:
            left = f"{found.cents_left // 100}.{found.cents_left % 100:02d}"
            raise InvalidRequest(f"${left} of this payment are left to refund.")
        return Look(changes(purchase, found), effect=_effect(found), title=f"Refund {dollars(cents)}", cents=cents)

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        refund = refunds.intend(
            purchase=self.row,
            cents=answers["cents"],
            actor=doing.actor,
            reason=doing.reason,
            key=doing.key,
            now=doing.now,
        )
        asked = f"of {dollars(refund.cents)} asked for."
        return Outcome(said=f"A refund {asked}", logged=f"Refund {refund.pk} {asked}")

    def finish(self, answer: Answer, *, key: str, now: datetime) -> Answer:
        """Ask Stripe; a refund that it can't be asked for now waits."""
        refund = Refund.objects.get(key=key)
        try:
            refund = refunds.finish_requested(refund_id=refund.pk, now=now)
        except StripeUnavailable:
            refund.refresh_from_db()
        self.refund = refund
        return _said(refund)

    def url_after(self) -> str:
        return page_of(self.refund or self.row)


def changes(purchase: Purchase, found: RefundPreview) -> Sequence[Change]:
    """Return what a refund would do to the money and to the credits."""
    returned = found.cents_paid - found.cents_left
    lines = [
        Change(
            "Returned of this payment",
            dollars(returned),
            f"{dollars(returned + found.cents)}, of {dollars(found.cents_paid)}",
        ),
    ]
    if purchase.grant is None:
        return lines
    available = purchase.wallet.available
    lines += [
        Change("Credits given", format_credits(found.granted), format_credits(found.granted)),
        Change("Spent or expired", format_credits(found.spent), format_credits(found.spent)),
        Change("Left of them", format_credits(found.left), format_credits(found.left - found.taken)),
        Change("Taken back", format_credits(found.taken_before), format_credits(found.taken_before + found.taken)),
    ]
    if found.held:
        to_come = f"{format_credits(found.to_come)} are taken when the holds return them"
        lines.append(Change("Kept by open holds", format_credits(found.held), to_come))
    if found.uncovered:
        stays = f"{format_credits(found.uncovered)}: the entry shows it, nobody collects it"
        lines.append(Change("Spent already, so not taken", "–", stays))
    return [*lines, Change("Available", format_credits(available), format_credits(available - found.taken))]


def _said(refund: Refund) -> Answer:
    """Return what became of a refund."""
    money = dollars(refund.cents)
    match refund.status:
        case Refund.Status.REQUESTED:
            return Answer(
                f"Stripe can't be reached. The refund of {money} is kept and asked for again by itself, once.",
                messages.WARNING,
            )
        case Refund.Status.REFUSED:
            return Answer(f"Stripe refused the refund of {money}: {refund.error}", messages.ERROR)
        case Refund.Status.FAILED | Refund.Status.CANCELED:
            return Answer(f"The refund of {money} failed; nothing is taken back for it.", messages.ERROR)
        case _:
            return Answer(f"{money} go back to the customer.")


def _effect(found: RefundPreview) -> str:
    """Return a text that changes whenever the refund would: not while others use credits that it doesn't take."""
    figures = (found.cents, found.cents_left, found.taken, found.to_come, found.uncovered)
    return " ".join(map(str, figures))
