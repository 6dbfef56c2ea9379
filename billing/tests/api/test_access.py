"""Who may what (G19): every address of the API × every key that must not open it. A new address without a row fails."""

import re
from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing.api import api
from billing.models import ApiKey, Hold, LedgerEntry, Wallet
from billing.services import api_keys, rate_limits, subscriptions
from billing.services.api_keys import NewKey
from billing.tests.api.calling import Program, problem_of
from billing.tests.keys import go_pro, key_of, service_key

pytestmark = pytest.mark.django_db
READ, QUOTE, SPEND, ANY = "read", "quote", "spend", ""
USE = {"feature": "gpt-4o-mini", "quantity": 1}
#: Method and path, with the scope that it takes and a body that would do.
ROWS: dict[tuple[str, str], tuple[str, object]] = {
    ("GET", "/balance"): (READ, None),
    ("GET", "/usage"): (READ, None),
    ("GET", "/entries"): (READ, None),
    ("GET", "/entries/{sequence}"): (READ, None),
    ("GET", "/features"): (ANY, None),
    ("GET", "/plans"): (ANY, None),
    ("POST", "/quotes"): (QUOTE, USE),
    ("POST", "/charges"): (SPEND, USE),
    ("POST", "/workflows"): (SPEND, {"workflow": "w", "nodes": [USE]}),
    ("POST", "/batches"): (SPEND, {"charges": [USE]}),
    ("POST", "/holds"): (SPEND, USE),
    ("POST", "/holds/{hold_id}/capture"): (SPEND, {"quantity": 1}),
    ("POST", "/holds/{hold_id}/release"): (SPEND, {}),
    ("POST", "/holds/{hold_id}/extend"): (SPEND, {"until": "2025-03-10T10:00:00Z"}),
}
EACH = pytest.mark.parametrize(("method", "path"), list(ROWS), ids=lambda value: value)


@pytest.fixture
def hold(backend: Program) -> int:
    """A hold of Alice's."""
    return int(backend.post("/holds", USE).json()["id"])


@pytest.fixture
def ask(hold: int, alice: User):
    """A function that sends a row's request, about Alice's first entry and her hold."""

    def send(program: Program, method: str, path: str):
        address = path.format(sequence=1, hold_id=hold)
        return program.get(address) if method == "GET" else program.post(address, ROWS[method, path][1])

    return send


def state() -> list[object]:
    return [list(Wallet.objects.order_by("pk").values()), LedgerEntry.objects.count(), list(Hold.objects.values())]


def test_every_address_has_a_row() -> None:
    paths = api.get_openapi_schema()["paths"]
    assert sorted(ROWS) == sorted(
        (method.upper(), path.removeprefix("/api/v1")) for path, operations in paths.items() for method in operations
    )


@EACH
@pytest.mark.parametrize(
    ("authorization", "why"),
    [("", "missing"), ("Bearer", "missing"), ("Basic YWxpY2U6eA==", "missing"), ("Bearer a b", "missing"),
     ("Bearer clv_live_short", "malformed"), ("Bearer ключ", "malformed"), (f"Bearer {'x' * 5_000}", "malformed")],
)  # fmt: skip
def test_without_a_key_nothing_opens(ask, method: str, path: str, authorization: str, why: str) -> None:
    before, program = state(), Program()
    program.headers["Authorization"] = authorization
    answer = ask(program, method, path)
    said = problem_of(answer, 401, "invalid-key")
    assert said["why"] == why
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert state() == before


@EACH
def test_a_key_that_ended_opens_nothing(
    ask, method: str, path: str, key: NewKey, backend_key: NewKey, alice: User, now: datetime
) -> None:
    brief = key_of(alice, name="Brief", now=now, expires_at=now + timedelta(days=1))
    ApiKey.objects.filter(pk=brief.key.pk).update(created_at=now - timedelta(days=2), expires_at=now)
    api_keys.revoke(wallet_id=alice.wallet.pk, key_id=key.key.pk, now=now)
    api_keys.revoke_by_staff(key_id=backend_key.key.pk, now=now)
    before = state()
    for token, why in ((key.token, "revoked"), (backend_key.token, "revoked"), (brief.token, "expired")):
        assert problem_of(ask(Program(token, alice.wallet), method, path), 401, "invalid-key")["why"] == why
    assert state() == before


@EACH
def test_a_key_whose_plan_has_no_api_access_rests(
    ask, method: str, path: str, program: Program, alice: User, now: datetime
) -> None:
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now)
    before = state()
    assert problem_of(ask(program, method, path), 403, "api-access-paused")["plans_at"]
    assert state() == before


@EACH
def test_a_key_without_the_scope_is_refused(
    ask, method: str, path: str, alice: User, stella: User, now: datetime
) -> None:
    before, needed = state(), ROWS[method, path][0]
    programs = {
        READ: Program(key_of(alice, name="Reader", scopes=("read",), now=now).token),
        QUOTE: Program(key_of(alice, name="Asker", scopes=("quote",), now=now).token),
        SPEND: Program(service_key(stella, name="Spender", scopes=("spend",), now=now).token, alice.wallet),
    }
    for scope, program in programs.items():
        if needed not in (ANY, scope):
            answer = ask(program, method, path)
            assert problem_of(answer, 403, "insufficient-scope")["scope"] == needed
            assert f'scope="{needed}"' in answer["WWW-Authenticate"]
    assert state() == before


@EACH
def test_another_s_key_finds_nothing_of_alice_s(
    ask, method: str, path: str, alice: User, bob: User, now: datetime
) -> None:
    go_pro(bob, now=now)
    token = key_of(bob, now=now).token
    before = state()
    for program in (Program(token), Program(token, alice.wallet)):
        answer = ask(program, method, path)
        named = "Clever-Wallet" in program.headers
        if ROWS[method, path][0] == READ and named:
            problem_of(answer, 404, "unknown-wallet")
        elif ROWS[method, path][0] == SPEND:
            problem_of(answer, 403, "insufficient-scope")
        else:
            assert answer.status_code == 200
        assert f'"wallet": {alice.wallet.pk}' not in answer.content.decode()
    assert state() == before


def test_each_key_has_its_rate(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "OF_A_PERSON", 3)
    left = [program.get("/balance")["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = program.get("/balance")
    problem_of(answer, 429, "too-many-requests")
    assert (answer["Retry-After"], answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("60", "3", "0")


def test_a_use_is_noted_once_a_day(program: Program, key: NewKey) -> None:
    for _ in range(3):
        program.get("/balance")
    key.key.refresh_from_db()
    assert str(key.key.last_used_on) == "2025-03-10"


def test_a_request_s_line_names_its_route_and_its_answer_its_id(program: Program) -> None:
    answer = program.get("/balance")
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])
    assert "Set-Cookie" not in answer
    assert answer["Content-Length"] == str(len(answer.content))
