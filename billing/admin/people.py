"""What belongs to a wallet beside its books: its plan, what its owner was told, its chatbots and its files."""

from typing import ClassVar

from django.contrib import admin

from billing.admin.reading import OfAWallet, credits_column, moment_column
from billing.admin.tables import anchor
from billing.models import Chatbot, Export, Notice, Subscription


@admin.register(Subscription)
class SubscriptionAdmin(OfAWallet):
    anchor, started = moment_column("anchor_at"), moment_column("started_at")
    period_start, period_end = moment_column("period_started_at"), moment_column("period_ends_at")
    credits_allowance = credits_column("allowance", "Allowance by contract", empty="The plan's")
    list_display = ("owner", "plan", "status", "credits_allowance", "period_start", "period_end")
    list_display_links = ("plan",)
    list_filter = ("plan", "status", "period_ends_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "plan"]
    fields = (
        "owner", "plan", "status", "credits_allowance", "anchor", "period", "period_start", "period_end",
        "started", "paid_by",
    )  # fmt: skip

    @admin.display(description="Paid by")
    def paid_by(self, subscription: Subscription) -> str:
        payer = subscription.stripe_subscription
        return anchor(payer.stripe_subscription_id, payer) if payer else "Nobody at Stripe"


@admin.register(Notice)
class NoticeAdmin(OfAWallet):
    credits_available = credits_column("available")
    raised, dismissed = moment_column("raised_at"), moment_column("dismissed_at", empty="No")
    list_display = ("level", "owner", "cycle", "credits_available", "raised", "dismissed")
    list_filter = ("level", "raised_at")
    fields = ("owner", "level", "cycle", "credits_available", "raised", "dismissed")


@admin.register(Chatbot)
class ChatbotAdmin(OfAWallet):
    created, paused = moment_column("created_at"), moment_column("paused_at", empty="No")
    deleted = moment_column("deleted_at", empty="No")
    list_display = ("name", "owner", "model", "state_words", "created")
    list_filter = ("model", "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "model"]
    fields = ("owner", "name", "model", "state_words", "created", "paused", "deleted")

    @admin.display(description="State")
    def state_words(self, chatbot: Chatbot) -> str:
        return str(chatbot.state.label)


@admin.register(Export)
class ExportAdmin(OfAWallet):
    """Files that owners asked for: what became of each, never what is in it."""

    created, ready = moment_column("created_at", "Asked at"), moment_column("ready_at", "Written at")
    expires, next_attempt = moment_column("expires_at", "Kept until"), moment_column("next_attempt_at")
    list_display = ("__str__", "owner", "status", "created", "ready", "attempts", "next_attempt")
    list_filter = ("status", "created_at")
    fields = (
        "owner", "what", "file_format", "status", "lines", "lines_written", "size", "attempts", "next_attempt", "error",
        "created", "ready", "expires",
    )  # fmt: skip
