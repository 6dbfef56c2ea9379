"""The inbox of Stripe's events: what came, what became of it, and *replay* for what has to be looked at again."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.text import Truncator

from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.deeds import Deed, Doing, Look, Outcome
from billing.admin.forms import ReasonForm
from billing.admin.paging import NewestFirst
from billing.admin.reading import Only, moment_column
from billing.admin.stripe_links import Shelf, stripe_column
from billing.admin.tables import page_of
from billing.admin.wording import counted
from billing.models import StripeEvent
from billing.queue import hint
from billing.services import inbox

REPLAY = "billing.replay_stripeevent"


class InTrouble(Only):
    title = parameter_name = "trouble"
    label = "Failed at least once, and not handled"
    condition = Q(status=StripeEvent.Status.FAILED) | Q(status=StripeEvent.Status.PENDING) & ~Q(error="")


class WithActions(NewestFirst):
    """A list read by key whose rows can be picked."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.show_admin_actions = True


class Replay(Deed):
    """Let an event be followed again."""

    act, address, permission, form_class = "replay", "replay", REPLAY, ReasonForm
    row: StripeEvent

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return StripeEvent.objects.all()

    def describe(self) -> Act:
        return Act(
            title=f"Replay {self.row.type}",
            button="Replay",
            back_url=page_of(self.row),
            words=f"{self.row.object_id} is fetched from Stripe as it is now, and what follows from it is done unless"
            " it was. Nothing is ever granted or taken back twice.",
            row=self.row,
        )

    def look(self, answers: Mapping[str, Any]) -> Look:
        return Look([Change("State", self.row.get_status_display(), "Waiting")], effect=self.row.status)

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        before = f"{self.row.get_status_display().lower()} after {self.row.attempts} attempts"
        inbox.replay(event_id=self.row.pk, now=doing.now)
        hint("billing.tasks.handle_stripe_event", self.row.pk)
        said = "It is handled again in a moment."
        return Outcome(said, logged=f"Replayed; it was {before}. {doing.reason}")


@admin.register(StripeEvent)
class StripeEventAdmin(WithActs):
    """Events, newest first. Replaying one is always safe: it only looks at the same object of Stripe's again."""

    deeds = (Replay,)
    actions = ("replay_selected",)
    at_stripe = stripe_column("stripe_event_id", Shelf.EVENTS, "Event at Stripe")
    occurred, received = moment_column("occurred_at", "Occurred, by Stripe's clock"), moment_column("received_at")
    next_attempt = moment_column("next_attempt_at", "Next attempt")
    finished = moment_column("finished_at", empty="Not yet")
    change_form_template = "admin/billing/stripeevent/change_form.html"
    list_display = ("type", "status", "received", "short_object", "attempts", "next_attempt", "short_error", "via")
    list_filter = ("status", InTrouble, "via", "received_at", "type")
    search_fields = ("stripe_event_id", "object_id")
    search_help_text = "The whole id of an event, or of the object that it is about."
    fields = (
        "type", "object_id", "at_stripe", "status", "error", "attempts", "next_attempt", "finished", "via", "occurred",
        "received", "version", "pretty_payload",
    )  # fmt: skip

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[NewestFirst]:
        return WithActions

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(Q(stripe_event_id=term) | Q(object_id=term)) if term else queryset), False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may replay; Django asks for it before it offers the action."""
        return self.has_view_permission(request) and request.user.has_perm(REPLAY)

    @admin.display(description="About")
    def short_object(self, event: StripeEvent) -> str:
        return Truncator(event.object_id).chars(30)

    @admin.display(description="Error")
    def short_error(self, event: StripeEvent) -> str:
        return Truncator(event.error).chars(80)

    @admin.display(description="API version")
    def version(self, event: StripeEvent) -> str:
        return event.api_version or "Not said"

    @admin.display(description="What Stripe sent")
    def pretty_payload(self, event: StripeEvent) -> str:
        text = json.dumps(event.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="staff-payload" tabindex="0" aria-label="Payload">{}</pre>', text)

    @admin.action(description="Replay what is selected", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> HttpResponse | None:
        """Ask why, then handle the picked events again."""
        picked = list(queryset.order_by("pk"))
        done = self.do_to_picked(request, picked, Replay, action="replay_selected", title="Replay")
        if isinstance(done, HttpResponse):
            return done
        if done:
            are = "is" if done == 1 else "are"
            messages.success(request, f"{counted(done, 'event')} {are} handled again in a moment.")
        else:
            messages.info(request, "They were replayed before.")
        return None
