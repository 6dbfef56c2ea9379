"""What each reconciliation with Stripe went through, repaired and left for a person; and one more of them now."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from billing.admin import acts
from billing.admin.acts import Act
from billing.admin.forms import NothingAsked
from billing.admin.reading import Only, ReadOnly, moment_column
from billing.admin.stripe_events import REPLAY
from billing.admin.tables import Table, figure, words
from billing.models import ReconciliationRun
from billing.queue import hint

NO_ROW = 0


class WithFindings(Only):
    title = parameter_name = "findings"
    label = "With something for a person"
    condition = ~Q(findings=[])


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnly):
    """Reconciliations, newest first."""

    started = moment_column("started_at")
    finished = moment_column("finished_at", empty="Not to the end")
    change_list_template = "admin/billing/reconciliationrun/change_list.html"
    change_form_template = "admin/billing/reconciliationrun/change_form.html"
    list_display = ("started", "finished", "in_words", "figure_findings")
    list_filter = (WithFindings, "started_at")
    fields = ("started", "finished", "last_event_id")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.now_view)
        return [path("now/", view, name="billing_reconciliationrun_now"), *super().get_urls()]

    @admin.display(description="Went through")
    def in_words(self, run: ReconciliationRun) -> str:
        return ", ".join(f"{number:,} {what}" for what, number in run.counts.items()) or "Nothing"

    @admin.display(description="For a person")
    def figure_findings(self, run: ReconciliationRun) -> str:
        return f"{len(run.findings):,}"

    def title_of(self, row: ReconciliationRun) -> str:
        return f"Reconciliation {row.pk}"

    def tables(self, row: ReconciliationRun) -> Sequence[Table]:
        return [
            Table(
                title="What it went through",
                columns=["What", "How many"],
                rows=[[words(what.capitalize()), figure(number)] for what, number in row.counts.items()],
                empty="There was nothing new at Stripe.",
            )
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def now_view(self, request: HttpRequest) -> HttpResponse:
        """Ask, then let a worker reconcile now instead of at the next full hour."""
        if not may_reconcile(self, request):
            raise PermissionDenied
        if request.method == "POST":
            hint("billing.tasks.reconcile_with_stripe", NO_ROW)
            messages.success(request, "A worker begins in a moment. Load this page again to see what it finds.")
            return redirect("admin:billing_reconciliationrun_changelist")
        url = reverse("admin:billing_reconciliationrun_now")
        return acts.ask(request, self, _reconciling(), NothingAsked(), url=url, is_last=True)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with *reconcile now* for those who may."""
        more = {**(extra_context or {}), "may_reconcile": may_reconcile(self, request)}
        return super().changelist_view(request, more)


def may_reconcile(page: "admin.ModelAdmin[Any]", request: HttpRequest) -> bool:
    """Return whether this member of staff may have Stripe asked again: who may replay one event, may replay all."""
    return page.has_view_permission(request) and request.user.has_perm(REPLAY)


def _reconciling() -> Act:
    return Act(
        title="Reconcile with Stripe now",
        button="Reconcile",
        back_url=reverse("admin:billing_reconciliationrun_changelist"),
        words="What Stripe has is compared with our books: what was missed is made up for, the rest is listed."
        " It also runs every hour by itself, and twice is harmless.",
    )
