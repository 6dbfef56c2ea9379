"""What people see when something goes wrong, the database being away included."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from psycopg import errors
from pytest_django import DjangoDbBlocker

from cleverai import views
from cleverai.outages import is_database_down


def test_an_unknown_address_has_a_page(client: Client) -> None:
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()


def test_a_program_gets_a_problem_document(client: Client) -> None:
    answer = client.get("/nothing/here/", headers={"accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["status"] == 404


def test_a_form_from_elsewhere_is_refused_in_words() -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@example.com", "password": "x"})
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


@pytest.mark.parametrize(
    ("view", "status"),
    [(views.bad_request, 400), (views.permission_denied, 403), (views.page_not_found, 404)],
)
def test_every_error_has_its_page(view: object, status: int) -> None:
    answer = view(RequestFactory().get("/"), Exception())  # type: ignore[operator]
    assert answer.status_code == status
    assert f"Error {status}" in answer.content.decode()


def test_a_fault_of_ours_says_so() -> None:
    assert "Something went wrong on our side" in views.server_error(RequestFactory().get("/")).content.decode()


@pytest.mark.parametrize(
    ("cause", "down"),
    [
        (errors.AdminShutdown(), True),
        (errors.ConnectionFailure(), True),
        (errors.TooManyConnections(), True),
        (None, True),
        (errors.DeadlockDetected(), False),
        (errors.QueryCanceled(), False),
        (errors.LockNotAvailable(), False),
    ],
)
def test_a_deadlock_is_not_a_database_that_is_away(cause: Exception | None, *, down: bool) -> None:
    error = OperationalError("…")
    error.__cause__ = cause
    assert is_database_down(error) is down


@pytest.fixture
def browser_of_alice() -> Client:
    """A browser that was logged in when the database was still there."""
    browser = Client(raise_request_exception=False)
    browser.cookies[settings.SESSION_COOKIE_NAME] = "k" * 32
    return browser


@pytest.fixture
def no_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A database server that nobody reaches, from here to the end of the test."""
    with django_db_blocker.unblock(), monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "HOST", "/nowhere/at/all")
        yield
        connection.close()


@pytest.mark.usefixtures("no_database")
def test_without_a_database_alice_is_told_that_nothing_was_charged(browser_of_alice: Client) -> None:
    answer = browser_of_alice.get("/settings/profile/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "15")
    assert "<h1>We can’t reach our database</h1>" in answer.content.decode()
    assert "Nothing was charged" in answer.content.decode()


@pytest.mark.usefixtures("no_database")
def test_a_view_that_meets_the_gap_itself_says_the_same() -> None:
    answer = Client().post("/accounts/login/", {"login": "a@example.com", "password": "a long passphrase"})
    assert answer.status_code == 503
    assert "Nothing was charged" in answer.content.decode()


@pytest.mark.usefixtures("no_database")
def test_a_fragment_gets_a_fragment_and_a_program_a_problem(browser_of_alice: Client) -> None:
    fragment = browser_of_alice.get("/settings/profile/", headers={"hx-request": "true"})
    problem = browser_of_alice.get("/settings/profile/", headers={"accept": "application/json"})
    assert fragment.status_code == problem.status_code == 503
    assert "<html" not in fragment.content.decode()
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["detail"].startswith("Nothing was charged")


@pytest.mark.usefixtures("no_database")
def test_the_start_page_for_visitors_still_stands() -> None:
    assert Client().get("/").status_code == 200
