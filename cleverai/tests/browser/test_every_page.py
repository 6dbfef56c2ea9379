"""Every page there is, in a real browser: accessible, quiet, within its window, by day, by night and on paper."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.models import MailPreference, Purchase
from billing.services import messages
from billing.tests.stripe.shop import Shop
from cleverai.tests.browser import people
from cleverai.tests.browser.looking import Lookers, Size, Task
from cleverai.tests.browser.pages import (
    CAREFUL,
    EXTRA,
    HALFWAY,
    NEWCOMER,
    NOT_A_PAGE,
    RICH,
    SEEN_BY,
    STATES,
    VISITOR,
    Visit,
    billing_pages,
    pages,
)
from cleverai.tests.routes import ROWS
from cleverai.tests.test_access import address_of

PHONE_AT_NIGHT, DESK_BY_DAY = Size(320, "dark"), Size(1280, "light")
EVERY_SIZE = [Size(width, scheme) for width in (320, 768, 1280) for scheme in ("light", "dark")]
DAY = 86_400

Tasks = Callable[[Iterable[Visit]], list[Task]]


def test_what_is_said_of_routes_is_said_of_routes_that_exist() -> None:
    assert set(NOT_A_PAGE) | set(SEEN_BY) <= set(ROWS)
    assert not set(NOT_A_PAGE) & set(SEEN_BY)


@pytest.fixture
def tasks(stripe: Shop, settings: Any) -> Tasks:
    """People who have something to see, and what turns visits into addresses and cookies of theirs."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = DAY
    users = people.everybody(stripe)
    cookies = {VISITOR: Client().cookies, **{name: people.logged_in(user).cookies for name, user in users.items()}}
    people.protect(users[CAREFUL])
    people.add_something_open(users[RICH], stripe)
    cookies[HALFWAY] = halfway_in(users[CAREFUL]).cookies
    numbers = numbers_of(users[RICH])

    def task(visit: Visit) -> Task:
        if visit.pattern and "{" in visit.address:
            address = address_of(ROWS[visit.pattern], users[RICH])
        else:
            address = visit.address.format(**numbers)
        return Task(visit, address, cookies[visit.person])

    return lambda visits: [task(visit) for visit in visits]


def halfway_in(careful: User) -> Client:
    """Return the browser of somebody who has given the password and is asked for a code."""
    client = Client()
    answer = client.post("/accounts/login/", {"login": careful.email, "password": people.PASSWORD})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    return client


def numbers_of(user: User) -> dict[str, Any]:
    """Return the receipts of each kind that somebody has, a Checkout that was paid, and the token of a mail."""
    entries = user.wallet.entries.order_by("sequence")
    workflow = entries.filter(feature="workflow-execution").first()
    paid = Purchase.objects.filter(wallet=user.wallet, pack__isnull=False).latest("pk")
    return {
        **{entry.kind: entry.sequence for entry in entries},
        "workflow": workflow.sequence,
        "paid": user.wallet.checkouts.get(stripe_session_id=paid.stripe_session_id).pk,
        "token": messages.unsubscribe_token(user.wallet, MailPreference.Topic.WARNINGS),
    }


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(1_800)
def test_every_page_on_a_phone_at_night_and_on_a_desk_by_day(
    tasks: Tasks, live_server: LiveServer, sites: set[str], browser_type_launch_args: dict[str, Any], answered: None
) -> None:
    lookers = Lookers(live_server.url, sites, browser_type_launch_args, [PHONE_AT_NIGHT, DESK_BY_DAY])
    wrong = lookers.look(tasks([*pages(), *EXTRA, *billing_pages(NEWCOMER)]))
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(7_200)
def test_every_page_in_every_state_at_every_size(
    tasks: Tasks, live_server: LiveServer, sites: set[str], browser_type_launch_args: dict[str, Any], answered: None
) -> None:
    states = [look for state in (NEWCOMER, *STATES) for look in billing_pages(state)]
    wrong = []
    for size in EVERY_SIZE:
        lookers = Lookers(live_server.url, sites, browser_type_launch_args, [size], thorough=True)
        wrong += lookers.look(tasks([*pages(), *EXTRA, *states]))
    assert not wrong, "\n".join(wrong)
