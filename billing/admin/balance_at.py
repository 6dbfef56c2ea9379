"""Why is the balance what it is? A wallet's page that answers for any moment and any entry, from the books."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from billing.admin import listings
from billing.admin.forms import MomentField
from billing.admin.reading import ReadOnly, name_of
from billing.admin.sale_tables import sold
from billing.admin.tables import Table, credits_cell, figure, link, moment, page_of, words
from billing.admin.wallet_acts import settled
from billing.models import Grant, Wallet
from billing.selectors import staff_balance
from billing.selectors.staff_balance import Answer, Step
from billing.units import LARGEST_AMOUNT

READ = "billing.view_ledgerentry"


class PlaceForm(forms.Form):
    """A place in a wallet's books: a moment in the reader's zone, or an entry's number; neither means now."""

    at = MomentField(label="Date and time", required=False)
    entry = forms.IntegerField(
        label="or entry number",
        required=False,
        min_value=1,
        max_value=LARGEST_AMOUNT,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": 20, "size": 12}),
    )

    def __init__(self, *arguments: Any, last: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._last = last

    def clean_entry(self) -> int | None:
        """Return the number; raises ValidationError for one that the wallet doesn't have."""
        entry: int | None = self.cleaned_data["entry"]
        if entry is not None and entry > self._last:
            raise forms.ValidationError(
                f"This wallet’s entries are #1 to #{self._last}." if self._last else "This wallet has no entries yet."
            )
        return entry

    def clean(self) -> dict[str, Any] | None:
        if self.cleaned_data.get("at") and self.cleaned_data.get("entry"):
            self.add_error("entry", "Ask for a moment or for an entry, not for both.")
        return self.cleaned_data


class BalanceAt(ReadOnly):
    """The page beside a wallet's own."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.balance_view)
        return [path("<int:wallet_id>/balance/", view, name="billing_wallet_balance"), *super().get_urls()]

    @method_decorator(require_safe)
    def balance_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Show the balance at a place in the books, and how it came about."""
        if not request.user.has_perm(READ):
            raise PermissionDenied
        wallet = settled(get_object_or_404(Wallet.objects.select_related("owner"), pk=wallet_id))
        now = timezone.now()
        form = PlaceForm(request.GET, last=staff_balance.last_sequence(wallet))
        answer = None
        if form.is_valid():
            entry, at = form.cleaned_data["entry"], form.cleaned_data["at"] or now
            answer = staff_balance.after_entry(wallet, entry) if entry else staff_balance.at_moment(wallet, at)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Why is the balance of {name_of(wallet)} what it is?",
            "original": wallet,
            "back_url": page_of(wallet),
            "timeline_url": reverse("admin:billing_wallet_timeline", args=[wallet.pk]),
            "form": form,
            "answer": answer,
            "zone": timezone.get_current_timezone_name(),
            "is_ahead": bool(answer and answer.at and answer.at > now),
            "is_now": not any(request.GET.get(name) for name in form.fields),
            "tables": _tables(answer) if answer and answer.entry else (),
        }
        return TemplateResponse(request, "admin/billing/timeline/balance.html", context)


def _tables(answer: Answer) -> list[Table]:
    tables = [_sum(answer), _grants(answer)]
    if answer.later:
        tables.append(listings.entries(answer.later, title="Due by then, and written down afterwards"))
    return [*tables, listings.entries(answer.before, title="The last entry, and those before it")]


def _sum(answer: Answer) -> Table:
    """Return the arithmetic, line by line: each column adds up to its last line."""
    return Table(
        title="How it adds up",
        columns=["Since the cycle began", "Entries", "Available", "Held", "Both"],
        rows=[
            _line(answer.opening, f"Before cycle {answer.entry.cycle}" if answer.entry else ""),
            *(_line(step, step.label, signed=True) for step in answer.steps),
            _line(answer.closing, "Balance"),
        ],
        empty="",
    )


def _line(step: Step, label: str, *, signed: bool = False) -> list[Any]:
    amounts: Iterable[int] = (step.available, step.held, step.posted)
    return [words(label), figure(step.entries), *(credits_cell(amount, signed=signed) for amount in amounts)]


def _grants(answer: Answer) -> Table:
    return Table(
        title="Which grants made it up",
        columns=["Grant", "From", "Given", "Used", "Expired", "Taken", "Held", "Left", "Expires"],
        rows=[
            [
                link(_name_of(part.grant), part.grant),
                moment(part.grant.effective_at),
                *(
                    credits_cell(amount)
                    for amount in (part.given, part.spent, part.expired, part.taken, part.held, part.left)
                ),
                moment(part.grant.expires_at, missing="Never"),
            ]
            for part in answer.parts
        ],
        empty="No grant had anything left.",
    )


def _name_of(grant: Grant) -> str:
    """Return what a grant is, with what was paid for it: "Credit pack 17, 1,000 credits"."""
    purchase = getattr(grant, "purchase", None)
    return f"{grant}, {sold(purchase)}" if purchase else str(grant)
