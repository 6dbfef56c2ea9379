"""Stella's colleague Simon sees CleverAI as Alice does: all of it on record, nothing of it changing anything."""

import re
import time
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from django.utils import timezone

from accounts.models import User
from accounts.tests.second_step import let_time_pass, staff_browser
from billing.models import Message, Wallet
from billing.services import wallets
from cleverai.seeing_as import SHOWN
from cleverai.tests.routes import EVERYBODY, ROWS
from cleverai.tests.test_access import (
    CANARY,
    HER_IP,
    STAFF_PATTERNS,
    address_of,
    alice,
    bob,
    browser_of,
    staff_address_of,
    what_alice_has,
)

__all__ = ["alice", "bob"]
pytestmark = pytest.mark.django_db

OVERVIEW, NOTIFICATIONS, END = "/settings/billing/", "/settings/billing/notifications/", "/seeing-as/"
ENDS = {"accounts/logout/", "admin/logout/", "seeing-as/"}
UNSAFE = ("post", "put", "patch", "delete", "options", "trace")
#: Below here keys open what they may, and no session opens anything.
API, WEBHOOK = "api/v1/", "stripe/webhook/"
OF_PAGES = {pattern: row for pattern, row in ROWS.items() if not pattern.startswith((API, WEBHOOK))}
MINUTE = 60
NAMED = re.compile(r"You see CleverAI as\s*<strong[^>]*>alice-the-canary@example.com</strong>")


@pytest.fixture
def simon(db: None) -> User:
    simon = User.objects.create_user("simon@example.com", "a long passphrase", name="Simon", is_staff=True)
    simon.groups.add(Group.objects.get(name="support"))
    return simon


@pytest.fixture
def browser_of_simon(simon: User) -> Client:
    return staff_browser(simon)


@pytest.fixture
def as_alice(browser_of_simon: Client, alice: User) -> Client:
    """Simon's browser, in which he has just begun."""
    answer = begin(browser_of_simon, alice)
    assert (answer.status_code, answer["Location"]) == (302, OVERVIEW)
    return browser_of_simon


def begin(browser: Client, user: User, reason: str = "Question 17") -> HttpResponse:
    return browser.post(f"/admin/billing/wallet/{user.wallet.pk}/see-as/post/", {"reason": reason})


def shows_alice(answer: HttpResponse) -> bool:
    return answer.status_code == 200 and bool(NAMED.search(answer.content.decode()))


def record(user: User) -> list[str]:
    rows = LogEntry.objects.filter(content_type__model="wallet", object_id=str(user.wallet.pk)).order_by("pk")
    return [row.change_message for row in rows if row.change_message]


def test_simon_says_why_sees_what_alice_sees_and_ends_it(browser_of_simon: Client, alice: User, simon: User) -> None:
    page = browser_of_simon.get(f"/admin/billing/wallet/{alice.wallet.pk}/change/").content.decode()
    form = f"/admin/billing/wallet/{alice.wallet.pk}/see-as/"
    assert form in page
    assert "Reason" in browser_of_simon.get(form).content.decode()
    assert "This field is required." in begin(browser_of_simon, alice, reason=" ").content.decode()
    begin(browser_of_simon, alice)
    page = browser_of_simon.get(OVERVIEW)
    assert shows_alice(page)
    assert "15 more minutes" in page.content.decode()
    answer = browser_of_simon.post(END, follow=True)
    assert answer.redirect_chain[0][0] == f"/admin/billing/wallet/{alice.wallet.pk}/change/"
    assert not shows_alice(browser_of_simon.get(OVERVIEW))
    assert [line for line in record(alice) if not line.startswith("Refused: ")] == [
        "Began to see CleverAI as this customer, for 15 minutes at the most. Reason: Question 17",
        "Seen as customer: /settings/billing/",
        "Stopped seeing CleverAI as this customer: by the button.",
    ]
    assert {row.user for row in LogEntry.objects.exclude(change_message="")} == {simon}


def test_the_logs_have_numbers_and_addresses_and_no_reason(
    browser_of_simon: Client, alice: User, simon: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "billing.seeing_as"):
        begin(browser_of_simon, alice, reason="She wrote about her divorce")
        browser_of_simon.get(f"{OVERVIEW}history/?source=secret")
    lines = [line for line in caplog.messages if line.startswith("Staff ")]
    assert lines[-1] == f"Staff {simon.pk}, wallet {alice.wallet.pk}: Seen as customer: {OVERVIEW}history/"
    assert "divorce" not in " ".join(lines)


@pytest.mark.parametrize("method", UNSAFE)
def test_whatever_would_change_something_is_refused(as_alice: Client, alice: User, method: str) -> None:
    before = what_alice_has()
    addresses = {pattern: address_of(row, alice) for pattern, row in OF_PAGES.items()}
    for pattern, address in addresses.items():
        if pattern in ENDS and method == "post":
            continue
        expected = 405 if pattern == "seeing-as/" else 403
        assert getattr(as_alice, method)(address).status_code == expected, pattern
    assert what_alice_has() == before
    assert shows_alice(as_alice.get(OVERVIEW)), "and it goes on"


@pytest.mark.parametrize("method", ["get", *UNSAFE])
def test_to_the_api_a_session_says_nothing_of_anybody(as_alice: Client, alice: User, method: str) -> None:
    before = what_alice_has()
    for pattern, row in ROWS.items():
        if pattern.startswith(API) and (method, pattern) != ("get", "api/v1/openapi.json"):
            assert getattr(as_alice, method)(address_of(row, alice)).status_code in {401, 404, 405}, pattern
    assert what_alice_has() == before


@pytest.mark.parametrize("method", ["get", *UNSAFE])
def test_nor_to_the_endpoint_of_stripe_s_webhooks(as_alice: Client, alice: User, method: str) -> None:
    before = what_alice_has()
    answer = getattr(as_alice, method)(f"/{WEBHOOK}")
    assert answer.status_code == (400 if method == "post" else 405), "nobody but Stripe signs"
    assert what_alice_has() == before


def test_so_is_every_act_of_the_admin(as_alice: Client, alice: User) -> None:
    before = what_alice_has()
    for pattern in STAFF_PATTERNS:
        if pattern not in ENDS:
            assert as_alice.post(staff_address_of(pattern, alice)).status_code == 403, pattern
    assert what_alice_has() == before


def test_so_is_what_a_part_of_a_page_sends(as_alice: Client, alice: User) -> None:
    before = what_alice_has()
    for pattern, row in OF_PAGES.items():
        if pattern not in ENDS:
            answer = as_alice.post(address_of(row, alice), headers={"hx-request": "true"})
            assert (answer.status_code, answer["HX-Redirect"]) == (403, END), pattern
    assert what_alice_has() == before


def test_the_admin_is_simon_s_own_and_can_only_be_read(as_alice: Client, alice: User) -> None:
    page = as_alice.get(f"/admin/billing/wallet/{alice.wallet.pk}/change/").content.decode()
    assert "these pages can only be read" in page
    assert "<strong>Simon</strong>" in page
    for address in ("support/", "adjust/post/", "see-as/post/"):
        assert as_alice.post(f"/admin/billing/wallet/{alice.wallet.pk}/{address}").status_code == 403


def test_every_page_shows_whose_it_is_or_stays_closed(as_alice: Client, alice: User) -> None:
    shown = set()
    for pattern, row in ROWS.items():
        address = address_of(row, alice)
        name = resolve(address).view_name
        answer = as_alice.get(address, follow=name in {"billing:limits_effect", "calculator"})
        if name in SHOWN:
            shown.add(name)
            is_fragment = name in {"billing:balance", "billing:unread", "billing:limits_effect", "calculator"}
            assert shows_alice(answer) or is_fragment, pattern
            assert answer.status_code in {200, 204}, pattern
        elif row.seen_by != EVERYBODY and pattern != "seeing-as/":
            assert answer.status_code == 403, pattern
            assert "Not while you see CleverAI as a customer" in answer.content.decode(), pattern
        assert answer.get("Cache-Control") == "no-store" or row.seen_by == EVERYBODY, pattern
    assert shown == SHOWN
    assert {name for name in SHOWN if name.startswith("account")} == set()


@pytest.mark.parametrize("address", ["export/statement.csv", "export/usage.xlsx", "payment/", "portal/manage/"])
def test_files_and_what_asks_stripe_stay_closed(as_alice: Client, alice: User, address: str) -> None:
    answer = as_alice.get(f"{OVERVIEW}{address}")
    assert answer.status_code == 403
    assert CANARY not in answer.content.decode().replace(f"{CANARY}@example.com", "")
    assert f"Refused meanwhile: GET {OVERVIEW}{address}." in record(alice)


def test_a_part_of_a_page_that_stays_closed_says_so_in_its_place(as_alice: Client, alice: User) -> None:
    before = record(alice)
    answer = as_alice.get(f"{OVERVIEW}payment/", headers={"hx-request": "true"})
    assert (answer.status_code, "HX-Redirect" in answer) == (200, False)
    assert "Not shown while you see CleverAI as a customer." in answer.content.decode()
    assert record(alice) == before


@pytest.mark.parametrize(
    "address", ["/accounts/2fa/", "/accounts/email/", "/accounts/sessions/", "/accounts/password/change/",
                "/settings/profile/", "/accounts/2fa/recovery-codes/"]
)  # fmt: skip
def test_nothing_of_her_login_is_shown(as_alice: Client, alice: User, address: str) -> None:
    assert as_alice.get(address).status_code == 403


def test_what_isn_t_there_is_told_under_the_banner(as_alice: Client) -> None:
    answer = as_alice.get(f"{OVERVIEW}history/999999/")
    assert answer.status_code == 404
    assert "You see CleverAI as alice-the-canary@example.com does." in answer.content.decode()


def test_looking_changes_nothing(as_alice: Client, alice: User) -> None:
    Message.objects.filter(wallet=alice.wallet).update(seen_at=None)
    login = User.objects.get(pk=alice.pk).last_login
    before = what_alice_has()
    for row in ROWS.values():
        as_alice.get(address_of(row, alice))
    assert what_alice_has() == before
    assert Message.objects.filter(wallet=alice.wallet, seen_at=None).exists(), "she hasn't seen them"
    assert User.objects.get(pk=alice.pk).last_login == login
    assert UserSession.objects.get(user=alice).ip == HER_IP, "nobody else came in"


def test_an_address_that_no_row_could_hold_is_refused_in_words_too(as_alice: Client, alice: User) -> None:
    assert as_alice.post("/%00").status_code == 403
    assert record(alice)[-1] == "Refused meanwhile: POST /%00."
    assert as_alice.get("/%00").status_code == 404
    assert as_alice.get(f"{OVERVIEW}history/?source=%00").status_code in {200, 404}


def test_postgresql_itself_refuses_a_page_that_writes(as_alice: Client, alice: User) -> None:
    def write(**_: object) -> None:
        Wallet.objects.filter(pk=alice.wallet.pk).update(available=0)

    with patch("billing.views.notifications.selectors.page", side_effect=lambda *_, **__: write()):
        answer = as_alice.get(NOTIFICATIONS)
    assert answer.status_code == 403
    alice.wallet.refresh_from_db()
    assert alice.wallet.available > 0
    assert shows_alice(as_alice.get(NOTIFICATIONS))


def test_what_time_alone_brings_is_settled_first(as_alice: Client, alice: User) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(next_due_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert shows_alice(as_alice.get(OVERVIEW))
    statements = [query["sql"] for query in queries]
    closed = next(n for n, sql in enumerate(statements) if "READ ONLY" in sql)
    assert not [sql for sql in statements[closed:] if "FOR UPDATE" in sql or "FOR NO KEY" in sql]
    alice.wallet.refresh_from_db()
    assert alice.wallet.next_due_at > timezone.now()


def test_it_ends_after_a_quarter_of_an_hour(as_alice: Client, alice: User) -> None:
    with patch("time.time", return_value=time.time() + 14 * MINUTE):
        assert "1 more minute." in re.sub(r"\s+", " ", as_alice.get(OVERVIEW).content.decode())
    with patch("time.time", return_value=time.time() + 15 * MINUTE + 1):
        answer = as_alice.get(OVERVIEW)
        assert answer["Location"] == f"/admin/billing/wallet/{alice.wallet.pk}/change/"
        assert not shows_alice(as_alice.get(OVERVIEW))
    assert record(alice)[-1] == "Stopped seeing CleverAI as this customer: the time is over."


def test_a_form_sent_after_the_end_does_nothing(as_alice: Client, alice: User, simon: User) -> None:
    with patch("time.time", return_value=time.time() + 16 * MINUTE):
        answer = as_alice.post(f"{OVERVIEW}preferences/", {})
    assert answer["Location"].startswith("/admin/billing/wallet/")
    assert not simon.wallet.mail_preferences.exists()
    assert not alice.wallet.mail_preferences.exists()


def test_a_customer_s_form_in_another_tab_expires_with_it(alice: User, simon: User) -> None:
    browser = staff_browser(simon, enforce_csrf_checks=True)
    page = browser.get(f"/admin/billing/wallet/{alice.wallet.pk}/see-as/")
    token = {"csrfmiddlewaretoken": str(page.context["csrf_token"])}
    browser.post(f"/admin/billing/wallet/{alice.wallet.pk}/see-as/post/", {"reason": "Question 17", **token})
    token = {"csrfmiddlewaretoken": str(browser.get(f"{OVERVIEW}preferences/").context["csrf_token"])}
    assert browser.post(END, token).status_code == 302
    assert browser.post(f"{OVERVIEW}preferences/", token).status_code == 403
    assert not simon.wallet.mail_preferences.exists()


def test_logging_out_ends_it(as_alice: Client, alice: User) -> None:
    as_alice.post("/accounts/logout/")
    assert as_alice.get(OVERVIEW)["Location"].startswith("/accounts/login/")
    assert record(alice)[-1] == "Stopped seeing CleverAI as this customer: logged out."


def test_what_a_page_of_another_tab_asks_is_answered_for_nobody_else(as_alice: Client, alice: User) -> None:
    page = as_alice.get(OVERVIEW).content.decode()
    assert f'"Seen-As": "{alice.wallet.pk}"' in page
    poll = f"{OVERVIEW}balance/"
    mine, hers = ({"hx-request": "true", "seen-as": str(number)} for number in (0, alice.wallet.pk))
    assert as_alice.get(poll, headers=hers).status_code == 200
    for headers in (mine, {**mine, "seen-as": "x"}):
        answer = as_alice.get(poll, headers=headers)
        assert (answer.status_code, answer["HX-Refresh"], answer.content) == (204, "true", b"")
    as_alice.post(END)
    answer = as_alice.get(poll, headers=hers)
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    assert '"Seen-As": "0"' in as_alice.get(OVERVIEW).content.decode()


def test_customers_pages_say_nothing_of_it(alice: User) -> None:
    assert "Seen-As" not in browser_of(alice).get(OVERVIEW).content.decode()
    for answer in (browser_of(alice).get(END), browser_of(alice).post(END)):
        assert answer.status_code == 404


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
def test_who_is_no_longer_staff_sees_nothing_more(as_alice: Client, simon: User, change: dict[str, bool]) -> None:
    User.objects.filter(pk=simon.pk).update(**change)
    assert not shows_alice(as_alice.get(OVERVIEW))
    assert not shows_alice(as_alice.get(OVERVIEW))


def test_a_right_that_was_taken_away_ends_it_at_once(as_alice: Client, alice: User, simon: User) -> None:
    simon.groups.clear()
    assert as_alice.get(OVERVIEW).status_code == 302
    assert record(alice)[-1] == "Stopped seeing CleverAI as this customer: the right to it was taken away."


def test_so_does_a_second_step_that_was_taken_away_or_grew_old(as_alice: Client, alice: User, simon: User) -> None:
    Authenticator.objects.filter(user=simon).delete()
    assert as_alice.get(OVERVIEW).status_code == 302
    assert not shows_alice(as_alice.get(OVERVIEW))


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}])
def test_a_customer_who_is_switched_off_or_joins_the_staff_is_no_longer_seen(
    as_alice: Client, alice: User, change: dict[str, bool]
) -> None:
    User.objects.filter(pk=alice.pk).update(**change)
    assert as_alice.get(OVERVIEW).status_code == 302
    assert not shows_alice(as_alice.get(OVERVIEW))


def test_nor_is_one_who_left(as_alice: Client, alice: User) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(owner=None)
    answer = as_alice.get(OVERVIEW)
    assert answer["Location"] == f"/admin/billing/wallet/{alice.wallet.pk}/change/"


def test_a_suspended_customer_is_seen_as_suspended(as_alice: Client, alice: User) -> None:
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A stolen card", now=timezone.now())
    page = as_alice.get(OVERVIEW)
    assert shows_alice(page)
    assert "A stolen card" in page.content.decode()


def test_nobody_sees_what_staff_see(browser_of_simon: Client, simon: User, bob: User) -> None:
    colleague = User.objects.create_user("rita@example.com", "a long passphrase", is_staff=True)
    boss = User.objects.create_user("olga@example.com", "a long passphrase", is_superuser=True)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for person in (colleague, boss, simon, bob):
        assert browser_of_simon.get(f"/admin/billing/wallet/{person.wallet.pk}/see-as/").status_code == 302
        assert begin(browser_of_simon, person).status_code == 403
    assert "seeing_as" not in browser_of_simon.session


@pytest.mark.parametrize("group", [None, "support", "billing", "owner"])
def test_only_those_with_the_right_begin(alice: User, group: str | None) -> None:
    sam = User.objects.create_user("sam@example.com", "a long passphrase", is_staff=True)
    sam.groups.set(Group.objects.filter(name=group))
    assert begin(staff_browser(sam), alice).status_code == (302 if group else 403)
    assert begin(browser_of(alice), alice).status_code == 302, "led away"
    assert "seeing_as" not in browser_of(alice).session


def test_a_second_step_of_long_ago_is_asked_for_again(browser_of_simon: Client, alice: User) -> None:
    let_time_pass(browser_of_simon, seconds=16 * MINUTE)
    assert begin(browser_of_simon, alice)["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert "seeing_as" not in browser_of_simon.session


def test_a_session_that_changes_hands_is_nobody_s_window(as_alice: Client, alice: User, bob: User) -> None:
    stolen = as_alice.session["seeing_as"]
    as_alice.force_login(bob)
    assert not shows_alice(as_alice.get(OVERVIEW))
    session = as_alice.session
    session["seeing_as"] = stolen
    session.save()
    assert not shows_alice(as_alice.get(OVERVIEW))
    assert "seeing_as" not in as_alice.session


def test_a_second_customer_needs_a_beginning_of_their_own(as_alice: Client, alice: User, bob: User) -> None:
    assert begin(as_alice, bob).status_code == 403
    assert as_alice.get(f"/settings/billing/?next=/admin/&wallet={bob.wallet.pk}&user={bob.pk}").status_code == 200
    as_alice.post(END, {"next": "https://evil.example/"})
    begin(as_alice, bob)
    assert "bob@example.com" in as_alice.get(OVERVIEW).content.decode()
    assert not shows_alice(as_alice.get(OVERVIEW))


def test_the_session_stays_simon_s(as_alice: Client, simon: User) -> None:
    as_alice.get(OVERVIEW)
    assert as_alice.session["_auth_user_id"] == str(simon.pk)
    assert Session.objects.filter(session_key=as_alice.session.session_key).exists()
    assert {row.user for row in UserSession.objects.filter(session_key=as_alice.session.session_key)} <= {simon}


def test_alice_and_simon_side_by_side_see_their_own(as_alice: Client, alice: User) -> None:
    hers = browser_of(alice)
    for _ in range(2):
        assert shows_alice(as_alice.get(OVERVIEW))
        assert "You see CleverAI as" not in hers.get(OVERVIEW).content.decode()
    assert hers.post(f"{OVERVIEW}preferences/", {}).status_code == 302


@pytest.fixture(autouse=True)
def _nothing_left_read_only(db: None) -> Iterator[None]:
    """A page that was only to be read leaves no connection that can't write."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE written (n integer) ON COMMIT DROP")
