"""An HTTP client that lets nothing pass which Stripe would not know, in either direction."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from sandbox.stripe_shapes import objects, requests
from sandbox.stripe_shapes.routes import find

LONGEST_IDEMPOTENCY_KEY = 255
REFUSED = 400
BROKEN = 500  # then whatever stands between may have answered in Stripe's place


class NotStripe(AssertionError):
    """A request or an answer is not what the `stripe` package knows."""


class Watching(stripe.HTTPClient):
    """Hands each request on to another client, after looking at it; and its answer back, after looking at that.

    Attributes:
        seen: method and path of every request so far.
        found: everything that was wrong so far, also where somebody has swallowed the exception.
    """

    name = "watching"

    def __init__(self, inner: stripe.HTTPClient) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[tuple[str, str]] = []
        self.found: list[str] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request.

        Raises:
            NotStripe: Stripe has no such route or parameter, or would not answer like this.
        """
        address = urlsplit(url)
        self.seen.append((method, address.path))
        form = address.query if method in ("get", "delete") else post_data
        self._judge(method, address.path, _request_complaints(method, address.path, headers or {}, form or ""))
        content, status, answer_headers = self.inner.request(method, url, headers, post_data)
        self._judge(method, address.path, _answer_complaints(method, address.path, status, content))
        return content, status, answer_headers

    def close(self) -> None:
        self.inner.close()  # type: ignore[no-untyped-call]

    def _judge(self, method: str, path: str, complaints: list[str]) -> None:
        told = [f"{method.upper()} {path}: {complaint}" for complaint in complaints]
        self.found += told
        if told:
            raise NotStripe("\n".join(told))


def _request_complaints(method: str, path: str, headers: Mapping[str, str], form: str) -> list[str]:
    found = requests.complaints(method, path, requests.decode_form(form))
    if headers.get("Stripe-Version") != stripe.api_version:
        found.append(f"Stripe-Version: expected {stripe.api_version}, got {headers.get('Stripe-Version')!r}")
    if len(headers.get("Idempotency-Key") or "") > LONGEST_IDEMPOTENCY_KEY:
        found.append(f"Idempotency-Key: at most {LONGEST_IDEMPOTENCY_KEY} characters")
    return found


def _answer_complaints(method: str, path: str, status: int, content: str | bytes) -> list[str]:
    route = find(method, path)
    try:
        body = json.loads(content)
    except ValueError:
        return [] if status >= BROKEN else [f"{status}: the answer is no JSON"]
    if status >= REFUSED:
        return [f"{status}: {complaint}" for complaint in objects.error_complaints(body)]
    return objects.complaints_as(route.answer, body) if route else []
