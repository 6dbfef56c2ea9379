"""What people were told and whether it was mailed, and *send again* for a mail that has to leave once more."""

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
from billing.admin.reading import OfAWallet, Only, moment_column, name_of
from billing.admin.stripe_events import WithActions
from billing.admin.tables import page_of
from billing.admin.wording import counted
from billing.errors import InvalidRequest
from billing.models import MailPreference, Message
from billing.services import outbox

RESEND = "billing.resend_message"
Mail = Message.Mail


class InTrouble(Only):
    title = parameter_name = "trouble"
    label = "Given up, or failed at least once"
    condition = Q(mail=Mail.FAILED) | Q(mail=Mail.WAITING) & ~Q(error="")


class SendAgain(Deed):
    """Have a mail leave once more."""

    act, address, permission, form_class = "resending", "send-again", RESEND, ReasonForm
    row: Message

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return Message.objects.select_related("wallet__owner")

    def wallet_id(self) -> int | None:
        return self.row.wallet_id

    def describe(self) -> Act:
        return Act(
            title=f"Send “{self.row.subject or self.row.get_kind_display()}” again",
            button="Send again",
            back_url=page_of(self.row),
            words=f"It goes to {_reader(self.row)}, in the words that it was first sent in."
            " Its reader may have switched such mails off since: then it isn’t sent.",
            row=self.row,
        )

    def pointless(self) -> str:
        return "" if can_be_sent_again(self.row) else "It never left, or waits already."

    def look(self, answers: Mapping[str, Any]) -> Look:
        if not can_be_sent_again(self.row):
            raise InvalidRequest("It never left, or waits already: there is nothing to send again.")
        mail = self.row.get_mail_display()
        changes = [Change("Mail", mail, "Waiting"), Change("To", self.row.recipient or "–", _reader(self.row))]
        return Look(changes, effect=f"{self.row.mail} {self.row.sent_at}")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        outbox.send_again(message_id=self.row.pk, now=doing.now)
        before = self.row.get_mail_display().lower()
        said = "It is sent again in a moment."
        return Outcome(said, logged=f"Sent again; it was {before}. {doing.reason}")


@admin.register(Message)
class MessageAdmin(WithActs, OfAWallet):
    """Messages, newest first. Only mails that left or were given up can be sent again, in the words they had."""

    deeds = (SendAgain,)
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
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Ask why, then send the picked mails again; those that never left are passed over."""
        picked = list(queryset.select_related("wallet__owner").order_by("pk"))
        done = self.do_to_picked(request, picked, SendAgain, action="send_selected_again", title="Send again")
        if isinstance(done, HttpResponse):
            return done
        if done:
            are = "is" if done == 1 else "are"
            messages.success(request, f"{done} of {counted(len(picked), 'mail')} {are} sent again in a moment.")
        if passed_over := len(picked) - done:
            wait = "waits" if passed_over == 1 else "wait"
            messages.warning(request, f"{passed_over} never left or {wait} already, so there is nothing to send again.")
        return None

    def page_context(self, request: HttpRequest, row: Message) -> dict[str, Any]:
        """Return whether it can be sent again, by who may."""
        may = can_be_sent_again(row) and self.has_resend_permission(request)
        return {**super().page_context(request, row), "may_send_again": may}


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


def _reader(message: Message) -> str:
    owner = message.wallet.owner
    return owner.email if owner else name_of(message.wallet)
