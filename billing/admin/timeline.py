"""All that happened to a wallet on one page: its line of time, filtered by kinds and days, read by key."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from billing.admin import timeline_words
from billing.admin.balance_at import READ
from billing.admin.reading import ReadOnly, name_of
from billing.admin.tables import page_of
from billing.admin.wallet_acts import settled
from billing.models import Wallet
from billing.selectors import staff_timeline
from billing.selectors.spans import FIRST_DAY, LAST_DAY
from billing.selectors.staff_timeline import Source, Span
from billing.selectors.staff_timeline_sources import GROUPS, readable

ONE_DAY = timedelta(days=1)


class DayInput(forms.DateInput):
    """The browser's own field for a day."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class LineForm(forms.Form):
    """Which kinds to show, none means all, and of which days in the reader's zone."""

    kind = forms.MultipleChoiceField(label="Kinds", required=False, widget=forms.CheckboxSelectMultiple)
    first = forms.DateField(label="From", required=False, widget=DayInput, input_formats=["%Y-%m-%d"])
    last = forms.DateField(label="To", required=False, widget=DayInput, input_formats=["%Y-%m-%d"])

    def __init__(self, *arguments: Any, groups: list[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["kind"].choices = [(word, GROUPS[word]) for word in groups]  # type: ignore[attr-defined]

    def clean_first(self) -> date | None:
        """Return the day; raises ValidationError for one in another millennium."""
        return _checked(self.cleaned_data["first"])

    def clean_last(self) -> date | None:
        """Return the day; raises ValidationError for one in another millennium."""
        return _checked(self.cleaned_data["last"])

    def clean(self) -> dict[str, Any] | None:
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and first > last:
            self.add_error("last", "The last day is before the first.")
        return self.cleaned_data

    @property
    def span(self) -> Span:
        """The moments of the days that were asked for."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return Span(_midnight(first) if first else None, _midnight(last + ONE_DAY) if last else None)


class Timeline(ReadOnly):
    """The page beside a wallet's own."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.timeline_view)
        return [path("<int:wallet_id>/timeline/", view, name="billing_wallet_timeline"), *super().get_urls()]

    @method_decorator(require_safe)
    def timeline_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Show what happened, as far as this member of staff may read it."""
        if not request.user.has_perm(READ):
            raise PermissionDenied
        wallet = settled(get_object_or_404(Wallet.objects.select_related("owner"), pk=wallet_id))
        sources = readable(request.user.has_perm)
        form = LineForm(request.GET, groups=[word for word in GROUPS if any(each.group == word for each in sources)])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"What happened to {name_of(wallet)}",
            "original": wallet,
            "back_url": page_of(wallet),
            "balance_url": reverse("admin:billing_wallet_balance", args=[wallet.pk]),
            "form": form,
            "zone": timezone.get_current_timezone_name(),
            **(self._line(request, wallet, sources, form) if form.is_valid() else {}),
        }
        return TemplateResponse(request, "admin/billing/timeline/timeline.html", context)

    def _line(self, request: HttpRequest, wallet: Wallet, sources: list[Source], form: LineForm) -> dict[str, Any]:
        kinds = form.cleaned_data["kind"]
        before = staff_timeline.read_cursor(request.GET.get("before", ""))
        wanted = [source for source in sources if not kinds or source.group in kinds]
        page = staff_timeline.page(wallet, wanted, form.span, before=before)
        query = list(_query(form))
        older = urlencode([*query, ("before", page.older.text)]) if page.older else ""
        return {
            "days": timeline_words.by_day(timeline_words.told(wallet, page.happenings)),
            "groups": GROUPS,
            "older_url": f"?{older}" if older else "",
            "newest_url": f"?{urlencode(query)}" if before else "",
            "is_filtered": bool(query),
        }


def _query(form: LineForm) -> Iterator[tuple[str, str]]:
    """Yield what an address says to ask the same again."""
    for kind in form.cleaned_data["kind"]:
        yield "kind", kind
    for name in ("first", "last"):
        if day := form.cleaned_data[name]:
            yield name, day.isoformat()


def _checked(day: date | None) -> date | None:
    if day is not None and not FIRST_DAY <= day <= LAST_DAY:
        raise forms.ValidationError("Choose a day from 2000 to 2999.")
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
