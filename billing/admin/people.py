"""What belongs to a wallet beside its books: its plan, what its owner was told, its chatbots."""

from typing import ClassVar

from django.contrib import admin

from billing.admin.reading import OfAWallet, credits_column
from billing.models import Chatbot, Notice, Subscription


@admin.register(Subscription)
class SubscriptionAdmin(OfAWallet):
    credits_allowance = credits_column("allowance", "Allowance by contract", empty="The plan's")
    list_display = ("owner", "plan", "status", "credits_allowance", "period_started_at", "period_ends_at")
    list_display_links = ("plan",)
    list_filter = ("plan", "status", "period_ends_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "plan"]
    fields = (
        "owner", "plan", "status", "credits_allowance", "anchor_at", "period", "period_started_at", "period_ends_at",
        "started_at",
    )  # fmt: skip


@admin.register(Notice)
class NoticeAdmin(OfAWallet):
    credits_available = credits_column("available")
    list_display = ("level", "owner", "cycle", "credits_available", "raised_at", "dismissed_at")
    list_filter = ("level", "raised_at")
    fields = ("owner", "level", "cycle", "credits_available", "raised_at", "dismissed_at")


@admin.register(Chatbot)
class ChatbotAdmin(OfAWallet):
    list_display = ("name", "owner", "model", "created_at", "paused_at")
    list_filter = ("model", "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "model"]
    fields = ("owner", "name", "model", "created_at", "paused_at")
