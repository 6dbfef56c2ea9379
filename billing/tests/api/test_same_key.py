"""G4 over HTTP: one key stands for one request of one wallet, whatever else comes under it."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing.services import api_keys
from billing.services.api_keys import NewKey
from billing.tests.api.calling import Program, problem_of
from billing.tests.keys import service_key

pytestmark = pytest.mark.django_db
USE = {"feature": "gpt-4o", "quantity": 100}
KEY = "one and the same"
REQUESTS: dict[str, tuple[str, dict[str, object]]] = {
    "a use": ("/charges", USE),
    "another quantity": ("/charges", USE | {"quantity": 101}),
    "another feature": ("/charges", USE | {"feature": "gpt-4o-mini"}),
    "another source": ("/charges", USE | {"source": "app"}),
    "a detail": ("/charges", USE | {"detail": {"input_tokens": 60}}),
    "an empty detail": ("/charges", USE | {"detail": {}}),
    "its price, named": ("/charges", USE | {"priced_as": "gpt-4o"}),
    "a hold": ("/holds", USE),
    "a hold with a minimum": ("/holds", USE | {"minimum": 50}),
    "a workflow": ("/workflows", {"workflow": "report", "nodes": [USE]}),
    "a workflow with a step more": ("/workflows", {"workflow": "report", "nodes": [USE, {}]}),
}


@pytest.mark.parametrize("first", REQUESTS)
def test_a_key_stands_for_one_request(backend: Program, alice: User, first: str) -> None:
    path, body = REQUESTS[first]
    said = backend.post(path, body, key=KEY)
    assert said.status_code == 201
    count = alice.wallet.entries.count()
    for second, (path, body) in REQUESTS.items():
        again = backend.post(path, body, key=KEY)
        if second == first:
            assert (again["Idempotent-Replayed"], again.json()) == ("true", said.json())
        else:
            problem_of(again, 422, "key-reused")
    assert alice.wallet.entries.count() == count


@pytest.mark.parametrize("request_name", REQUESTS)
def test_another_wallet_s_keys_are_its_own(
    backend: Program, backend_key: NewKey, alice: User, bob: User, request_name: str
) -> None:
    path, body = REQUESTS[request_name]
    for program in (backend, Program(backend_key.token, bob.wallet)):
        answer = program.post(path, body, key=KEY)
        assert (answer.status_code, "Idempotent-Replayed" in answer) == (201, False)


def test_what_is_not_part_of_a_request(backend: Program, stella: User, alice: User, now: datetime) -> None:
    """Neither the order of fields, nor the day it counts on, nor that it is confirmed, nor spaces in the JSON."""
    first = backend.post("/charges", USE | {"source": "app"}, key=KEY)
    other = Program(service_key(stella, name="Other", now=now).token, alice.wallet)
    bodies = [
        b'{ "quantity" :100,\n"feature":"gpt-4o" , "source":"app"}',
        b'{"feature": "gpt-4o", "quantity": 100, "source": "app", "confirmed": true}',
        b'{"feature": "gpt-4o", "quantity": 100, "source": "app", "occurred_at": "2025-03-09T00:00:00Z"}',
        b'{"feature": "gpt-4o", "quantity": 100, "source": "app", "detail": null}',
    ]
    for program in (backend, other):
        for body in bodies:
            again = program.post("/charges", body, key=KEY)
            assert (again["Idempotent-Replayed"], again.json()) == ("true", first.json())


def test_a_batch_shares_its_keys_with_everything_else(backend: Program, alice: User) -> None:
    backend.post("/charges", USE, key=KEY)
    items = [USE | {"key": KEY}, USE | {"key": KEY, "quantity": 1}, USE | {"key": "own"}, USE | {"key": "own"}]
    said = backend.post("/batches", {"charges": items}).json()["answers"]
    assert [(item["status"], item["replayed"]) for item in said] == [
        (201, True),
        (422, False),
        (201, False),
        (201, True),
    ]
    assert alice.wallet.entries.filter(kind="charge").count() == 2


@pytest.mark.parametrize("request_name", ["a use", "a hold"])
def test_a_repeat_under_the_key_that_replaced_another_is_one(
    backend: Program, backend_key: NewKey, stella: User, alice: User, now: datetime, request_name: str
) -> None:
    path, body = REQUESTS[request_name]
    first = backend.post(path, body, key=KEY)
    keys = [backend_key]
    for overlap in (timedelta(), timedelta(days=1)):
        keys.append(
            api_keys.rotate_for_service(
                key_id=keys[-1].key.pk, overlap=overlap, expires_at=None, created_by=stella, now=now
            )
        )
        again = Program(keys[-1].token, alice.wallet).post(path, body, key=KEY)
        assert (again["Idempotent-Replayed"], again.json()) == ("true", first.json())
    assert {key.key.source for key in keys} == {backend_key.key.source}
    assert set(alice.wallet.entries.exclude(source="").values_list("source", flat=True)) == {backend_key.key.source}
    problem_of(backend.post(path, body, key=KEY), 401, "invalid-key")
