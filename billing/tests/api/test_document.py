"""G20: the API keeps its OpenAPI document: whatever a program may read there, and whatever it may not, is so."""

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.errors import InvalidSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from accounts.models import User
from billing import metering
from billing.api import answers, api
from billing.api.document import EXAMPLE_ANSWERS
from billing.api.problems import KINDS
from billing.services.api_keys import NewKey
from billing.tests.api.test_access import ROWS

pytestmark = pytest.mark.django_db
MANY = [pytest.mark.long, pytest.mark.timeout(7_200)]
#: What makes a request likely to go through: the rest is random.
REAL = {"feature": "gpt-4o-mini", "quantity": 3, "priced_as": None, "source": "app"}


@pytest.fixture
def schema() -> Iterator[Any]:
    """The document as a program loads it, and the API behind it, which leaves the test its connection."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    for signal in signals:
        signal.connect(close_old_connections)


def test_it_is_one_of_openapi_3_1(schema: Any) -> None:
    assert schema.raw_schema["openapi"].startswith("3.1")
    try:
        schema.validate()
    except InvalidSchema as error:  # its own words are long
        pytest.fail(str(error))


def test_it_says_everything_of_every_operation() -> None:
    document = api.get_openapi_schema()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["operationId"], where
            assert operation["description"], where
            assert operation["security"] == [{"BearerKey": []}], where
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"]), where
            for status, response in operation["responses"].items():
                assert response["description"] != "Unknown Status Code", where
                assert "X-Request-ID" in response["headers"], where
                content = "application/problem+json" if int(status) >= 400 else "application/json"
                assert set(response["content"]) == {content}, where
            if "requestBody" in operation:
                assert {"400", "413", "415", "422"} <= set(operation["responses"]), where


def test_every_kind_of_problem_is_told_of_by_some_operation() -> None:
    told = {
        name
        for operations in api.get_openapi_schema()["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for name in response["content"]["application/problem+json"]["examples"]
    }
    assert set(KINDS) - told == {"bad-request", "method-not-allowed"}


@pytest.mark.parametrize("name", EXAMPLE_ANSWERS)
def test_its_examples_are_answers(name: str) -> None:
    model = getattr(answers, name)
    assert model.model_validate(EXAMPLE_ANSWERS[name]).model_dump(mode="json") == EXAMPLE_ANSWERS[name]


def cases_of(operation: Any) -> SearchStrategy[Any]:
    """Return requests that keep to the document, and as many that break it somewhere, if there is anything to break."""
    kept = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (operation.body or operation.query or operation.path_parameters):
        return kept
    return st.one_of(kept, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


@pytest.mark.parametrize("examples", [100, pytest.param(20_000, marks=MANY)])
@pytest.mark.parametrize(("method", "path"), list(ROWS), ids=lambda value: value)
def test_whatever_is_sent_is_answered_as_it_says(
    schema: Any, backend_key: NewKey, alice: User, now: datetime, method: str, path: str, examples: int
) -> None:
    hold = metering.hold(wallet=alice.wallet, feature="gpt-4o", quantity=100, key="a hold", now=now)
    key_alone = {"Authorization": f"Bearer {backend_key.token}"}
    headers = key_alone | {"Clever-Wallet": str(alice.wallet.pk)}
    dice = random.Random(0)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None)
    @given(case=cases_of(schema[f"/api/v1{path}"][method]))
    def check(case: Any) -> None:
        is_meant_well = case.meta.generation.mode == GenerationMode.POSITIVE
        if is_meant_well and dice.random() < 0.7:
            _make_real(case.body)
            if "hold_id" in (case.path_parameters or {}):
                case.path_parameters["hold_id"] = hold.pk
        case.call_and_validate(
            headers=headers if is_meant_well else key_alone, excluded_checks=[positive_data_acceptance]
        )

    check()


def _make_real(body: Any) -> None:
    """Let a body name what exists, wherever it names something."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name in REAL and isinstance(value, type(REAL[name])):
                body[name] = REAL[name]
            else:
                _make_real(value)
    elif isinstance(body, list):
        for item in body:
            _make_real(item)
