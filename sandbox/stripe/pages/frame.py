"""What all the pages share: the blueprint, the engine behind it, how amounts and times are written, the headers."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, render_template
from lucide.jinja import lucide
from markupsafe import Markup

from sandbox.stripe.pages.cards import grouped
from sandbox.stripe.serving import engine
from sandbox.stripe.store import Object

MERCHANT = "CleverAI"
BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint(
    "pages", __name__, template_folder="../templates", static_folder="../static", static_url_path="/sandbox/static"
)
blueprint.add_app_template_global(lucide, "icon")
blueprint.add_app_template_filter(grouped, "grouped")


def one_of(kind: str, item_id: str) -> Object:
    """Return an object, or raise Refused."""
    with engine().acting():
        engine().catch_up()
        return engine().get(kind, item_id)


def all_of(kind: str, **fields: object) -> list[Object]:
    """Return the objects of a kind whose fields are as given, oldest first."""
    with engine().acting():
        engine().catch_up()
        return engine().all(kind, **fields)


def allow_form_target(url: str | None) -> None:
    """Let the forms of this answer end at the site of `url`: browsers hold a form's redirects to the policy too."""
    if url:
        parts = urlsplit(url)
        g.setdefault("form_targets", set()).add(f"{parts.scheme}://{parts.netloc}")


def not_found(title: str, words: str) -> tuple[str, int]:
    """Answer that there is no such thing: 404 and a page that says so."""
    return render_template("stripe/message.html", title=title, words=words, icon_name="circle-alert"), 404


@blueprint.after_request
def secure(response: Response) -> Response:
    """Send the strict policy, and keep every page out of caches, frames and other sites' logs."""
    targets = " ".join(["'self'", *sorted(g.get("form_targets", ()))])
    response.headers["Content-Security-Policy"] = f"{POLICY}; form-action {targets}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.app_template_filter()
def money(cents: int, currency: str = "usd") -> str:
    """Write an amount: 1000 is "$10.00" in US dollars, "10.00 EUR" in another currency."""
    units, rest = divmod(abs(cents), 100)
    sign = "−" if cents < 0 else ""
    return f"{sign}${units:,}.{rest:02}" if currency == "usd" else f"{sign}{units:,}.{rest:02} {currency.upper()}"


@blueprint.app_template_filter()
def day(timestamp: int) -> Markup:
    """Write the day of a moment, in UTC."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return Markup('<time datetime="{}">{} {:%b %Y}</time>').format(f"{moment:%Y-%m-%d}", moment.day, moment)


@blueprint.app_template_filter()
def moment(timestamp: int) -> Markup:
    """Write a moment to the minute, in UTC."""
    at = datetime.fromtimestamp(timestamp, UTC)
    return Markup('<time datetime="{}">{} {:%b %Y, %H:%M} UTC</time>').format(at.isoformat(), at.day, at)


@blueprint.app_template_filter()
def brand(name: str) -> str:
    """Write the name of a card's brand."""
    return BRANDS.get(name, name.capitalize())


@blueprint.app_template_filter()
def every(recurring: dict[str, object] | None) -> str:
    """Write how often a price recurs: "per month", "every 3 months", or nothing for a single payment."""
    if not recurring:
        return ""
    count = recurring.get("interval_count", 1)
    return f"per {recurring['interval']}" if count == 1 else f"every {count} {recurring['interval']}s"


@blueprint.app_context_processor
def names() -> dict[str, object]:
    """Give every template the merchant's name."""
    return {"merchant": MERCHANT}
