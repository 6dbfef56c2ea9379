"""Pages of billing, below /settings/billing/, and where Stripe tells us of events."""

from django.urls import path

from billing.api import pages as api_pages
from billing.views import (
    api_keys,
    balance,
    calculators,
    chatbots,
    checkouts,
    contracts,
    export_files,
    exports,
    history,
    insights,
    leaving,
    notifications,
    overview,
    packs,
    payment,
    personal_data,
    plans,
    portal,
    preferences,
    public,
    support,
    unsubscribe,
    usage,
    webhooks,
)

app_name = "billing"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("usage/", usage.usage, name="usage"),
    path("history/", history.history, name="history"),
    path("history/<int:sequence>/", history.receipt, name="receipt"),
    path("export/", exports.export, name="export"),
    path("export/files/", export_files.begin_export, name="begin_export"),
    path("export/files/<int:export_id>/", export_files.export_progress, name="export_progress"),
    path("export/files/<int:export_id>/download/", export_files.export_download, name="export_download"),
    path("export/<str:what>.<str:ending>", exports.export_file, name="export_file"),
    path("insights/", insights.insights, name="insights"),
    path("plans/", plans.plans, name="plans"),
    path("contract/", contracts.contract, name="contract"),
    path("buy/", packs.buy, name="buy"),
    path("purchases/<int:purchase_id>/receipt/", packs.payment_receipt, name="payment_receipt"),
    path("checkout/pack/<str:code>/", packs.buy_pack, name="buy_pack"),
    path("checkout/plan/<str:code>/", plans.choose_plan, name="choose_plan"),
    path("checkout/<uuid:checkout_id>/return/", checkouts.checkout_return, name="checkout_return"),
    path("checkout/<uuid:checkout_id>/progress/", checkouts.checkout_progress, name="checkout_progress"),
    path("checkout/<uuid:checkout_id>/cancelled/", checkouts.checkout_cancelled, name="checkout_cancelled"),
    path("portal/return/", portal.portal_return, name="portal_return"),
    path("portal/<str:flow>/", portal.portal, name="portal"),
    path("payment/", payment.payment, name="payment"),
    path("balance/", balance.balance, name="balance"),
    path("notices/<int:notice_id>/dismiss/", balance.dismiss, name="dismiss"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/unread/", notifications.unread, name="unread"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("preferences/limits/", preferences.limits, name="limits"),
    path("preferences/limits/effect/", preferences.limits_effect, name="limits_effect"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]

#: Below /chatbots/, in a namespace of their own.
chatbot_urls = (
    [
        path("", chatbots.chatbots_page, name="list"),
        path("new/", chatbots.create, name="create"),
        path("<int:chatbot_id>/edit/", chatbots.change, name="change"),
        path("<int:chatbot_id>/pause/", chatbots.pause, name="pause"),
        path("<int:chatbot_id>/resume/", chatbots.resume, name="resume"),
        path("<int:chatbot_id>/delete/", chatbots.delete, name="delete"),
    ],
    "chatbots",
)

#: Below /support/, in a namespace of its own.
support_urls = ([path("", support.requests, name="requests")], "support")

#: Below /settings/, in a namespace of their own.
personal_urls = (
    [
        path("data/", personal_data.data, name="data"),
        path("data/archive/", personal_data.archive, name="archive"),
        path("data/delete/", leaving.leave, name="leave"),
        path("data/delete/now/", leaving.delete_account, name="delete_account"),
    ],
    "personal",
)

#: Below /settings/api-keys/, in a namespace of their own.
api_key_urls = (
    [
        path("", api_keys.keys_page, name="list"),
        path("new/", api_keys.create, name="create"),
        path("<int:key_id>/replace/", api_keys.replace, name="replace"),
        path("<int:key_id>/expiry/", api_keys.expiry, name="expiry"),
        path("<int:key_id>/revoke/", api_keys.revoke, name="revoke"),
    ],
    "api_keys",
)

#: Below /stripe/, outside the pages.
webhook_urls = [path("webhook/", webhooks.stripe_webhook, name="stripe_webhook")]

#: Open to everybody, at the top of the site.
public_urls = [
    path("credits/", public.credits_page, name="credits"),
    path("goodbye/", leaving.goodbye, name="goodbye"),
    path("pricing/", public.pricing, name="pricing"),
    path("credits/calculator/", calculators.calculator, name="calculator"),
    path("docs/api/", api_pages.reference_page, name="api_reference"),
    path("api/problems/<str:name>/", api_pages.problem_page, name="api_problem"),
]
