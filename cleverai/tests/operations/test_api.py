"""The API while something is away, and what its requests leave in the logs: no key, and nothing that was sent."""

from datetime import datetime

import pytest
from django.utils import timezone

from accounts.models import User
from billing import api_tokens
from billing.tests.api.calling import Program, problem_of
from billing.tests.keys import go_pro, key_of, service_key
from billing.tests.people import sign_up
from cleverai.tests.operations.conftest import Lines

USE = {"feature": "gpt-4o-mini", "quantity": 1, "detail": {"note": "canary-detail"}}


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def tokens(alice: User, now: datetime) -> tuple[str, str]:
    """A key of Alice's, and a service's."""
    go_pro(alice, now=now)
    stella = sign_up("stella", at=now, is_staff=True, is_superuser=True)
    return key_of(alice, now=now).token, service_key(stella, now=now).token


def test_no_line_has_a_key_or_what_was_sent(lines: Lines, alice: User, tokens: tuple[str, str]) -> None:
    own, service = tokens
    backend = Program(service, alice.wallet)
    canary = {"Idempotency-Key": "canary-key", "X-Canary": "canary-header"}
    assert Program(own).get("/entries?source=canary-source").status_code == 200
    assert backend.post("/charges", USE, key="canary-key").status_code == 201
    assert backend.post("/charges", USE | {"quantity": 2}, key="canary-key").status_code == 422
    assert backend.post("/charges", USE | {"feature": "canary-feature"}, headers=canary).status_code == 422
    assert backend.post("/charges", b'{"canary', headers=canary).status_code == 400
    assert backend.get("/canary-path").status_code == 404
    for token in (own[:-1], own[:-1] + "x", f"{own} canary", service.lower()):
        assert Program(token).get("/balance").status_code == 401
    text = lines.text()
    assert "/api/v1/charges" in text
    assert "canary" not in text.lower().replace("canary-path", "")
    for token in tokens:
        assert token not in text
        assert token.rpartition("_")[2] not in text


def test_a_fault_behind_a_request_tells_no_key(
    lines: Lines, alice: User, tokens: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("billing.api.spending.metering.charge", fail)
    problem_of(Program(tokens[1], alice.wallet).post("/charges", USE), 500, "server-error")
    assert "ZeroDivisionError" in lines.text()
    assert tokens[1] not in lines.text()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unreachable_database")
def test_without_the_database_programs_are_told_to_come_again() -> None:
    answer = Program(api_tokens.new().text, 17).post("/charges", USE)
    assert "Idempotency-Key" in problem_of(answer, 503, "unavailable")["detail"]
    assert answer["Retry-After"] == "15"


def test_without_the_cache_charges_go_on(alice: User, tokens: tuple[str, str], unreachable_cache: None) -> None:
    answer = Program(tokens[1], alice.wallet).post("/charges", USE)
    assert (answer.status_code, answer["RateLimit-Remaining"]) == (201, answer["RateLimit-Limit"])
