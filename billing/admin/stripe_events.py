"""The inbox of Stripe's events: what came, what became of it, and *replay* for what has to be looked at again."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods

from accounts.models import User
from billing.admin import acts
from billing.admin.acts import Act
from billing.admin.forms import NothingAsked
from billing.admin.paging import NewestFirst, is_row_number
from billing.admin.reading import Only, ReadOnly, moment_column
from billing.admin.stripe_links import Shelf, stripe_column
from billing.admin.tables import page_of
from billing.models import StripeEvent
from billing.queue import hint
from billing.services import inbox
from billing.services.transactions import in_one_transaction

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


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnly):
    """Events, newest first. Replaying one is always safe: it only looks at the same object of Stripe's again."""

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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.replay_view)
        return [path("<path:object_id>/replay/", view, name="billing_stripeevent_replay"), *super().get_urls()]

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
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        """Handle the picked events again, each in a transaction of its own."""
        events = list(queryset.order_by("pk"))
        for event in events:
            replay(event, actor=acts.staff_of(request))
        said = "1 event is" if len(events) == 1 else f"{len(events)} events are"
        messages.success(request, f"{said} handled again in a moment.")

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def replay_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then handle one event again."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        event = StripeEvent.objects.filter(pk=object_id).first() if is_row_number(object_id) else None
        if event is None:
            raise Http404
        if request.method == "POST":
            replay(event, actor=acts.staff_of(request))
            messages.success(request, "It is handled again in a moment.")
            return redirect(page_of(event))
        url = reverse("admin:billing_stripeevent_replay", args=[event.pk])
        return acts.ask(request, self, _replaying(event), NothingAsked(), url=url)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show an event, with *replay* for those who may."""
        more = {**(extra_context or {}), "may_replay": self.has_replay_permission(request)}
        return super().change_view(request, object_id, form_url, more)


@in_one_transaction
def replay(event: StripeEvent, *, actor: User) -> None:
    """Let an event be handled again, with a line in the staff's log."""
    before = event.get_status_display().lower()
    inbox.replay(event_id=event.pk, now=timezone.now())
    hint("billing.tasks.handle_stripe_event", event.pk)
    acts.log(actor=actor, row=event, message=f"Replayed; it was {before} after {event.attempts} attempts.")


def _replaying(event: StripeEvent) -> Act:
    return Act(
        title=f"Replay {event.type}",
        button="Replay",
        back_url=page_of(event),
        words=f"{event.object_id} is fetched from Stripe as it is now, and what follows from it is done unless it was."
        " Nothing is ever granted or taken back twice.",
        row=event,
    )
