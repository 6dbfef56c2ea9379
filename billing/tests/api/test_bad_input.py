"""Whatever is sent: the right status, a problem document, nothing in the books, nothing secret in the logs."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from billing.models import Feature, Hold, LedgerEntry, Wallet
from billing.services.api_keys import NewKey
from billing.tests.api.calling import Program, nested, problem_of

pytestmark = pytest.mark.django_db
USE = {"feature": "gpt-4o", "quantity": 10}
HUGE = "9" * 5_000


def everything() -> list[object]:
    """Return what no refused request may change."""
    return [list(Wallet.objects.order_by("pk").values()), LedgerEntry.objects.count(), Hold.objects.count()]


@pytest.fixture(autouse=True)
def _nothing_in_the_books(backend: Program, bob: User) -> Any:
    before = everything()
    yield
    assert everything() == before


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed-body"),
    "no JSON": (b"feature=gpt-4o", 400, "malformed-body"),
    "cut off": (b'{"feature": "gpt-4o", "quan', 400, "malformed-body"),
    "more than one": (b'{"feature": "gpt-4o", "quantity": 1} {}', 400, "malformed-body"),
    "a name twice": (b'{"feature": "gpt-4o", "quantity": 1, "quantity": 2}', 400, "malformed-body"),
    "a name twice inside": (b'{"feature": "gpt-4o", "quantity": 1, "detail": {"a": 1, "a": 1}}', 400, "malformed-body"),
    "NaN": (b'{"feature": "gpt-4o", "quantity": NaN}', 400, "malformed-body"),
    "Infinity": (b'{"feature": "gpt-4o", "quantity": -Infinity}', 400, "malformed-body"),
    "not UTF-8": (b'{"feature": "gpt-4o\xff", "quantity": 1}', 400, "malformed-body"),
    "UTF-16": ('{"feature": "gpt-4o", "quantity": 1}'.encode("utf-16"), 400, "malformed-body"),
    "a byte order mark": (b'\xef\xbb\xbf{"feature": "gpt-4o", "quantity": 1}', 400, "malformed-body"),
    "a raw control character": (b'{"feature": "gpt-4o\n", "quantity": 1}', 400, "malformed-body"),
    "nested to the bottom": (b'{"detail":' + b"[" * 60_000, 400, "malformed-body"),
    "nested and closed": (b"[" * 30_000 + b"]" * 30_000, 400, "malformed-body"),
    "a list": (b"[]", 422, "invalid-request"),
    "null": (b"null", 422, "invalid-request"),
    "a text": (b'"gpt-4o"', 422, "invalid-request"),
    "too large": (json.dumps(USE | {"detail": {"a": "x" * 65_536}}).encode(), 413, "content-too-large"),
    "far too large": (b" " * 3_000_000, 413, "content-too-large"),
    "a huge number": (f'{{"feature": "gpt-4o", "quantity": {HUGE}}}'.encode(), 422, "invalid-request"),
    "a number beyond 63 bits": (f'{{"feature": "gpt-4o", "quantity": {2**63}}}'.encode(), 422, "invalid-request"),
    "a huge number inside": (f'{{"feature": "gpt-4o", "quantity": 1, "detail": {{"a": {HUGE}}}}}'.encode(), 422,
                             "invalid-request"),
    "a float": (b'{"feature": "gpt-4o", "quantity": 10.0}', 422, "invalid-request"),
    "an exponent": (b'{"feature": "gpt-4o", "quantity": 1e1}', 422, "invalid-request"),
    "a float inside": (b'{"feature": "gpt-4o", "quantity": 1, "detail": {"a": 0.5}}', 422, "invalid-request"),
    "a NUL": (b'{"feature": "gpt-4o", "quantity": 1, "detail": {"a": "\\u0000"}}', 422, "invalid-request"),
    "a NUL in a name": (b'{"feature": "gpt-4o", "quantity": 1, "detail": {"\\u0000": 1}}', 422, "invalid-request"),
    "an escape": (b'{"feature": "gpt-4o", "quantity": 1, "source": "workflow:a\\u001b[31m"}', 422, "invalid-request"),
    "half a character": (b'{"feature": "gpt-4o", "quantity": 1, "detail": {"a": "\\ud800"}}', 422, "invalid-request"),
    "a delete character": (b'{"feature": "gpt-4o", "quantity": 1, "detail": {"a": "\x7f"}}', 422, "invalid-request"),
}  # fmt: skip
FIELDS: dict[str, object] = {
    "no quantity": {"feature": "gpt-4o"},
    "no feature": {"quantity": 1},
    "nothing at all": {},
    "a quantity as a text": USE | {"quantity": "10"},
    "a quantity of nothing": USE | {"quantity": 0},
    "a negative quantity": USE | {"quantity": -1},
    "true": USE | {"quantity": True},
    "null": USE | {"quantity": None},
    "a list": USE | {"quantity": [10]},
    "an unknown field": USE | {"discount": 100},
    "a cost of its own": USE | {"cost": "0"},
    "another wallet": USE | {"wallet": 1},
    "a feature that is a number": USE | {"feature": 4},
    "a feature in capitals": USE | {"feature": "GPT-4o"},
    "a feature with a quote": USE | {"feature": "gpt' OR 1=1 --"},
    "a feature too long": USE | {"feature": "x" * 65},
    "no feature's name": USE | {"feature": ""},
    "a source of nothing": USE | {"source": ""},
    "a source that nobody knows": USE | {"source": "cron"},
    "another key as a source": USE | {"source": "api_key:1000000"},
    "a source too long": USE | {"source": f"workflow:{'x' * 80}"},
    "a detail that is a text": USE | {"detail": "tokens"},
    "a detail too long": USE | {"detail": {"a": "x" * 20_000}},
    "a detail that nests too deep": USE | {"detail": nested(33)},
    "a detail that nests without end": USE | {"detail": nested(900)},
    "a moment without a zone": USE | {"occurred_at": "2025-03-10T09:00:00"},
    "a moment that is none": USE | {"occurred_at": "2025-02-30T09:00:00Z"},
    "a moment as a number": USE | {"occurred_at": 1_741_564_800},
    "a moment before all time": USE | {"occurred_at": "0001-01-01T00:00:00+01:00"},
    "a moment after all time": USE | {"occurred_at": "9999-12-31T23:59:59-01:00"},
    "a moment to come": USE | {"occurred_at": "2099-03-10T09:00:00Z"},
    "a moment long ago": USE | {"occurred_at": "1999-03-10T09:00:00Z"},
    "confirmed as a text": USE | {"confirmed": "true"},
    "confirmed as a number": USE | {"confirmed": 1},
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_can_mean_nothing_is_refused(backend: Program, name: str) -> None:
    body, status, kind = BODIES[name]
    for path in ("/charges", "/holds", "/workflows", "/batches", "/quotes"):
        problem_of(backend.post(path, body), status, kind)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_cannot_be_is_refused(backend: Program, name: str) -> None:
    said = problem_of(backend.post("/charges", FIELDS[name]), 422, "invalid-request")
    assert all(error["in"] == "body" and error["detail"] for error in said.get("errors", ()))


def test_each_wrong_field_is_named_and_nothing_of_it_is_told(backend: Program) -> None:
    body = {"workflow": "", "nodes": [{"name": "x"}, {"feature": "gpt-4o", "quantity": "canary"}], "extra": "canary"}
    said = problem_of(backend.post("/workflows", body), 422, "invalid-request")
    assert {error["pointer"] for error in said["errors"]} == {"/workflow", "/nodes/1/quantity", "/extra"}
    assert "canary" not in json.dumps(said)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/json; charset=latin-1", "application/json, text/plain", "application/jsonp"],
)  # fmt: skip
def test_a_body_of_another_type_is_refused(backend: Program, content_type: str) -> None:
    answer = backend.send("POST", "/charges", json.dumps(USE).encode(), content_type, **{"Idempotency-Key": "a"})
    problem_of(answer, 415, "unsupported-media-type")


def test_a_compressed_body_is_refused(backend: Program) -> None:
    problem_of(backend.post("/charges", USE, headers={"Content-Encoding": "gzip"}), 415, "unsupported-media-type")


@pytest.mark.parametrize("key", [None, " " * 0, "x" * 201, "naïve", "a\tb", "💥"])
def test_everything_that_spends_needs_a_key_of_its_own(backend: Program, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    for path, body in (
        ("/charges", USE),
        ("/holds", USE),
        ("/workflows", {"workflow": "w", "nodes": [{"feature": "gpt-4o", "quantity": 1}]}),
        ("/batches", {"charges": [USE]}),
    ):
        problem_of(backend.post(path, body, key=None, headers=headers), 400, "idempotency-key")


def test_a_batch_s_key_leaves_room_for_places(backend: Program) -> None:
    problem_of(backend.post("/batches", {"charges": [USE]}, key="x" * 199), 400, "idempotency-key")
    problem_of(backend.post("/batches", {"charges": [USE | {"key": "x" * 201}]}), 422, "invalid-request")


@pytest.mark.parametrize("wallet", ["0", "-1", "x", "1.0", " ", "٣", "9" * 19, "9" * 30, "1000000", "1 OR 1=1"])
def test_a_wallet_that_is_none_is_refused(backend_key: NewKey, wallet: str) -> None:
    nobody = Program(backend_key.token)
    headers = {"Clever-Wallet": wallet}
    problem_of(nobody.post("/charges", USE, headers=headers), 404, "unknown-wallet")
    problem_of(nobody.get("/balance", **headers), 404, "unknown-wallet")


def test_a_service_that_names_no_wallet_is_told_to(backend_key: NewKey) -> None:
    problem_of(Program(backend_key.token).post("/charges", USE), 400, "wallet-not-named")
    problem_of(Program(backend_key.token).get("/entries"), 400, "wallet-not-named")


def test_a_wallet_whose_owner_left_is_not_there(backend_key: NewKey, bob: User) -> None:
    wallet = bob.wallet
    Wallet.objects.filter(pk=wallet.pk).update(owner=None)
    try:
        problem_of(Program(backend_key.token, wallet).post("/charges", USE), 404, "unknown-wallet")
    finally:
        Wallet.objects.filter(pk=wallet.pk).update(owner=bob)


def test_a_feature_without_a_price_is_never_free(backend: Program, now: datetime) -> None:
    Feature.objects.create(code="gpt-6", name="GPT-6", group="chat", unit="token", position=99)
    for path in ("/charges", "/holds", "/quotes"):
        problem_of(backend.post(path, USE | {"feature": "gpt-6"}), 422, "no-price")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/balance/", "/charges/1", "/holds/x/capture", "/docs",
                                  "/holds/-1/capture", "/entries/x", "/entries/1/", "/openapi.yaml"])  # fmt: skip
def test_an_address_that_is_none_answers_a_program(backend: Program, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        problem_of(backend.send(method, path), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/balance", "GET"), ("/usage", "GET"), ("/entries", "GET"), ("/entries/1", "GET"), ("/features", "GET"),
     ("/plans", "GET"), ("/charges", "POST"), ("/quotes", "POST"), ("/batches", "POST"), ("/holds/1/capture", "POST")],
)  # fmt: skip
def test_a_method_that_an_address_does_not_take(backend: Program, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - {allowed}:
        answer = backend.send(method, path)
        problem_of(answer, 405, "method-not-allowed")
        assert answer["Allow"] == allowed


def test_a_name_that_is_not_ours_is_refused(backend: Program) -> None:
    problem_of(backend.get("/balance", host="evil.example"), 400, "bad-request")


def test_a_session_opens_nothing(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    answer = browser.get("/api/v1/balance")
    assert answer.status_code == 401
    assert not answer.cookies


def test_a_fault_of_ours_is_a_problem_too(backend: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr("billing.api.spending.metering.charge", fail)
    said = problem_of(backend.post("/charges", USE), 500, "server-error")
    assert "canary" not in json.dumps(said)
