"""Every address of the product."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from billing.api import api
from billing.api.door import openapi
from billing.urls import api_key_urls, chatbot_urls, personal_urls, public_urls, support_urls, webhook_urls
from cleverai import crawlers, health, seeing_as, views

urlpatterns = [
    path("", views.home, name="home"),
    path("", include(public_urls)),
    path("settings/", include("accounts.urls")),
    path("settings/", include(personal_urls)),
    path("settings/billing/", include("billing.urls")),
    path("settings/api-keys/", include(api_key_urls)),
    path("chatbots/", include(chatbot_urls)),
    path("support/", include(support_urls)),
    path("stripe/", include(webhook_urls)),
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/", api.urls),
    path("accounts/", include("allauth.urls")),
    path("admin/login/", views.staff_login, name="staff_login"),
    path("admin/", admin.site.urls),
    path("seeing-as/", seeing_as.seeing_as_page, name="seeing_as"),
    path("robots.txt", crawlers.robots, name="robots"),
    path("sitemap.xml", crawlers.site_map, name="site_map"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
if settings.DEVELOPMENT:
    urlpatterns.append(path("sandbox/", include("sandbox.urls")))

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler429 = views.too_many_requests
handler500 = views.server_error
