"""Pages of billing, below /settings/billing/."""

from django.urls import URLPattern

app_name = "billing"
urlpatterns: list[URLPattern] = []
