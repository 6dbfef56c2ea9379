"""Each line is one JSON object that says when, what, and whom it was done for, and nothing more."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import resolve

from accounts.models import User
from billing.services import settlement
from cleverai import tracing
from cleverai.logs import ACCESS_FORMAT, Context, JsonLine, ReadableLine, configuration
from cleverai.tests.operations.conftest import Lines

logger = logging.getLogger("cleverai.tests")


def test_a_line_is_an_object_with_the_time_in_utc(lines: Lines) -> None:
    logger.warning("Two\nlines of %s", "text")

    assert lines.text().count("\n") == 1
    (line,) = lines.of("cleverai.tests")
    assert list(line) == ["time", "level", "logger", "message"]
    assert (line["level"], line["message"]) == ("WARNING", "Two\nlines of text")
    written_at = datetime.fromisoformat(line["time"])
    assert written_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written_at) < timedelta(minutes=1)


def test_a_line_says_for_which_request_task_and_wallet(lines: Lines) -> None:
    tracing.begin(given_id="ab-12", task_name="billing.tasks.send_message")
    logger.warning("Hello")

    (line,) = lines.of("cleverai.tests")
    assert (line["request_id"], line["task"]) == ("ab-12", "billing.tasks.send_message")
    assert "wallet_id" not in line


@pytest.mark.django_db
def test_a_line_names_the_wallet_that_is_worked_on(lines: Lines, alice: User, now: datetime) -> None:
    tracing.begin()
    settlement.settle(wallet_id=alice.wallet.pk, now=now + timedelta(days=40))
    logger.warning("Settled")

    assert lines.of("cleverai.tests")[0]["wallet_id"] == alice.wallet.pk


@pytest.mark.django_db
def test_a_page_s_lines_name_its_owner_s_wallet_and_no_other_page_s_do(lines: Lines, alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    browser.get("/settings/billing/")
    logger.warning("Alice's")
    Client().get("/credits/")
    logger.warning("nobody's")

    mine, other = lines.of("cleverai.tests")
    assert mine["wallet_id"] == alice.wallet.pk
    assert "wallet_id" not in other


def test_an_exception_is_one_field_and_hides_what_it_quotes(lines: Lines) -> None:
    try:
        raise ValueError("alice@example.com has no sk_live_51Habc")
    except ValueError:
        logger.exception("It went wrong")

    (line,) = lines.of("cleverai.tests")
    assert line["message"] == "It went wrong"
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert line["exception"].endswith("ValueError: [hidden] has no [hidden]")


def test_what_a_library_attaches_to_its_records_stays_out(lines: Lines) -> None:
    logger.warning("Hello", extra={"args_of_task": ["s3cret"], "data": {"password": "s3cret"}})

    assert "s3cret" not in lines.text()


def test_the_record_itself_stays_as_it_is_for_other_handlers(caplog: pytest.LogCaptureFixture, lines: Lines) -> None:
    logger.warning("to %s", "alice@example.com")

    assert "to alice@example.com" in caplog.messages
    assert lines.of("cleverai.tests")[0]["message"] == "to [hidden]"


def test_what_django_says_about_a_request_names_its_page_and_not_its_address(lines: Lines, client: Client) -> None:
    request = RequestFactory().get("/settings/billing/unsubscribe/t0ken/?x=t1ken")
    request.resolver_match = resolve(request.path)
    logging.getLogger("django.request").warning("Forbidden: %s", request.path, extra={"request": request})
    client.get("/nowhere/t2ken/")

    found = [line["message"] for line in lines.of("django.request")]
    assert found == ["Forbidden: /settings/billing/unsubscribe/<str:token>/", "Not Found: (no page)"]


def access(**more: Any) -> logging.LogRecord:
    atoms = {
        "m": "GET", "{cleverai.route}e": "/settings/billing/", "s": "200", "B": 512, "M": 12,
        "{x-request-id}o": "ab-12", "U": "/settings/billing/", "q": "token=t0ken", "f": "https://x.example/t1ken",
        "{cookie}i": "session=t2ken", "h": "198.51.100.7", "u": "alice", **more,
    }  # fmt: skip
    return logging.LogRecord("gunicorn.access", logging.INFO, "", 0, ACCESS_FORMAT, (atoms,), None)


def test_gunicorn_s_line_about_a_request_has_its_figures_as_fields() -> None:
    record = access()
    Context().filter(record)
    line = json.loads(JsonLine().format(record))

    del line["time"]
    assert line == {
        "level": "INFO", "logger": "gunicorn.access", "message": "GET /settings/billing/ 200, 512 bytes in 12 ms",
        "request_id": "ab-12", "method": "GET", "route": "/settings/billing/", "status": 200, "bytes": 512,
        "milliseconds": 12,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Invalid request from ip=198.51.100.7: Invalid HTTP request line: 'GET /t0ken'", "Invalid request"),
        ("Listening at: http://0.0.0.0:8000 (7)", "Listening at: http://0.0.0.0:8000 (7)"),
    ],
)
def test_gunicorn_s_words_about_a_bad_request_quote_none_of_it(text: str, safe: str) -> None:
    record = logging.LogRecord("gunicorn.error", logging.WARNING, "", 0, text, None, None)
    assert json.loads(JsonLine().format(record))["message"] == safe


def test_gunicorn_s_words_about_a_failed_request_do_not_quote_its_address() -> None:
    args = ("GET", "/reset/t0ken/?x=t1ken")
    record = logging.LogRecord("gunicorn.error", logging.ERROR, "", 0, "Error handling request %s %s", args, None)
    assert json.loads(JsonLine().format(record))["message"] == "Error handling request"


def test_a_developer_s_lines_can_be_read() -> None:
    tracing.begin(given_id="ab-12", task_name="billing.tasks.send_message")
    record = logging.LogRecord("billing", logging.WARNING, "", 0, "Hello %s", ("bob@example.com",), None)
    Context().filter(record)

    line = ReadableLine().format(record)

    assert line.endswith(" WARNING billing Hello [hidden] (task=billing.tasks.send_message)")


@pytest.mark.parametrize(("as_json", "formatter"), [(True, JsonLine), (False, ReadableLine)])
def test_production_writes_json_and_development_words(as_json: bool, formatter: type) -> None:
    assert configuration(level="INFO", as_json=as_json)["formatters"]["line"]["()"] is formatter


def test_a_request_without_a_page_has_no_route(lines: Lines) -> None:
    request = HttpRequest()
    request.path = "/t0ken"
    logging.getLogger("django.security").warning("Bad: %s", "/t0ken", extra={"request": request})

    assert lines.of("django.security")[0]["message"] == "Bad: (no page)"
