"""Which pictures `make screenshots` takes: of whose page, after what, at which sizes; docs/README.md shows them all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from playwright.sync_api import Page

from cleverai import outages, views
from sandbox.sample_data.people import ALICE, BELLA, BOB, CARLA, PASSWORD, SIMON, STELLA, Person
from sandbox.sample_data.sales import control
from sandbox.sample_data.states import FARAH, NORA, OSCAR, PAULA, SUE

Size = tuple[int, str]
EVERY_SIZE: tuple[Size, ...] = ((1280, "light"), (1280, "dark"), (320, "light"), (320, "dark"))
#: What is a state of a page that is shown elsewhere.
TWO_SIZES: tuple[Size, ...] = ((1280, "light"), (320, "dark"))
PAPER: tuple[Size, ...] = ((794, "light"),)
ADMIN = "/admin/"
HISTORY, USAGE, EXPORT = "/settings/billing/history/", "/settings/billing/usage/", "/settings/billing/export/"


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as somebody sees it. `follow` is a link to click there first, `act` does more; paper is printed."""

    person: Person | None
    name: str
    path: str
    caption: str
    follow: str = ""
    act: Callable[[Page], None] | None = None
    sizes: tuple[Size, ...] = EVERY_SIZE

    @property
    def is_printed(self) -> bool:
        return self.sizes is PAPER


def _sign_out_elsewhere(page: Page) -> None:
    page.context.clear_cookies()
    page.get_by_text("You have been signed out.").wait_for()


def _send_an_expired_form(page: Page) -> None:
    page.context.clear_cookies(name="csrf")
    page.click("main button[type=submit]")


def _open_the_menu(page: Page) -> None:
    page.locator(".site-header details.menu summary").click()


def _confirm_password(page: Page) -> None:
    """Answer the question for the password, if it is asked before the page."""
    if page.locator("input[name=password]").count():
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/settings/**")


def _break_stripe(page: Page) -> None:
    control("faults", error_next_calls=12)
    page.reload()
    control("faults", error_next_calls=0)


def _wallet_of(person: Person, *, then: str = "") -> Callable[[Page], None]:
    """Open somebody's wallet in the staff's list, and what its page leads to."""

    def act(page: Page) -> None:
        page.goto(f"{page.url}billing/wallet/?q={person.email}")
        page.locator("#result_list th a").click()
        if then:
            page.get_by_role("link", name=then, exact=True).click()

    return act


def _adjust(amount: str) -> Callable[[Page], None]:
    """Look at what an adjustment of Alice's credits would do."""

    def act(page: Page) -> None:
        _wallet_of(ALICE, then="Adjust credits")(page)
        page.get_by_label("Credits").fill(amount)
        page.get_by_label("Reason").fill("The video came out black.")
        page.get_by_role("button", name="Preview").click()

    return act


def _try_a_price(page: Page) -> None:
    page.goto(f"{page.url}billing/featureprice/add/?feature=gpt-4o")
    page.get_by_label("Credits").fill("6")
    page.get_by_label("For every").fill("1000")
    page.get_by_label("Reason").fill("The model has become dearer.")
    page.get_by_role("button", name="Preview").click()


def _return_charges(page: Page) -> None:
    page.goto(f"{page.url}billing/chargereturn/add/")
    page.get_by_label("Feature").select_option("gpt-4o")
    until = timezone.now()
    page.get_by_label("From").fill(f"{until - timedelta(days=2):%Y-%m-%dT%H:%M}")
    page.get_by_label("Until").fill(f"{until:%Y-%m-%dT%H:%M}")
    page.locator("#id_reason").fill("Answers were cut off.")
    page.get_by_role("button", name="Preview").click()


def _see_as_bob(page: Page) -> None:
    _wallet_of(BOB, then="See as customer")(page)
    page.get_by_label("Reason").fill("A question about his report.")
    page.get_by_role("button", name="Begin").click()


def _error(show: Callable[[], HttpResponse]) -> Callable[[Page], None]:
    """Show a page that only a fault of ours would."""

    def act(page: Page) -> None:
        body = show().content
        page.route("**/", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto(page.url)
        page.unroute_all()

    return act


SECTIONS: dict[str, list[Picture]] = {
    "For visitors": [
        Picture(None, "landing", "/", "What CleverAI Credits is"),
        Picture(None, "credits", "/credits/", "How credits work, with the prices of this moment"),
        Picture(None, "pricing", "/pricing/", "Plans, packs and the calculator"),
        Picture(None, "sign-up", "/accounts/signup/", "Signing up"),
    ],
    "Every day": [
        Picture(BOB, "home", "/", "The start page"),
        Picture(BOB, "overview", "/settings/billing/", "What is left, from where, until when"),
        Picture(BOB, "usage", USAGE, "Usage by feature, this cycle"),
        Picture(BOB, "usage-sources", f"{USAGE}?by=source&span=90d&per=week", "Usage by source over 90 days"),
        Picture(BOB, "usage-models", f"{USAGE}?by=model&span=12m&per=month", "Usage by model over 12 months"),
        Picture(BOB, "history", HISTORY, "The ledger, newest first"),
        Picture(BOB, "history-filtered", f"{HISTORY}?feature=gpt-4o&span=30d", "The ledger of one feature",
                sizes=TWO_SIZES),
        Picture(BOB, "history-ignored", f"{HISTORY}?kind=nonsense&from=2025-13-45", "What makes no sense is told",
                sizes=TWO_SIZES),
        Picture(BOB, "receipt", f"{HISTORY}?feature=gpt-4o", "A receipt: the sum in words", "main table a"),
        Picture(BOB, "receipt-workflow", f"{HISTORY}?feature=workflow-execution", "The receipt of a workflow's run",
                "main table a"),
        Picture(BOB, "receipt-added", f"{HISTORY}?kind=added", "Where credits came from", "main table a",
                sizes=TWO_SIZES),
        Picture(BOB, "export", EXPORT, "Statements that prove themselves"),
        Picture(BOB, "export-history", f"{EXPORT}?what=history&feature=gpt-4o&format=jsonl", "What a page shows",
                sizes=TWO_SIZES),
        Picture(BOB, "insights", "/settings/billing/insights/", "Tips from one's own usage"),
        Picture(BOB, "chatbots", "/chatbots/", "Chatbots, and what each used"),
        Picture(BOB, "support", "/support/", "Asking our support"),
    ],
    "Buying": [
        Picture(BOB, "plans", "/settings/billing/plans/", "Plans, and what changes before the click"),
        Picture(BOB, "buy", "/settings/billing/buy/", "Packs that never expire"),
        Picture(BOB, "payment", "/settings/billing/payment/", "Card and invoices", sizes=TWO_SIZES),
        Picture(BOB, "stripe-down", "/settings/billing/payment/", "While Stripe doesn’t answer", act=_break_stripe,
                sizes=TWO_SIZES),
        Picture(NORA, "contract", "/settings/billing/contract/", "Asking for a contract", sizes=TWO_SIZES),
    ],
    "Told and settled": [
        Picture(BOB, "notifications", "/settings/billing/notifications/", "What happened"),
        Picture(BOB, "preferences", "/settings/billing/preferences/", "What is mailed, and how much a message may be"),
        Picture(BOB, "security", "/accounts/2fa/", "Two steps, passkeys and sessions"),
        Picture(BOB, "sessions", "/accounts/sessions/", "Where one is signed in", sizes=TWO_SIZES),
        Picture(BOB, "data", "/settings/data/", "Everything that is kept, to take along", sizes=TWO_SIZES),
        Picture(BOB, "leave", "/settings/data/delete/", "Leaving, and what would be lost", act=_confirm_password,
                sizes=TWO_SIZES),
        Picture(BOB, "menu", "/settings/billing/", "The menu", act=_open_the_menu, sizes=TWO_SIZES),
    ],
    "For programs": [
        Picture(None, "api", "/docs/api/", "The HTTP API, with examples that run"),
        Picture(None, "api-problem", "/api/problems/insufficient-credits/", "What a program is told, explained",
                sizes=TWO_SIZES),
        Picture(BOB, "api-keys", "/settings/api-keys/", "Keys for one’s own programs"),
        Picture(BOB, "api-keys-create", "/settings/api-keys/new/", "A new key", act=_confirm_password,
                sizes=TWO_SIZES),
        Picture(ALICE, "api-keys-free", "/settings/api-keys/", "A plan without the API", sizes=TWO_SIZES),
    ],
    "States": [
        Picture(NORA, "overview-new", "/settings/billing/", "The first minute", sizes=TWO_SIZES),
        Picture(NORA, "usage-new", USAGE, "Nothing used yet", sizes=TWO_SIZES),
        Picture(ALICE, "insights-free", "/settings/billing/insights/", "Insights on Free, the first two tips"),
        Picture(NORA, "insights-new", "/settings/billing/insights/", "Nothing to say yet", sizes=TWO_SIZES),
        Picture(FARAH, "export-files", EXPORT, "Files in the background", sizes=TWO_SIZES),
        Picture(FARAH, "export-writing", EXPORT, "A file being written", "a:has-text('Follow')", sizes=TWO_SIZES),
        Picture(FARAH, "export-expired", EXPORT, "A file that is no longer kept", "a:has-text('See')", sizes=TWO_SIZES),
        Picture(NORA, "chatbots-new", "/chatbots/", "No chatbot yet", sizes=TWO_SIZES),
        Picture(ALICE, "overview-low", "/settings/billing/", "Little left"),
        Picture(OSCAR, "overview-out", "/settings/billing/", "Out of credits", sizes=TWO_SIZES),
        Picture(PAULA, "overview-past-due", "/settings/billing/", "A payment failed", sizes=TWO_SIZES),
        Picture(SUE, "overview-suspended", "/settings/billing/", "Suspended", sizes=TWO_SIZES),
        Picture(CARLA, "overview-unlimited", "/settings/billing/", "A contract without limit"),
    ],
    "When something goes wrong": [
        Picture(None, "error-404", "/nothing/here/", "Nothing is here", sizes=TWO_SIZES),
        Picture(ALICE, "error-403", "/admin/login/", "Not for everybody", sizes=TWO_SIZES),
        Picture(None, "error-form", "/accounts/login/", "A form that has expired", act=_send_an_expired_form,
                sizes=TWO_SIZES),
        Picture(None, "error-500", "/", "A fault of ours", sizes=TWO_SIZES,
                act=_error(lambda: views.error_page(RequestFactory().get("/"), 500))),
        Picture(None, "error-database", "/", "The database is away", sizes=TWO_SIZES,
                act=_error(lambda: outages.outage_response(RequestFactory().get("/"), outages.NO_DATABASE))),
        Picture(ALICE, "signed-out", "/settings/billing/", "Signed out meanwhile", act=_sign_out_elsewhere,
                sizes=TWO_SIZES),
    ],
    "On paper": [
        Picture(BOB, "print-receipt", f"{HISTORY}?feature=gpt-4o", "A receipt", "main table a", sizes=PAPER),
        Picture(BOB, "print-usage", USAGE, "Usage", sizes=PAPER),
        Picture(BOB, "print-history", HISTORY, "The ledger", sizes=PAPER),
    ],
    "For staff": [
        Picture(STELLA, "staff", ADMIN, "The staff’s first page"),
        Picture(STELLA, "staff-wallet", ADMIN, "A wallet", act=_wallet_of(BOB), sizes=TWO_SIZES),
        Picture(STELLA, "staff-timeline", ADMIN, "All that happened to it", act=_wallet_of(BOB, then="Timeline"),
                sizes=TWO_SIZES),
        Picture(STELLA, "staff-balance", ADMIN, "Why a balance is what it is",
                act=_wallet_of(BOB, then="Why this balance?"), sizes=TWO_SIZES),
        Picture(STELLA, "staff-adjust", ADMIN, "An act, before it is done", act=_adjust("25.5"), sizes=TWO_SIZES),
        Picture(STELLA, "staff-price", ADMIN, "A new price, tried on last month", act=_try_a_price, sizes=TWO_SIZES),
        Picture(STELLA, "staff-return", ADMIN, "Returning charges", act=_return_charges, sizes=TWO_SIZES),
        Picture(BELLA, "staff-second", ADMIN, "Too much for one person alone", act=_adjust("6000"), sizes=TWO_SIZES),
        Picture(SIMON, "staff-sees-as", ADMIN, "Seeing what a customer sees", act=_see_as_bob, sizes=TWO_SIZES[:1]),
    ],
}  # fmt: skip
PICTURES = [picture for section in SECTIONS.values() for picture in section]
