"""Which address is a page, who looks at it, and why the others are none.

Every row of `routes.py` is a page that somebody signed in looks at unless this file says otherwise: a new address needs
no line here when it is one, and fails until it has one when it is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cleverai.tests.routes import EVERYBODY, ROWS

VISITOR, RICH, NEWCOMER, CAREFUL, HALFWAY = "visitor", "rich", "newcomer", "careful", "halfway"
STATES = ("low", "out of credits", "suspended", "unlimited", "past due")
BILLING = "settings/billing/"

#: Why an address shows no page of its own.
NOT_A_PAGE = {
    "livez": "for machines",
    "readyz": "for machines",
    "metrics": "for machines",
    "robots.txt": "for machines",
    "sitemap.xml": "for machines",
    "stripe/webhook/": "for Stripe",
    "seeing-as/": "for staff; cleverai/tests/browser/test_seeing_as.py looks at it",
    "settings/sessions/<int:session_id>/end/": "a button",
    "settings/billing/balance/": "the header's own fragment",
    "settings/billing/notifications/unread/": "the menu's own fragment",
    "settings/billing/portal/return/": "leads on to Billing",
    "settings/billing/portal/<str:flow>/": "leads on to Stripe, by a button",
    "settings/billing/checkout/pack/<str:code>/": "leads on to Stripe, by a button",
    "settings/billing/checkout/plan/<str:code>/": "leads on to Stripe, by a button",
    "settings/billing/checkout/<uuid:checkout_id>/progress/": "the return page's own fragment",
    "settings/billing/purchases/<int:purchase_id>/receipt/": "leads on to Stripe",
    "settings/billing/notices/<int:notice_id>/dismiss/": "a button",
    "settings/billing/export/<str:what>.<str:ending>": "a file",
    "settings/billing/export/files/": "a button",
    "settings/billing/export/files/<int:export_id>/download/": "a file",
    "settings/billing/preferences/limits/": "a button",
    "settings/billing/preferences/limits/effect/": "a fragment of the preferences",
    "credits/calculator/": "a fragment of several pages",
    "settings/data/archive/": "a file",
    "settings/data/delete/now/": "a button",
    "chatbots/<int:chatbot_id>/pause/": "a button",
    "chatbots/<int:chatbot_id>/resume/": "a button",
    "settings/billing/unsubscribe/<str:token>/": "needs the token of a mail; see EXTRA",
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "needs the key of a mail; see EXTRA",
    "accounts/2fa/webauthn/login/": "for the browser's passkey dialogue",
    "accounts/login/code/confirm/": "nobody is sent codes",
    "accounts/password/set/": "leads on to the change, for whoever has a password",
    "accounts/2fa/recovery-codes/download/": "a file",
    "sandbox/authenticator/": "development only; sandbox/tests/test_sample_data.py looks at it",
    "sandbox/mail/": "development only; billing/tests/browser/test_watch.py looks at it",
    "sandbox/mail/<int:pk>/": "development only; billing/tests/browser/test_watch.py looks at it",
    "sandbox/mail/<int:pk>/html/": "development only; billing/tests/browser/test_watch.py looks at it",
    **dict.fromkeys((pattern for pattern in ROWS if pattern.startswith("api/v1/")), "for programs"),
}

#: Who looks at a page that Alice, who has something of everything, or a visitor can't see.
SEEN_BY = {
    "accounts/logout/": RICH,
    "accounts/2fa/webauthn/add/": CAREFUL,
    "accounts/2fa/reauthenticate/": CAREFUL,
    "accounts/2fa/totp/activate/": NEWCOMER,
    "accounts/2fa/totp/deactivate/": CAREFUL,
    "accounts/2fa/recovery-codes/": CAREFUL,
    "accounts/2fa/recovery-codes/generate/": CAREFUL,
    "accounts/2fa/authenticate/": HALFWAY,
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's look at one address; {…} in it is filled in with something of theirs."""

    person: str
    address: str
    pattern: str = ""
    status: int = 200

    def __str__(self) -> str:
        return f"{self.address} ({self.person})"


#: Further looks at pages: filters, what is ignored, kinds of receipts, links out of mails.
EXTRA = [
    Visit(RICH, "/settings/billing/history/?feature=gpt-4o"),
    Visit(RICH, "/settings/billing/history/?kind=added&cycle=1"),
    Visit(RICH, "/settings/billing/history/?feature=custom-training"),
    Visit(RICH, "/settings/billing/history/?kind=nonsense&cycle=99999999"),
    Visit(RICH, "/settings/billing/history/?before=30"),
    Visit(RICH, "/settings/billing/usage/?cycle=2"),
    Visit(RICH, "/settings/billing/usage/?cycle=99999999"),
    Visit(RICH, "/settings/billing/export/?what=usage&span=90d&feature=gpt-4o&format=xlsx"),
    Visit(RICH, "/settings/billing/export/?month=other"),
    Visit(RICH, "/settings/billing/history/{grant}/"),
    Visit(RICH, "/settings/billing/history/{workflow}/"),
    Visit(RICH, "/settings/billing/history/{capture}/"),
    Visit(RICH, "/settings/billing/history/{expiry}/"),
    Visit(RICH, "/settings/billing/checkout/{paid}/return/"),
    Visit(VISITOR, "/settings/billing/unsubscribe/{token}/"),
    Visit(VISITOR, "/settings/billing/unsubscribe/guessed/", status=404),
    Visit(VISITOR, "/accounts/password/reset/key/1-guessed/"),
    Visit(VISITOR, "/accounts/confirm-email/guessed/"),
    Visit(VISITOR, "/nothing/here/", status=404),
    Visit(RICH, "/nothing/here/", status=404),
    Visit(RICH, "/admin/login/", status=403),
]


def pages() -> Iterator[Visit]:
    """Yield a look at each page, by whoever has most to see there."""
    for pattern, row in ROWS.items():
        if pattern not in NOT_A_PAGE:
            usual = VISITOR if row.seen_by == EVERYBODY else RICH
            yield Visit(SEEN_BY.get(pattern, usual), row.address, pattern)
    yield Visit(RICH, "/")


def billing_pages(person: str) -> Iterator[Visit]:
    """Yield a look of this person at the start page and all of billing that needs nothing of their own."""
    yield Visit(person, "/")
    for visit in pages():
        if visit.pattern.startswith(BILLING) and "{" not in visit.address:
            yield Visit(person, visit.address)
