"""Who calls: the key, what it may do, how often, and whose wallet the request is about."""

import re
from typing import cast

from django.http import HttpRequest
from django.utils import timezone

from billing import traces
from billing.api.problems import (
    BAD_IDEMPOTENCY_KEY,
    INSUFFICIENT_SCOPE,
    INVALID_KEY,
    TOO_MANY_REQUESTS,
    UNKNOWN_WALLET,
    WALLET_NOT_NAMED,
    Refused,
)
from billing.models import ApiKey, Wallet
from billing.selectors import api_keys as selectors
from billing.selectors.api_keys import Caller
from billing.services import api_keys, rate_limits
from billing.services.rate_limits import Rate
from billing.units import LARGEST_AMOUNT

Scope = ApiKey.Scope
WALLET_HEADER, KEY_HEADER = "Clever-Wallet", "Idempotency-Key"
SPENT_WITH = ("max_output_tokens",)
SUITABLE_KEY = re.compile(r"[\x20-\x7e]{1,200}")
SUITABLE_NUMBER = re.compile(r"[0-9]{1,19}")
BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


class ApiRequest(HttpRequest):
    """A request whose key was accepted."""

    auth: Caller
    rate: Rate


class BearerKey:
    """Accepts the key in the Authorization header, once it is known to work and within its rate."""

    openapi_security_schema = {"type": "http", "scheme": "bearer", "bearerFormat": "clv_live_…"}

    def __call__(self, request: HttpRequest) -> Caller:
        """Return the caller; raises Refused and what `authenticated` raises."""
        given = BEARER.fullmatch(request.headers.get("Authorization", ""))
        if given is None:
            raise Refused(INVALID_KEY, headers={"WWW-Authenticate": "Bearer"}, why="missing")
        now = timezone.now()
        caller = selectors.authenticated(given[1], now=now)
        asked = cast("ApiRequest", request)
        asked.rate = rate = rate_limits.count_request(caller.key, now=now)
        if not rate.is_allowed:
            raise Refused(TOO_MANY_REQUESTS, headers={"Retry-After": str(rate.reset_seconds)})
        api_keys.note_use(caller.key, now=now)
        return caller


def require(request: ApiRequest, scope: Scope) -> Caller:
    """Return who calls; raises Refused for a key without this scope."""
    caller = request.auth
    if scope not in caller.scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{scope.value}"'
        raise Refused(INSUFFICIENT_SCOPE, headers={"WWW-Authenticate": challenge}, scope=scope.value)
    return caller


def wallet_of(request: ApiRequest, scope: Scope) -> Wallet:
    """Return the wallet that a request is about; raises Refused for a key without this scope, and for others' wallets.

    A person's key has its owner's. A service's names one, whose owner is still there.
    """
    caller = require(request, scope)
    named = request.headers.get(WALLET_HEADER)
    if caller.wallet is not None and named in (None, str(caller.wallet.pk)):
        traces.wallet_id.set(caller.wallet.pk)
        return caller.wallet
    if named is None:
        raise Refused(WALLET_NOT_NAMED)
    found = None
    if caller.is_service and SUITABLE_NUMBER.fullmatch(named) and int(named) <= LARGEST_AMOUNT:
        wallets = Wallet.objects.filter(pk=int(named), owner__isnull=False)
        if scope == Scope.SPEND:  # metering reads the rest itself, under its lock
            wallets = wallets.only(*SPENT_WITH)
        found = wallets.first()
    if found is None:
        raise Refused(UNKNOWN_WALLET)
    traces.wallet_id.set(found.pk)
    return found


def idempotency_key(request: ApiRequest) -> str:
    """Return the key under which the books will know this request; raises Refused without a usable one."""
    key = request.headers.get(KEY_HEADER, "")
    if not SUITABLE_KEY.fullmatch(key):
        raise Refused(BAD_IDEMPOTENCY_KEY)
    return key
