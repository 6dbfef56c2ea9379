"""What people were told and whether it was mailed, and *send again* for a mail that has to leave once more."""

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
from billing.admin.reading import OfAWallet, Only, moment_column, name_of
from billing.admin.stripe_events import WithActions
from billing.admin.tables import page_of
from billing.models import MailPreference, Message
from billing.services import outbox
from billing.services.transactions import in_one_transaction

RESEND = "billing.resend_message"
Mail = Message.Mail


class InTrouble(Only):
    title = parameter_name = "trouble"
    label = "Given up, or failed at least once"
    condition = Q(mail=Mail.FAILED) | Q(mail=Mail.WAITING) & ~Q(error="")


@admin.register(Message)
class MessageAdmin(OfAWallet):
    """Messages, newest first. Only mails that left or were given up can be sent again, in the words they had."""

    actions = ("send_selected_again",)
    raised, seen = moment_column("raised_at"), moment_column("seen_at", "Seen in the app", empty="Not yet")
    sent, next_attempt = moment_column("sent_at", empty="Not sent"), moment_column("next_attempt_at", "Next attempt")
    change_form_template = "admin/billing/message/change_form.html"
    list_display = ("kind", "owner", "mail", "raised", "sent", "attempts", "short_error")
    list_filter = ("mail", InTrouble, "kind", "raised_at")
    fields = (
        "kind", "owner", "raised", "seen", "mail", "recipient", "sent", "attempts", "next_attempt", "error", "subject",
        "letter", "facts", "key",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_again_view)
        return [path("<path:object_id>/send-again/", view, name="billing_message_send_again"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[NewestFirst]:
        return WithActions

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may send again; Django asks for it before it offers the action."""
        return self.has_view_permission(request) and request.user.has_perm(RESEND)

    @admin.display(description="Error")
    def short_error(self, message: Message) -> str:
        return Truncator(message.error).chars(80)

    @admin.display(description="Text")
    def letter(self, message: Message) -> str:
        if not message.text:
            return "Not written yet: a mail is written when it is first sent."
        return format_html('<pre class="staff-payload" tabindex="0" aria-label="Text">{}</pre>', message.text)

    @admin.action(description="Send what is selected again", permissions=["resend"])
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Send the picked mails again, each in a transaction of its own; those that never left are passed over."""
        picked = list(queryset.order_by("pk"))
        again = [message for message in picked if send_again(message, actor=acts.staff_of(request))]
        passed_over = len(picked) - len(again)
        messages.success(request, f"{len(again)} of {len(picked)} mails are sent again in a moment.")
        if passed_over:
            messages.warning(request, f"{passed_over} never left, so there is nothing to send again.")

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def send_again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then send one mail again."""
        if not self.has_resend_permission(request):
            raise PermissionDenied
        rows = Message.objects.select_related("wallet__owner")
        row = rows.filter(pk=object_id).first() if is_row_number(object_id) else None
        if row is None or not can_be_sent_again(row):
            raise Http404
        if request.method == "POST":
            send_again(row, actor=acts.staff_of(request))
            messages.success(request, "It is sent again in a moment.")
            return redirect(page_of(row))
        url = reverse("admin:billing_message_send_again", args=[row.pk])
        return acts.ask(request, self, _sending(row), NothingAsked(), url=url)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a message, with *send again* for those who may."""
        row = Message.objects.filter(pk=object_id).first() if is_row_number(object_id) else None
        may = row is not None and can_be_sent_again(row) and self.has_resend_permission(request)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "may_send_again": may})


@admin.register(MailPreference)
class MailPreferenceAdmin(OfAWallet):
    """What owners of wallets have switched off, or on again."""

    changed = moment_column("changed_at")
    list_display = ("topic", "owner", "is_wanted", "changed")
    list_filter = ("topic", "is_wanted")
    fields = ("owner", "topic", "is_wanted", "changed")


def can_be_sent_again(message: Message) -> bool:
    """Return whether a mail left or was given up: any other still waits, or nobody wants it."""
    return message.mail in {Mail.SENT, Mail.FAILED}


@in_one_transaction
def send_again(message: Message, *, actor: User) -> bool:
    """Have a mail sent again, with a line in the staff's log; return whether there was one to send."""
    locked = Message.objects.select_for_update(no_key=True).get(pk=message.pk)
    if not can_be_sent_again(locked):
        return False
    outbox.send_again(message_id=locked.pk, now=timezone.now())
    acts.log(actor=actor, row=locked, message=f"Sent again; it was {locked.get_mail_display().lower()}.")
    return True


def _sending(message: Message) -> Act:
    owner = message.wallet.owner
    return Act(
        title=f"Send “{message.subject or message.get_kind_display()}” again",
        button="Send again",
        back_url=page_of(message),
        words=f"It goes to {owner.email if owner else name_of(message.wallet)}, in the words that it was first sent in."
        " Its reader may have switched such mails off since: then it isn’t sent.",
        row=message,
    )
