"""Programs that call the API: a key, perhaps a wallet's number, and JSON."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from django.http import HttpResponse
from django.test import Client

from billing.models import Wallet

numbers = count()


class Program:
    """A program with a key, in the name of a wallet if it is a service's."""

    def __init__(self, token: str = "", wallet: Wallet | int | None = None) -> None:
        self._client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        if wallet is not None:
            self.headers["Clever-Wallet"] = str(wallet.pk if isinstance(wallet, Wallet) else wallet)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self._client.get(f"/api/v1{path}", headers=self.headers | headers)

    def post(
        self, path: str, body: object = None, *, key: str | None = "", headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """Send JSON, under a new idempotency key unless `key` names one, or is None for none."""
        named = {} if key is None else {"Idempotency-Key": key or f"act-{next(numbers)}"}
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self._client.generic(
            "POST",
            f"/api/v1{path}",
            sent,
            content_type="application/json",
            headers=self.headers | named | dict(headers or {}),
        )

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "", **headers: str) -> HttpResponse:
        """Send anything."""
        return self._client.generic(
            method, f"/api/v1{path}", body, content_type=content_type, headers=self.headers | headers
        )


def nested(levels: int) -> dict[str, object]:
    """Return objects in one another."""
    found: dict[str, object] = {}
    for _ in range(levels - 1):
        found = {"in": found}
    return found


def problem_of(answer: HttpResponse, status: int, name: str) -> dict[str, Any]:
    """Return the members of a problem document, having checked that it is that one, and whole."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    document: dict[str, Any] = json.loads(answer.content)
    assert document["type"].endswith(f"/api/problems/{name}/"), document
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == answer["X-Request-ID"]
    return document
