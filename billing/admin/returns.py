"""Returning charges of many customers at once: what that would come to, doing it once, and how far it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.deeds import PROPOSABLE, Deed, Doing, Look, Outcome
from billing.admin.forms import ReturnForm
from billing.admin.reading import OfAWallet, credits_column, moment_column, name_of, yes_column
from billing.admin.tables import Table, anchor, credits_cell, figure, link, show_moment, words
from billing.admin.wording import counted
from billing.errors import InvalidRequest
from billing.models import ChargeReturn, Proposal, Wallet, WalletReturn
from billing.selectors import returns as figures
from billing.selectors.returns import Part, Preview, Span
from billing.selectors.words import credits_words
from billing.services import returns
from billing.units import format_credits

RETURN = "billing.return_charges"
Status = WalletReturn.Status


@PROPOSABLE.add
class ReturnCharges(Deed):
    """Return every charge of a feature in a span of time; none is ever returned twice."""

    act, address, permission, form_class = Proposal.Act.RETURN, "add", RETURN, ReturnForm
    has_a_row, prefilled = False, ("feature",)
    begun: ChargeReturn | None = None

    def describe(self) -> Act:
        return Act(
            title="Return charges",
            button="Return the charges",
            back_url=reverse("admin:billing_chargereturn_changelist"),
            words="For credits that customers should not have been charged. Charges of the feature are returned,"
            " captures of holds too, its part of workflow runs, and for a chat model the messages of chatbots that use"
            " it. Each wallet gets back what it really paid, as one grant, and its owner is told. What was used under"
            " an unlimited contract paid nothing. A charge that was returned before is left out, and so are wallets"
            " of staff: whoever returns charges gets none of them.",
        )

    def answers(self, form: forms.Form) -> dict[str, Any]:
        answers = form.cleaned_data
        expires_at = answers["expires_at"]
        return {
            "feature": answers["feature"].pk,
            "from_at": answers["from_at"].isoformat(),
            "until": answers["until"].isoformat(),
            "is_reason_shown": answers["is_reason_shown"],
            "expires_at": expires_at.isoformat() if expires_at else None,
        }

    def look(self, answers: Mapping[str, Any]) -> Look:
        span, expires_at = _span(answers), _moment(answers["expires_at"])
        returns.check(span, expires_at=expires_at, now=timezone.now())
        found = figures.preview(span)
        if not found.charges:
            raise InvalidRequest(_why_nothing(found))
        changes = [
            Change("Wallets", "–", f"{found.wallets:,}"),
            Change("Charges", "–", f"{found.charges:,}"),
            Change("Credits", "–", format_credits(found.amount)),
            Change("They expire", "–", show_moment(expires_at) if expires_at else "Never"),
            Change("Customers read the reason", "–", "Yes" if answers["is_reason_shown"] else "No"),
        ]
        if found.charges_before:
            rest = f"{counted(found.charges_before, 'charge')}, {credits_words(found.amount_before)}: left out"
            changes.append(Change("Returned before", rest, "Only the rest is returned"))
        if found.ownerless:
            changes.append(Change("Wallets whose owners have left", "–", _get_nothing(found.ownerless)))
        if found.of_staff:
            changes.append(Change("Wallets of staff", "–", f"{_get_nothing(found.of_staff)}: adjust them one by one"))
        return Look(
            changes,
            effect=f"{found.wallets} {found.charges} {found.amount}",
            title=f"Return {credits_words(found.amount)} of {span.feature} to {counted(found.wallets, 'wallet')}",
            tables=lambda: [_largest(found.largest)],
            credits=found.amount,
        )

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        self.begun = returns.begin(
            span=_span(answers),
            reason=doing.reason,
            is_reason_shown=answers["is_reason_shown"],
            expires_at=_moment(answers["expires_at"]),
            actor=doing.actor,
            key=doing.key,
            now=doing.now,
        )
        return Outcome(
            said=f"A worker returns the charges now: return {self.begun.pk}. Load its page again to see how far it is.",
            logged="Begun.",
        )

    def logged_on(self) -> ChargeReturn | None:
        return self.begun

    def url_after(self) -> str:
        return reverse("admin:billing_chargereturn_changelist")


@admin.register(ChargeReturn)
class ChargeReturnAdmin(WithActs):
    """Returns, newest first; each one's page says how far it is."""

    deeds = (ReturnCharges,)
    starts, ends = moment_column("from_at", "From"), moment_column("until")
    asked, finished = moment_column("asked_at"), moment_column("finished_at", empty="Not yet")
    expires = moment_column("expires_at", empty="Never")
    shows_reason = yes_column("is_reason_shown", "Customers read the reason")
    change_form_template = "admin/billing/chargereturn/change_form.html"
    list_display = ("feature", "starts", "ends", "asked_by", "asked", "finished")
    list_filter = ("feature", "asked_at")
    list_select_related = ("feature", "asked_by")
    fields = ("feature", "starts", "ends", "reason", "shows_reason", "expires", "asked_by", "asked", "finished")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(RETURN)

    def page_context(self, request: HttpRequest, row: ChargeReturn) -> dict[str, Any]:
        """Return how far it is."""
        return {**super().page_context(request, row), "course": figures.course(row)}

    def title_of(self, row: ChargeReturn) -> str:
        return f"Return {row.pk} of {row.feature} charges"

    def tables(self, row: ChargeReturn) -> Sequence[Table]:
        """Return the wallets by state, the largest parts, and what failed."""
        course, parts = figures.course(row), row.wallets.select_related("wallet__owner")
        of_return = f"{reverse('admin:billing_walletreturn_changelist')}?charge_return__id__exact={row.pk}"
        failed = list(parts.exclude(error="").order_by("pk")[: figures.LARGEST])
        by_state = Table(
            title="Wallets by state",
            columns=["State", "Wallets"],
            rows=[[words(state.label), figure(course.wallets.get(state, 0))] for state in Status],
            empty="",
            all_url=of_return,
            all_label="All wallets of this return",
        )
        largest = parts.filter(status=Status.RETURNED).order_by("-amount", "pk")[: figures.LARGEST]
        return [
            by_state,
            _parts(largest, title="The largest parts", empty="Nothing was returned yet."),
            *([_parts(failed, title="What went wrong", empty="")] if failed else []),
        ]


@admin.register(WalletReturn)
class WalletReturnAdmin(OfAWallet):
    """Each wallet's part of a return."""

    credits_returned = credits_column("amount", "Credits")
    list_display = ("owner", "charge_return", "status", "charges", "credits_returned")
    list_filter = ("status", "charge_return")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "charge_return__feature", "grant"]
    fields = ("owner", "charge_return", "status", "charges", "credits_returned", "given", "attempts", "error")

    @admin.display(description="Grant")
    def given(self, row: WalletReturn) -> str:
        return anchor(row.grant, row.grant) if row.grant else "None"


def _why_nothing(found: Preview) -> str:
    """Return that there is nothing to return, and what is left out."""
    before = f" {counted(found.charges_before, 'charge')} {_were(found.charges_before)} returned before."
    return (
        f"There is nothing to return.{before if found.charges_before else ''}"
        f"{' Staff get nothing back this way.' if found.of_staff else ''}"
    )


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _get_nothing(count: int) -> str:
    return f"{count:,} {'gets' if count == 1 else 'get'} nothing"


def _span(answers: Mapping[str, Any]) -> Span:
    return Span(
        answers["feature"], datetime.fromisoformat(answers["from_at"]), datetime.fromisoformat(answers["until"])
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _largest(parts: Sequence[Part]) -> Table:
    """Return the wallets that would get most."""
    owners = Wallet.objects.select_related("owner").in_bulk([part.wallet_id for part in parts])
    return Table(
        title=f"The {len(parts)} largest" if len(parts) > 1 else "The largest",
        columns=["Wallet", "Charges", "Credits"],
        rows=[
            [
                link(name_of(owners[part.wallet_id]), owners[part.wallet_id]),
                figure(part.charges),
                credits_cell(part.amount),
            ]
            for part in parts
        ],
        empty="",
    )


def _parts(parts: Any, *, title: str, empty: str) -> Table:
    return Table(
        title=title,
        columns=["Wallet", "State", "Charges", "Credits", "Error"],
        rows=[
            [
                link(name_of(part.wallet), part.wallet),
                words(part.get_status_display()),
                figure(part.charges),
                credits_cell(part.amount),
                words(part.error),
            ]
            for part in parts
        ],
        empty=empty,
    )
