"""The connection to Stripe, and its errors in our words."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

import stripe
from django.conf import settings

from billing.errors import StripeNotFound, StripeRefused, StripeUnavailable

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

CONNECT_SECONDS, ANSWER_SECONDS = 3.05, 20
RETRIES = 2
#: How many objects a page of a list holds; Stripe's limit.
PAGE = 100


def http_client() -> stripe.HTTPClient:
    """Return what carries the requests."""
    return stripe.RequestsClient(timeout=(CONNECT_SECONDS, ANSWER_SECONDS))


@lru_cache
def client() -> stripe.StripeClient:
    """Return the one client of this process; a request that may be repeated is, twice."""
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=RETRIES,
        http_client=http_client(),
    )


def livemode() -> bool:
    """Return whether our key moves real money."""
    key: str = settings.STRIPE_SECRET_KEY
    return key.startswith(("sk_live_", "rk_live_"))


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn whatever goes wrong inside into StripeUnavailable, StripeRefused or StripeNotFound."""
    try:
        yield
    except stripe.StripeError as error:
        ours = _translated(error)
        level = logging.DEBUG if isinstance(ours, StripeNotFound) else logging.INFO
        logger.log(level, "%s, status %s, request %s.", type(error).__name__, error.http_status, error.request_id)
        # the library's error carries the whole answer, which may be about a person
        raise ours from None
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, OSError) as error:
        # an answer without what the library's version of the API promises
        raise StripeUnavailable("Stripe sent an answer that can't be read.") from error


def asks_stripe(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` raise no other errors than ours."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with in_our_words():
            return function(*args, **kwargs)

    return run


def lists_stripe(function: Callable[P, Iterator[R]]) -> Callable[P, Iterator[R]]:
    """Let the generator `function` raise no other errors than ours, wherever its caller stops."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = function(*args, **kwargs)
        while True:
            with in_our_words():
                item = next(items, None)
            if item is None:
                return
            yield item

    return run


def id_of(reference: str | stripe.StripeObject | None) -> str:
    """Return the id of what Stripe names either by its id or in full; empty for nothing."""
    if reference is None:
        return ""
    return reference if isinstance(reference, str) else str(reference["id"])


def moment(seconds: int) -> datetime:
    """Return one of Stripe's moments in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: int | None) -> datetime | None:
    """Return one of Stripe's moments in UTC, if there is one."""
    return None if seconds is None else moment(seconds)


def seconds_of(at: datetime) -> int:
    """Return a moment as Stripe writes it, in whole seconds."""
    return int(at.timestamp())


def _code_of(error: stripe.StripeError) -> str:
    """Return what Stripe calls an error; the library itself keeps that of some kinds only in the body."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    told = body.get("error")
    return str(error.code or (told.get("code") if isinstance(told, dict) else "") or "")


def _translated(error: stripe.StripeError) -> StripeUnavailable | StripeRefused:
    message, code = str(error.user_message or ""), _code_of(error)
    request = f" (request {error.request_id})" if error.request_id else ""
    match error:
        case _ if code == "idempotency_key_in_use":
            return StripeUnavailable("Stripe is still busy with the same request.")
        case stripe.CardError() | stripe.IdempotencyError():
            return StripeRefused(message, code=code or "idempotency_error")
        case stripe.InvalidRequestError() if error.http_status == 404 or code == "resource_missing":
            return StripeNotFound(message, code=code)
        case stripe.InvalidRequestError():
            return StripeRefused(message, code=code)
        case stripe.RateLimitError():
            return StripeUnavailable(f"Stripe is busy{request}.")
        case stripe.APIConnectionError():
            return StripeUnavailable("Stripe doesn't answer.")
        case stripe.AuthenticationError() | stripe.PermissionError():
            # nothing happened, and it will once the key is right
            logger.error("Stripe doesn't take our key for this%s.", request)
            return StripeUnavailable(f"Stripe doesn't take our key for this{request}.")
        case _:
            return StripeUnavailable(f"Stripe has a problem{request}.")
