"""Who on staff may open which page of the admin, and who may send something there: every page × everybody.

The pages are read from the URL patterns: one without a row in `staff_routes.py` fails. Views are called without the
templates around them, so that the whole table takes seconds; test_access.py asks for the same pages from outside.
"""

import re
from itertools import product

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest
from django.test import Client, RequestFactory
from django.urls import resolve

from accounts import second_step
from accounts.models import User
from accounts.tests.second_step import let_time_pass, staff_browser
from cleverai.tests.staff_routes import (
    ANYBODY_ON_STAFF,
    BILLING,
    HISTORY,
    NOBODY,
    OWNER,
    SUPERUSER,
    SUPPORT,
    TABLE,
)
from cleverai.tests.test_access import STAFF_PATTERNS, alice, staff_address_of

__all__ = ["alice"]
pytestmark = pytest.mark.django_db
OUTSIDE = -1
PEOPLE = {
    "anonymous": OUTSIDE,
    "customer": OUTSIDE,
    "staff without a group": ANYBODY_ON_STAFF,
    "support": SUPPORT,
    "billing": BILLING,
    "owner": OWNER,
    "superuser": SUPERUSER,
}
LET, REFUSED, LED_AWAY, LED_HOME = "let in", "refused", "led to the login", "led to the first page"
#: Some of the models that Alice has rows of, so that their histories are there to be asked for.
WITH_ROWS = {"wallet", "ledgerentry", "grant", "purchase", "chatbot", "supportrequest", "export", "feature", "plan"}
LOGIN = re.compile(r"/(admin|accounts)/login/")


def row_of(pattern: str) -> str:
    """Return the key of a pattern's row; the one of apps' pages names every app that there is."""
    return re.sub(r"\(\?P<app_label>.*\)/\$", "(?P<app_label>…)/$", pattern)


def signed_in(name: str) -> tuple[User | AnonymousUser, Client]:
    if name == "anonymous":
        return AnonymousUser(), Client()
    fields = {"is_staff": PEOPLE[name] >= ANYBODY_ON_STAFF, "is_superuser": name == "superuser"}
    user = User.objects.create_user("sam@example.com", "a long passphrase", **fields)
    user.groups.set(Group.objects.filter(name=name))
    return user, staff_browser(user)


def answered(user: User | AnonymousUser, browser: Client, method: str, address: str) -> str:
    """Return what becomes of somebody's request; whatever it would do is undone."""
    request: HttpRequest = getattr(RequestFactory(), method)(address)
    request.user, request.session = user, browser.session
    request._messages = FallbackStorage(request)
    request._dont_enforce_csrf_checks = True
    found = resolve(address)
    try:
        with transaction.atomic():
            response = found.func(request, *found.args, **found.kwargs)
            transaction.set_rollback(True)
    except PermissionDenied:
        return REFUSED
    except Http404:
        return REFUSED if found.view_name == "admin:app_list" else LET
    if response.status_code == 302 and LOGIN.match(response["Location"]):
        return LED_AWAY
    if response.status_code == 302 and address.endswith("/history/") and response["Location"] == "/admin/":
        return LED_HOME
    return REFUSED if response.status_code in {403, 405} else LET


def test_every_page_of_staff_has_a_row() -> None:
    patterns = {row_of(pattern) for pattern in STAFF_PATTERNS}
    assert patterns - set(TABLE) == set(), "say in staff_routes.py who may open it and who may send something there"
    assert set(TABLE) - patterns == set()


@pytest.mark.parametrize(("name", "method"), list(product(PEOPLE, ("get", "post"))))
def test_everybody_is_let_in_where_the_table_says_and_nowhere_else(alice: User, name: str, method: str) -> None:
    user, browser = signed_in(name)
    wrong, without_a_row = [], set()
    for pattern in STAFF_PATTERNS:
        access = TABLE.get(row_of(pattern))
        if access is None:
            continue  # the test above says so
        needed = access.opens if method == "get" else access.takes
        expected = LET if PEOPLE[name] >= needed else REFUSED
        if PEOPLE[name] == OUTSIDE:
            expected = REFUSED if (name, pattern) == ("customer", "admin/login/") else LED_AWAY
        if pattern == "admin/logout/":
            continue  # it leads everybody on, and test_access.py does so
        if method == "get" and pattern.endswith("/post/"):
            continue  # nothing to look at
        found = answered(user, browser, method, staff_address_of(pattern, alice))
        if found == LED_HOME:
            # a row that isn't there leads to the first page before anybody asks who wants to know its history
            without_a_row.add(pattern)
        elif found != expected:
            wrong.append(f"{method.upper()} {pattern}: {found}, not {expected}")
    assert not wrong, "\n".join(wrong)
    assert not {f"admin/billing/{model}/{HISTORY}" for model in WITH_ROWS} & without_a_row


def test_whatever_is_sent_wants_a_new_second_step_but_what_only_looks(alice: User) -> None:
    _, browser = signed_in("superuser")
    let_time_pass(browser, seconds=second_step.FRESH_SECONDS)
    first_halves = {pattern for pattern in STAFF_PATTERNS if f"{pattern}post/" in STAFF_PATTERNS}
    wrong = []
    for pattern in STAFF_PATTERNS:
        if pattern in {"admin/login/", "admin/logout/", "admin/billing/wallet/<int:wallet_id>/see-as/"}:
            continue  # these take nothing that staff fill in
        answer = browser.post(staff_address_of(pattern, alice))
        is_asked = answer.status_code == 302 and answer["Location"].startswith("/accounts/2fa/reauthenticate/")
        if is_asked == (pattern in first_halves):
            wrong.append(f"{pattern}: {'asked' if is_asked else 'not asked'}")
    assert first_halves
    assert not wrong, "\n".join(wrong)


def test_nobody_at_all_writes_to_the_books() -> None:
    books = {"ledgerentry", "grant", "hold", "dailyusage", "purchase", "refund", "message", "wallet"}
    for book, address in product(books, ("add/", "<path:object_id>/change/", "<path:object_id>/delete/")):
        assert TABLE[f"admin/billing/{book}/{address}"].takes == NOBODY
