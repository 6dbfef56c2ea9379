"""How a request gets to the server and an answer back: the same request again where that can help, and only there."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from cleverai_credits.errors import Problem, UnexpectedAnswer, Unreachable
from cleverai_credits.problems import problem_of

PROBLEM = "application/problem+json"
TOO_MANY, UNAVAILABLE = 429, 503
#: What a lost answer looks like. The request may have been carried out; its key keeps a repeat from doing it twice.
LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a request is sent at most, and the pauses between, in seconds.

    The server's Retry-After goes before the growing pause of our own. A wait above `longest_wait` isn't waited: the
    refusal is raised instead.
    """

    attempts: int = 5
    first_pause: float = 0.25
    longest_wait: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("A request is sent at least once.")

    def pause(self, attempt: int) -> float:
        """Return the pause after an attempt, counted from 1: about twice the one before, never quite the same."""
        full: float = self.first_pause * 2 ** (attempt - 1)
        return min(full, self.longest_wait) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, hides nothing


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer: its JSON, and whether it is the first answer to a repeated request."""

    body: Any
    replayed: bool


class Transport:
    """One server, spoken to with one key. Safe to use from many threads."""

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, str],
        patience: Patience,
        timeout_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience = patience
        self._sleep = sleep
        self._http = httpx.Client(base_url=base_url, headers=dict(headers), timeout=timeout_seconds)

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Reply:
        """Send a request until it is answered; raises Problem, UnexpectedAnswer, and Unreachable when it never is."""
        headers = {} if key is None else {"Idempotency-Key": key}
        request = self._http.build_request(method, path, params=query, json=body, headers=headers)
        for attempt in range(1, self._patience.attempts + 1):
            is_last = attempt == self._patience.attempts
            try:
                answer = self._http.send(request)
            except LOST as error:
                if is_last:
                    raise Unreachable(f"{request.url} gave no answer: {type(error).__name__}.") from error
                self._sleep(self._patience.pause(attempt))
                continue
            if answer.is_success:
                return Reply(_json(answer), answer.headers.get("Idempotent-Replayed") == "true")
            wait = self._wait(answer, attempt)
            if is_last or wait is None or wait > self._patience.longest_wait:
                raise _refusal(answer)
            self._sleep(wait)
        raise AssertionError("The last attempt returns or raises.")

    def _wait(self, answer: httpx.Response, attempt: int) -> float | None:
        """Return for how many seconds to wait before the same request again; None where that can't help."""
        if answer.status_code not in {TOO_MANY, UNAVAILABLE}:
            return None
        told = seconds_of(answer.headers.get("Retry-After"), now=datetime.now(UTC))
        return self._patience.pause(attempt) if told is None else told


def seconds_of(retry_after: str | None, *, now: datetime) -> float | None:
    """Return how many seconds a Retry-After asks to wait: a whole number, or a date; None for anything else."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise UnexpectedAnswer(
            f"{answer.request.url} answered {answer.status_code} with something that isn't JSON.",
            status=answer.status_code,
        ) from None


def _refusal(answer: httpx.Response) -> Problem | UnexpectedAnswer:
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    members = _json(answer) if media_type == PROBLEM else None
    if not isinstance(members, dict):
        return UnexpectedAnswer(
            f"{answer.request.url} answered {answer.status_code}, and not as the API does. Is the address right?",
            status=answer.status_code,
        )
    wait = seconds_of(answer.headers.get("Retry-After"), now=datetime.now(UTC))
    return problem_of(members, status=answer.status_code, retry_after=wait)
