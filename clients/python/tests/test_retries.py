"""What is sent again, with which key and after how long, and what never is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cleverai_credits import (
    Client,
    InsufficientCredits,
    InvalidKey,
    InvalidRequest,
    Patience,
    Problem,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from cleverai_credits.transport import seconds_of

from .scripted import Breaks, Says, scripted

TOKEN = "clv_live_12345678_not-a-real-one"
CHARGED = {
    "sequence": 2,
    "cost": "12.265",
    "uncovered": "0",
    "available": "87.735",
    "posted_at": "2025-03-10T09:30:00Z",
}  # fmt: skip
QUICK = Patience(attempts=4, first_pause=0.01, longest_wait=2)


def problem(status: int, name: str, headers: dict[str, str] | None = None, **members: object) -> Says:
    body = {"type": f"https://example.com/api/problems/{name}/", "title": name, "status": status, **members}
    return Says(status, body, headers or {}, "application/problem+json; charset=utf-8")


def client(url: str, patience: Patience = QUICK) -> Client:
    return Client(url, TOKEN, patience=patience, timeout_seconds=1)


@pytest.mark.parametrize(
    "trouble",
    [
        Breaks(),
        Breaks(in_the_middle=True),
        problem(503, "unavailable"),
        problem(503, "unavailable", {"Retry-After": "0"}),
        problem(429, "too-many-requests", {"Retry-After": "0"}),
        Says(503, b"<h1>Bad gateway</h1>", content_type="text/html"),
    ],
    ids=["cut", "cut in the middle", "away", "away for now", "too many", "a proxy's page"],
)
def test_the_same_request_is_sent_again_until_it_is_answered(trouble: Says | Breaks) -> None:
    with scripted(trouble, trouble, Says(200, CHARGED)) as server, client(server.url) as clever:
        answer = clever.charge("gpt-4o", 2_453, key="message-81f2")
    assert (answer.cost, answer.available) == (Decimal("12.265"), Decimal("87.735"))
    assert len(server.asked) == 3
    assert {(asked.method, asked.path, asked.body) for asked in server.asked} == {
        ("POST", "/api/v1/charges", server.asked[0].body)
    }
    assert {asked.headers["Idempotency-Key"] for asked in server.asked} == {"message-81f2"}


def test_a_call_without_a_key_makes_one_that_its_repeats_share() -> None:
    with scripted(Breaks(), Says(200, CHARGED)) as server, client(server.url) as clever:
        clever.charge("gpt-4o", 1)
        clever.charge("gpt-4o", 1)
    first, again, other = (asked.headers["Idempotency-Key"] for asked in server.asked)
    assert first == again != other


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (problem(400, "malformed-body"), InvalidRequest),
        (problem(401, "invalid-key", why="revoked"), InvalidKey),
        (problem(402, "insufficient-credits", needed="80", available="13.79", shortfall="66.21"), InsufficientCredits),
        (problem(422, "invalid-request"), InvalidRequest),
        (problem(500, "server-error"), ServerError),
        (problem(418, "invented-tomorrow"), Problem),
        (Says(502, b"<h1>Bad gateway</h1>", content_type="text/html"), UnexpectedAnswer),
        (Says(504, b"", content_type="text/plain"), UnexpectedAnswer),
        (Says(302, b"", {"Location": "https://example.com/"}), UnexpectedAnswer),
        (Says(200, b"<h1>Welcome</h1>", content_type="text/html"), UnexpectedAnswer),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Says) else value.__name__,
)
def test_no_other_answer_is_asked_for_twice(says: Says, error: type[Exception]) -> None:
    with scripted(says) as server, client(server.url) as clever, pytest.raises(error):
        clever.charge("gpt-4o", 2_453)
    assert len(server.asked) == 1


def test_it_gives_up_after_as_many_attempts_as_it_was_told() -> None:
    with scripted(Breaks()) as server, client(server.url) as clever, pytest.raises(Unreachable):
        clever.charge("gpt-4o", 1)
    assert len(server.asked) == QUICK.attempts
    with scripted(problem(503, "unavailable")) as server, client(server.url) as clever, pytest.raises(Unavailable):
        clever.charge("gpt-4o", 1)
    assert len(server.asked) == QUICK.attempts


def test_nobody_there_is_told_so() -> None:
    with scripted(Says(200)) as server:
        url = server.url
    with client(url) as clever, pytest.raises(Unreachable) as told:
        clever.balance()
    assert TOKEN not in str(told.value)


def test_it_waits_as_long_as_the_server_says() -> None:
    with scripted(problem(429, "too-many-requests", {"Retry-After": "1"}), Says(200, CHARGED)) as server:
        began = time.monotonic()
        with client(server.url) as clever:
            clever.charge("gpt-4o", 1)
        assert time.monotonic() - began >= 1


def test_a_wait_that_is_too_long_is_told_instead() -> None:
    with scripted(problem(429, "too-many-requests", {"Retry-After": "3600"})) as server:
        with client(server.url) as clever, pytest.raises(RateLimited) as told:
            clever.charge("gpt-4o", 1)
        assert (told.value.retry_after, told.value.name) == (3_600, "too-many-requests")
        assert len(server.asked) == 1


def test_a_slow_answer_is_asked_for_again() -> None:
    script = [Says(200, CHARGED, after_seconds=1.5), Says(200, CHARGED)]
    with scripted(*script) as server, Client(server.url, TOKEN, patience=QUICK, timeout_seconds=1) as clever:
        assert clever.charge("gpt-4o", 1, key="once").sequence == 2
    assert [asked.headers["Idempotency-Key"] for asked in server.asked] == ["once", "once"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("Mon, 10 Mar 2025 09:30:42 GMT", 42.0),
        ("Mon, 10 Mar 2025 09:00:00 GMT", 0.0),
        ("Mon, 10 Mar 2025 09:30:42", 42.0),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_both_ways_to_say_retry_after_are_understood(said: str | None, seconds: float | None) -> None:
    assert seconds_of(said, now=datetime(2025, 3, 10, 9, 30, tzinfo=UTC)) == seconds


def test_pauses_grow_and_stay_within_what_is_waited() -> None:
    patience = Patience(attempts=9, first_pause=1, longest_wait=10)
    pauses = [patience.pause(attempt) for attempt in range(1, 9)]
    assert all(min(2 ** (n - 1), 10) / 2 <= pause <= min(2 ** (n - 1), 10) for n, pause in enumerate(pauses, start=1))
    with pytest.raises(ValueError, match="at least once"):
        Patience(attempts=0)


@pytest.mark.parametrize("show", [repr, str, lambda clever: str(vars(clever))])
def test_the_key_is_shown_nowhere(show: Callable[[Client], str]) -> None:
    with Client("https://example.com", TOKEN, wallet=7) as clever:
        assert TOKEN not in show(clever)


def test_an_answer_with_more_than_is_known_stays_readable() -> None:
    says = Says(200, CHARGED | {"invented": "tomorrow"}, {"Idempotent-Replayed": "true"})
    with scripted(says) as server, client(server.url) as clever:
        answer = clever.charge("gpt-4o", 1)
    assert (answer.replayed, answer.raw["invented"]) == (True, "tomorrow")
