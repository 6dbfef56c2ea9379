"""What the environment's values must look like; settings.py asks before it believes them."""

import re
from urllib.parse import SplitResult, urlsplit

from environs import ValidationError

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
STRIPE_API = "https://api.stripe.com"
#: The key that the sandbox takes for its own.
SANDBOX_KEY = "sk_test_sandbox"


def check_site_url(text: str) -> None:
    """Refuse anything but scheme and host, with a port or without."""
    parts = _parts(text)
    if parts is None or parts.scheme not in {"http", "https"} or text != f"{parts.scheme}://{parts.netloc}":
        raise ValidationError("It must look like https://credits.example.com, with no path.")


def check_redis_url(text: str) -> None:
    """Refuse an address that a client would fail on later, or take for another server's."""
    parts = _parts(text)
    number = parts.path.removeprefix("/") if parts else ""
    if parts is None or parts.scheme not in {"redis", "rediss"} or (number and not number.isdecimal()):
        raise ValidationError("It must look like redis://:password@host:6379/0, or start with rediss:// for TLS.")


def check_public_hosts(hosts: list[str]) -> None:
    """Refuse "*": the links in our mails carry the name that a request came with."""
    if "*" in hosts:
        raise ValidationError("It must name the hosts: with * anybody could put a foreign name into our mails' links.")


def check_mail_address(text: str) -> None:
    """Refuse what no mail can be sent to."""
    if not re.fullmatch(r"[^@<>\s,]+@[^@<>\s,]+", text):
        raise ValidationError("It must be one e-mail address, without a name.")


def check_folder(text: str) -> None:
    """Refuse a folder that would depend on where a process was started."""
    if not text.startswith("/"):
        raise ValidationError("It must be a whole path, /…, that web and workers share.")


def check_stripe_key(text: str) -> None:
    """Refuse anything but a secret or restricted key; a publishable one can't sell."""
    if not re.fullmatch(r"(sk|rk)_(test|live)_[A-Za-z0-9_]+", text):
        raise ValidationError("It must be a secret or restricted key: sk_test_…, rk_test_…, sk_live_… or rk_live_….")


def check_webhook_secrets(secrets: list[str]) -> None:
    """Refuse anything but one signing secret, or two while one replaces the other."""
    if len(secrets) not in {1, 2} or not all(re.fullmatch(r"whsec_[A-Za-z0-9_+/=-]+", secret) for secret in secrets):
        raise ValidationError("It must be one signing secret, whsec_…, or two with a comma between them.")


def check_sentry_dsn(text: str) -> None:
    """Refuse what no report can be sent to; an empty one switches reports off."""
    parts = _parts(text)
    if text and (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not parts.username
        or not re.fullmatch(r"(/[\w-]+)*/\d+", parts.path)
    ):
        raise ValidationError("It must look like https://key@errors.example.com/1, or be empty.")


def check_metrics_token(text: str) -> None:
    """Refuse a token that could be guessed, or that no header can carry; an empty one switches /metrics off."""
    if text and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{32,}", text):
        raise ValidationError("It must be at least 32 random letters and digits, or be empty.")


def wrong_about_stripe(*, key: str, api_base: str, is_development: bool) -> str:
    """Return what is wrong with a key at this place and machine, naming the variable, or an empty text.

    Real money is only moved on a public machine, and by Stripe itself.
    """
    is_live = "_live_" in key[:8]
    if is_live and is_development:
        return "STRIPE_SECRET_KEY is a live key, which moves real money: development needs a test key."
    if is_live and api_base != STRIPE_API:
        return f"STRIPE_API_BASE must be {STRIPE_API} with a live key: nobody else may see it."
    if not is_development and api_base != STRIPE_API:
        return f"STRIPE_API_BASE must be {STRIPE_API}: another place needs ENVIRONMENT=development."
    return ""


def stripe_pages(api_base: str) -> list[str]:
    """Return the origins of Checkout and the Customer Portal: Stripe's, or those of whatever stands in for it."""
    return ["https://checkout.stripe.com", "https://billing.stripe.com"] if api_base == STRIPE_API else [api_base]


def host_of(url: str) -> str:
    """Return the host of a checked address, without its port."""
    return urlsplit(url).hostname or ""


def _parts(text: str) -> SplitResult | None:
    """Return the parts of an address with a host and a sound port, or None."""
    try:
        parts = urlsplit(text)
        is_sound = bool(parts.hostname) and parts.port != 0 and not any(character.isspace() for character in text)
    except ValueError:
        return None
    return parts if is_sound else None
