"""Every address that the product answers, as its URL patterns tell it, and who may see what is there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

EVERYBODY, SIGNED_IN, OWNER = "everybody", "whoever is signed in", "its owner alone"


@dataclass(frozen=True, slots=True)
class Row:
    """Who may see an address, and one that the pattern matches; {…} is filled in with something of Alice's."""

    seen_by: str
    address: str


def patterns() -> list[str]:
    """Return the pattern of each route, as Django joins it."""
    return list(_walk(get_resolver().url_patterns))


def _walk(entries: Sequence[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for entry in entries:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield pattern
        else:
            yield from _walk(entry.url_patterns, pattern)


def row(seen_by: str, pattern: str, address: str = "") -> tuple[str, Row]:
    return pattern, Row(seen_by, address or f"/{pattern}")


ROWS = dict(
    [
        row(EVERYBODY, ""),
        row(EVERYBODY, "credits/"),
        row(EVERYBODY, "pricing/"),
        row(EVERYBODY, "docs/api/"),
        row(EVERYBODY, "api/problems/<str:name>/", "/api/problems/insufficient-credits/"),
        row(EVERYBODY, "robots.txt"),
        row(EVERYBODY, "sitemap.xml"),
        row(EVERYBODY, "credits/calculator/"),
        row(EVERYBODY, "livez"),
        row(EVERYBODY, "readyz"),
        row(EVERYBODY, "metrics"),  # or rather nobody: there is nothing without METRICS_TOKEN, see test_metrics.py
        row(EVERYBODY, "stripe/webhook/"),
        # keys open these, and no session does: billing/tests/api/test_access.py has who may what
        row(EVERYBODY, "api/v1/openapi.json"),
        row(EVERYBODY, "api/v1/"),
        row(EVERYBODY, "api/v1/balance"),
        row(EVERYBODY, "api/v1/usage"),
        row(EVERYBODY, "api/v1/entries"),
        row(EVERYBODY, "api/v1/entries/<int:sequence>", "/api/v1/entries/{entry}"),
        row(EVERYBODY, "api/v1/features"),
        row(EVERYBODY, "api/v1/plans"),
        row(EVERYBODY, "api/v1/quotes"),
        row(EVERYBODY, "api/v1/charges"),
        row(EVERYBODY, "api/v1/workflows"),
        row(EVERYBODY, "api/v1/batches"),
        row(EVERYBODY, "api/v1/holds"),
        row(EVERYBODY, "api/v1/holds/<int:hold_id>/capture", "/api/v1/holds/1/capture"),
        row(EVERYBODY, "api/v1/holds/<int:hold_id>/release", "/api/v1/holds/1/release"),
        row(EVERYBODY, "api/v1/holds/<int:hold_id>/extend", "/api/v1/holds/1/extend"),
        row(SIGNED_IN, "settings/profile/"),
        row(OWNER, "settings/sessions/<int:session_id>/end/", "/settings/sessions/{session}/end/"),
        row(EVERYBODY, "goodbye/"),
        row(SIGNED_IN, "settings/data/"),
        row(SIGNED_IN, "settings/data/archive/"),
        row(SIGNED_IN, "settings/data/delete/"),
        # a second click is answered when nobody is logged in any more
        row(EVERYBODY, "settings/data/delete/now/"),
        row(SIGNED_IN, "settings/billing/"),
        row(SIGNED_IN, "settings/billing/usage/"),
        row(SIGNED_IN, "settings/billing/history/"),
        row(SIGNED_IN, "settings/billing/export/"),
        row(SIGNED_IN, "settings/billing/export/files/"),
        row(OWNER, "settings/billing/export/files/<int:export_id>/", "/settings/billing/export/files/{export}/"),
        row(
            OWNER,
            "settings/billing/export/files/<int:export_id>/download/",
            "/settings/billing/export/files/{export}/download/",
        ),
        row(SIGNED_IN, "settings/billing/export/<str:what>.<str:ending>", "/settings/billing/export/statement.csv"),
        row(SIGNED_IN, "settings/billing/insights/"),
        row(SIGNED_IN, "settings/billing/balance/"),
        row(SIGNED_IN, "settings/billing/plans/"),
        row(SIGNED_IN, "settings/billing/contract/"),
        row(SIGNED_IN, "settings/billing/buy/"),
        row(SIGNED_IN, "settings/billing/payment/"),
        row(SIGNED_IN, "settings/billing/notifications/"),
        row(SIGNED_IN, "settings/billing/notifications/unread/"),
        row(SIGNED_IN, "settings/billing/preferences/"),
        row(SIGNED_IN, "settings/billing/preferences/limits/"),
        row(SIGNED_IN, "settings/billing/preferences/limits/effect/"),
        row(EVERYBODY, "settings/billing/unsubscribe/<str:token>/", "/settings/billing/unsubscribe/guessed/"),
        row(SIGNED_IN, "settings/billing/portal/return/"),
        row(SIGNED_IN, "settings/billing/portal/<str:flow>/", "/settings/billing/portal/manage/"),
        row(SIGNED_IN, "settings/billing/checkout/pack/<str:code>/", "/settings/billing/checkout/pack/pack-none/"),
        row(SIGNED_IN, "settings/billing/checkout/plan/<str:code>/", "/settings/billing/checkout/plan/none/"),
        row(
            OWNER,
            "settings/billing/checkout/<uuid:checkout_id>/return/",
            "/settings/billing/checkout/{checkout}/return/",
        ),
        row(
            OWNER,
            "settings/billing/checkout/<uuid:checkout_id>/progress/",
            "/settings/billing/checkout/{checkout}/progress/",
        ),
        row(
            OWNER,
            "settings/billing/checkout/<uuid:checkout_id>/cancelled/",
            "/settings/billing/checkout/{checkout}/cancelled/",
        ),
        row(
            OWNER,
            "settings/billing/purchases/<int:purchase_id>/receipt/",
            "/settings/billing/purchases/{purchase}/receipt/",
        ),
        row(OWNER, "settings/billing/history/<int:sequence>/", "/settings/billing/history/{entry}/"),
        row(OWNER, "settings/billing/notices/<int:notice_id>/dismiss/", "/settings/billing/notices/{notice}/dismiss/"),
        row(SIGNED_IN, "seeing-as/"),
        row(SIGNED_IN, "chatbots/"),
        row(SIGNED_IN, "chatbots/new/"),
        row(OWNER, "chatbots/<int:chatbot_id>/edit/", "/chatbots/{chatbot}/edit/"),
        row(OWNER, "chatbots/<int:chatbot_id>/pause/", "/chatbots/{chatbot}/pause/"),
        row(OWNER, "chatbots/<int:chatbot_id>/resume/", "/chatbots/{chatbot}/resume/"),
        row(OWNER, "chatbots/<int:chatbot_id>/delete/", "/chatbots/{chatbot}/delete/"),
        row(SIGNED_IN, "settings/api-keys/"),
        row(SIGNED_IN, "settings/api-keys/new/"),
        row(OWNER, "settings/api-keys/<int:key_id>/replace/", "/settings/api-keys/{api_key}/replace/"),
        row(OWNER, "settings/api-keys/<int:key_id>/expiry/", "/settings/api-keys/{api_key}/expiry/"),
        row(OWNER, "settings/api-keys/<int:key_id>/revoke/", "/settings/api-keys/{api_key}/revoke/"),
        row(SIGNED_IN, "support/"),
        row(EVERYBODY, "accounts/login/"),
        row(EVERYBODY, "accounts/signup/"),
        row(EVERYBODY, "accounts/inactive/"),
        row(EVERYBODY, "accounts/confirm-email/"),
        row(EVERYBODY, r"accounts/^confirm-email/(?P<key>[-:\w]+)/$", "/accounts/confirm-email/{confirmation}/"),
        row(EVERYBODY, "accounts/password/reset/"),
        row(EVERYBODY, "accounts/password/reset/done/"),
        row(EVERYBODY, "accounts/password/reset/key/done/"),
        row(
            EVERYBODY,
            r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
            "/accounts/password/reset/key/1-guessed/",
        ),
        row(EVERYBODY, "accounts/2fa/webauthn/login/"),
        row(EVERYBODY, "accounts/logout/"),
        # in the middle of a login: whoever is not there is led back to its start
        row(SIGNED_IN, "accounts/login/code/confirm/"),
        row(SIGNED_IN, "accounts/2fa/authenticate/"),
        row(SIGNED_IN, "accounts/reauthenticate/"),
        row(SIGNED_IN, "accounts/email/"),
        row(SIGNED_IN, "accounts/password/change/"),
        row(SIGNED_IN, "accounts/password/set/"),
        row(SIGNED_IN, "accounts/sessions/"),
        row(SIGNED_IN, "accounts/2fa/"),
        row(SIGNED_IN, "accounts/2fa/reauthenticate/"),
        row(SIGNED_IN, "accounts/2fa/totp/activate/"),
        row(SIGNED_IN, "accounts/2fa/totp/deactivate/"),
        row(SIGNED_IN, "accounts/2fa/recovery-codes/"),
        row(SIGNED_IN, "accounts/2fa/recovery-codes/generate/"),
        row(SIGNED_IN, "accounts/2fa/recovery-codes/download/"),
        row(SIGNED_IN, "accounts/2fa/webauthn/"),
        row(SIGNED_IN, "accounts/2fa/webauthn/add/"),
        row(SIGNED_IN, "accounts/2fa/webauthn/reauthenticate/"),
        row(OWNER, "accounts/2fa/webauthn/keys/<int:pk>/remove/", "/accounts/2fa/webauthn/keys/{security_key}/remove/"),
        row(OWNER, "accounts/2fa/webauthn/keys/<int:pk>/edit/", "/accounts/2fa/webauthn/keys/{security_key}/edit/"),
        # development only, for whoever sits at the machine
        row(EVERYBODY, "sandbox/authenticator/"),
        row(EVERYBODY, "sandbox/mail/"),
        row(EVERYBODY, "sandbox/mail/<int:pk>/", "/sandbox/mail/1/"),
        row(EVERYBODY, "sandbox/mail/<int:pk>/html/", "/sandbox/mail/1/html/"),
    ]
)

STAFF = "admin/"
# What the admin shows to staff with no right at all: its frame, and what belongs to the staff member alone.
STAFF_WITHOUT_RIGHTS = {"admin/", "admin/login/", "admin/logout/", "admin/jsi18n/", "admin/password_change/",
                        "admin/password_change/done/"}  # fmt: skip
