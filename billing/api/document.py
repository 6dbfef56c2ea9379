"""The OpenAPI document: what ninja reads off the code, with errors, headers and examples that only we know."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja.openapi.schema import OpenAPISchema

from billing.api import problems
from billing.api.callers import KEY_HEADER, WALLET_HEADER, Scope
from billing.api.problems import (
    API_ACCESS_PAUSED,
    BAD_IDEMPOTENCY_KEY,
    CONTENT_TOO_LARGE,
    INSUFFICIENT_SCOPE,
    INVALID_KEY,
    INVALID_REQUEST,
    MALFORMED_BODY,
    NOT_FOUND,
    SERVER_ERROR,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    UNKNOWN_WALLET,
    UNSUPPORTED_MEDIA_TYPE,
    WALLET_NOT_NAMED,
    Kind,
    Refused,
)

DESCRIPTION = """Read a wallet, ask what something costs, and spend credits.

**Keys.** Send `Authorization: Bearer clv_live_…`. A person's key reads and asks for prices; a service's key spends too,
for the wallet that each request names in `Clever-Wallet`.

**Credits** are decimal numbers written as texts, exact to the thousandth: `"12.265"`. Quantities are whole numbers of a
feature's base unit. Moments are UTC.

**Repeats are harmless.** Whatever spends carries an `Idempotency-Key`. The same request under the same key gets the
first answer again, with `Idempotent-Replayed: true`; another request under it is refused. A refusal isn't remembered.

**Errors** are problem documents (RFC 9457). Their `type` never changes and leads to a page that explains it.
"""
TAGS = [
    {"name": "Wallet", "description": "What a wallet has, what it used, and its books."},
    {"name": "Catalog", "description": "What can be used, what it costs, and the plans."},
    {"name": "Spending", "description": "Charges, workflow runs, holds and batches: keys of services only."},
]
PROBLEM = {"$ref": "#/components/schemas/Problem"}
_ALWAYS = (INVALID_KEY, API_ACCESS_PAUSED, TOO_MANY_REQUESTS, SERVER_ERROR, UNAVAILABLE)
_OF_BODIES = (MALFORMED_BODY, CONTENT_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)
_OF_WALLETS = (WALLET_NOT_NAMED, UNKNOWN_WALLET)
_SAID_BY_ALL = {
    "X-Request-ID": {"description": "The id of this request, for our support.", "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Requests a minute for this key.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "What is left of them.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until the next minute begins.", "schema": {"type": "integer"}},
}
_REPLAYED = {
    "Idempotent-Replayed": {
        "description": "Whether this is the first answer to a repeated request.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_LOCATION = {"Location": {"description": "Where the entry can be read.", "schema": {"type": "string"}}}
#: What answers look like, by the name of their schema.
EXAMPLE_ANSWERS: dict[str, dict[str, Any]] = {
    "BalanceAnswer": {
        "wallet": 17,
        "available": "5987.735",
        "held": "26.48",
        "posted": "6014.215",
        "state": "fine",
        "unlimited": False,
        "suspended": False,
        "monthly_credits": "5000",
        "confirm_above": None,
        "portions": [
            {"source": "allowance", "left": "4987.735", "expires_at": "2026-04-10T09:30:00Z"},
            {"source": "purchase", "left": "1000", "expires_at": None},
        ],
        "cycle": {"number": 4, "starts_at": "2026-03-10T09:30:00Z", "ends_at": "2026-04-10T09:30:00Z"},
        "sequence": 42,
    },
    "QuoteAnswer": {
        "feature": "gpt-4o",
        "priced_as": "gpt-4o",
        "quantity": 2_453,
        "unit": "token",
        "cost": "12.265",
        "price": {"credits": "5", "per": 1_000, "starts_at": "2026-01-01T00:00:00Z"},
    },
    "ChargeAnswer": {
        "sequence": 43,
        "cost": "12.265",
        "uncovered": "0",
        "available": "4987.735",
        "posted_at": "2026-03-10T09:30:00Z",
    },
    "HoldAnswer": {
        "id": 9,
        "status": "open",
        "feature": "gpt-4o",
        "priced_as": "gpt-4o",
        "quantity": 5_296,
        "amount": "26.48",
        "source": "app",
        "opened_at": "2026-03-10T09:30:00Z",
        "expires_at": "2026-03-10T09:45:00Z",
    },
    "BatchAnswer": {
        "answers": [
            {
                "key": "search-81f2",
                "status": 201,
                "replayed": False,
                "answer": {
                    "sequence": 44,
                    "cost": "5",
                    "uncovered": "0",
                    "available": "4982.735",
                    "posted_at": "2026-03-10T09:30:00Z",
                },
                "problem": None,
            }
        ]
    },
    "UsageLine": {
        "day": "2026-03-10",
        "cycle": 4,
        "feature": "gpt-4o",
        "priced_as": "gpt-4o",
        "source": "app",
        "source_name": "In the app",
        "quantity": 2_453,
        "unit": "token",
        "uses": 1,
        "cost": "12.265",
    },
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "insufficient-credits": {
        "detail": "This needs 80 credits; 13.79 are available, 66.21 too few.",
        "needed": "80",
        "available": "13.79",
        "shortfall": "66.21",
        "buy_at": "https://cleverai.example/settings/billing/buy/",
    },
    "needs-confirmation": {
        "detail": "This costs 5 credits; above 4 you want to be asked first. It goes on once you confirm it.",
        "cost": "5",
        "limit": "4",
    },
    "invalid-key": {"detail": "This API key was revoked.", "why": "revoked"},
    "insufficient-scope": {"scope": "spend"},
    "invalid-request": {
        "errors": [{"in": "body", "pointer": "/quantity", "detail": "Input should be a valid integer"}]
    },
}


def refuses(
    *kinds: Kind,
    scope: Scope | None = None,
    names_wallet: bool = False,
    takes_key: bool = False,
    replays: bool = False,
    is_created: bool = False,
) -> dict[str, Any]:
    """Return what to add to an operation: the problems it answers, its headers, and the scope that it needs."""
    found = [*kinds, *_ALWAYS]
    found += [INSUFFICIENT_SCOPE] if scope else []
    found += _OF_WALLETS if names_wallet else ()
    found += [BAD_IDEMPOTENCY_KEY] if takes_key else []
    parameters = [_wallet_parameter()] if names_wallet else []
    parameters += [_key_parameter()] if takes_key else []
    status = HTTPStatus.CREATED if is_created else HTTPStatus.OK
    headers = _SAID_BY_ALL | (_REPLAYED if takes_key or replays else {}) | (_LOCATION if is_created else {})
    responses: dict[int, Any] = {status.value: {"headers": headers}} | _responses(found)
    return {"responses": responses, "parameters": parameters, **({"x-scope": scope.value} if scope else {})}


def completed(document: OpenAPISchema) -> OpenAPISchema:
    """Return ninja's document with what holds for every operation."""
    document["servers"] = [{"url": settings.SITE_URL}]
    document["tags"] = TAGS
    schemas = document["components"]["schemas"]
    for name, example in EXAMPLE_ANSWERS.items():
        schemas[name]["examples"] = [example]
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _say_plainly(parameter)
            kinds = [*(_OF_BODIES if "requestBody" in operation else ())]
            if any(parameter["in"] in ("query", "path") for parameter in operation.get("parameters", ())):
                kinds += [INVALID_REQUEST, NOT_FOUND]
            _add(operation["responses"], _responses(kinds))
            operation["responses"] = {str(status): said for status, said in sorted(operation["responses"].items())}
    for query in ("ListQuery", "EntriesQuery"):  # whose fields are parameters
        del schemas[query]
    document["components"]["securitySchemes"]["BearerKey"]["description"] = "An API key, as in clv_live_…"
    return document


def _say_plainly(parameter: dict[str, Any]) -> None:
    """Take the null out of a parameter that may be left out: an address can't say it."""
    schema = parameter["schema"]
    for option in schema.pop("anyOf", ()):
        if option != {"type": "null"}:
            parameter["schema"] = option | {"description": schema.get("description", "")}


def _wallet_parameter() -> dict[str, Any]:
    return {
        "in": "header",
        "name": WALLET_HEADER,
        "required": False,
        "description": "The number of the wallet that the request is about. A service's key must name one; a person's"
        " key has its owner's, and may name no other.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
        "example": "17",
    }


def _key_parameter() -> dict[str, Any]:
    return {
        "in": "header",
        "name": KEY_HEADER,
        "required": True,
        "description": "Tells this act from others of the wallet: a repeat under the same key is carried out once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
        "example": "message-81f2",
    }


def _responses(kinds: Iterable[Kind]) -> dict[int, Any]:
    """Return the responses that problems of these kinds are, by status."""
    by_status: dict[int, list[Kind]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _response(of_status) for status, of_status in by_status.items()}


def _response(kinds: list[Kind]) -> dict[str, Any]:
    headers = {"X-Request-ID": _SAID_BY_ALL["X-Request-ID"]}
    if kinds[0].status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    examples = {kind.name: {"summary": kind.title, "value": _example(kind)} for kind in kinds}
    content = {problems.CONTENT_TYPE: {"schema": PROBLEM, "examples": examples}}
    return {"description": _titles(kinds), "headers": headers, "content": content}


def _add(responses: dict[int, Any], further: dict[int, Any]) -> None:
    """Add problems to an operation's responses, also to those of a status that it has already."""
    for status, said in further.items():
        if status not in responses:
            responses[status] = said
            continue
        examples = responses[status]["content"][problems.CONTENT_TYPE]["examples"]
        examples |= said["content"][problems.CONTENT_TYPE]["examples"]
        responses[status]["description"] = " · ".join(example["summary"] for example in examples.values())


def _titles(kinds: Iterable[Kind]) -> str:
    return " · ".join(kind.title for kind in kinds)


def _example(kind: Kind) -> dict[str, object]:
    said = _EXAMPLES.get(kind.name, {})
    members = {name: value for name, value in said.items() if name != "detail"}
    return problems.document(Refused(kind, said.get("detail", ""), **members)) | {"instance": "5c1d6b0e9a3f4f7c"}
