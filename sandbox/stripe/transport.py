"""A stripe-python HTTP client that calls the sandbox in the same process, without sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import stripe
from flask import Flask

from sandbox.stripe import api
from sandbox.stripe.engine import Engine
from sandbox.stripe.parameters import decode
from sandbox.stripe.server import build


@dataclass(frozen=True)
class Request:
    """A request as it was sent; `params` is its decoded form, and `form` the form itself."""

    method: str
    path: str
    params: dict[str, Any]
    form: str
    headers: dict[str, str]


class InProcess(stripe.HTTPClient):
    """Give it to `stripe.StripeClient(…, http_client=…)`. It has an engine of its own, or a given one."""

    name = "in_process"

    def __init__(self, engine: Engine | None = None, *, app: Flask | None = None) -> None:
        super().__init__()
        self.engine = engine or Engine()
        self.app = app or build(self.engine)
        self.requests: list[Request] = []
        """All requests so far."""
        self._failures: list[int | Exception] = []

    def fail_next(self, failure: int | Exception) -> None:
        """Let one more of the next requests fail before it arrives: with a status, or with an exception."""
        self._failures.append(failure)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        address = urlsplit(url)
        form = (post_data.decode() if isinstance(post_data, bytes) else post_data) or ""
        pairs = parse_qsl(address.query, keep_blank_values=True) + parse_qsl(form, keep_blank_values=True)
        sent = Request(method.upper(), address.path, decode(pairs), form or address.query, dict(headers or {}))
        self.requests.append(sent)
        if self._failures:
            return self._fail(self._failures.pop(0))
        answer = self.app.test_client().open(
            address.path,
            method=sent.method,
            query_string=address.query,
            data=form,
            headers=sent.headers,
            content_type="application/x-www-form-urlencoded",
        )
        if api.LOST in answer.headers:
            raise stripe.APIConnectionError("The sandbox lost the answer on purpose.", should_retry=True)  # type: ignore[no-untyped-call]
        return answer.get_data(as_text=True), answer.status_code, cast("Mapping[str, str]", answer.headers)

    def _fail(self, failure: int | Exception) -> tuple[str, int, Mapping[str, str]]:
        if isinstance(failure, Exception):
            raise failure
        kind = "rate_limit" if failure == 429 else None
        code = f', "code": "{kind}"' if kind else ""
        body = f'{{"error": {{"type": "api_error", "message": "An error occurred while processing."{code}}}}}'
        return body, failure, {"Request-Id": "req_failed"}

    def close(self) -> None:
        """Nothing is open."""
