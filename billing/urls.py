"""Pages of billing, below /settings/billing/."""

from django.urls import path

from billing.views import balance, history, overview, usage

app_name = "billing"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("usage/", usage.usage, name="usage"),
    path("history/", history.history, name="history"),
    path("history/<int:sequence>/", history.receipt, name="receipt"),
    path("balance/", balance.balance, name="balance"),
    path("notices/<int:notice_id>/dismiss/", balance.dismiss, name="dismiss"),
]
