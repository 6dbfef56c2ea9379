"""Charges of a feature are returned to everybody who paid for them: once, to each by one grant, in their own words."""

import time
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Permission
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest
from billing.models import ChargeReturn, LedgerEntry, Message, Proposal, ReturnedCharge, Wallet, WalletReturn
from billing.selectors import returns as figures
from billing.selectors.returns import Span
from billing.services import departures, messages, proof, returns, subscriptions, wallets
from billing.tests.admin.pressing import do, look, press
from billing.tests.people import books, give, sign_up

URL = "/admin/billing/chargereturn/add/"
HOUR = timedelta(hours=1)
WHY = "Searches came back empty on Monday."

pytestmark = pytest.mark.django_db


def span(now: datetime, feature: str = "web-search") -> Span:
    return Span(feature, now - HOUR, now + HOUR)


def begin(now: datetime, actor: User, feature: str = "web-search", key: str = "one", **more: object) -> ChargeReturn:
    """Ask for a return of everything within an hour of `now`, two hours later."""
    terms = {"reason": WHY, "is_reason_shown": True, "expires_at": None, **more}
    return returns.begin(span=span(now, feature), actor=actor, key=key, now=now + 2 * HOUR, **terms)


def finish(asked: ChargeReturn, now: datetime) -> ChargeReturn:
    returns.go_on(return_id=asked.pk, clock=lambda: now + 2 * HOUR)
    asked.refresh_from_db()
    return asked


def search(user: User, times: int, *, now: datetime, key: str = "a") -> None:
    """Use five credits a search."""
    metering.charge(wallet=user.wallet, feature="web-search", quantity=times, key=key, now=now)


def local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def answers(now: datetime) -> dict[str, str]:
    """What Stella fills in: all searches of the last hour."""
    return {"feature": "web-search", "from_at": local(now - HOUR), "until": local(now), "reason": WHY}


def test_stella_returns_charges_after_a_preview(
    browser_of_stella: Client, stella: User, alice: User, bob: User, now: datetime, answers: dict[str, str]
) -> None:
    with patch("django.utils.timezone.now", return_value=now + HOUR):
        search(alice, 3, now=now)
        search(alice, 4, now=now, key="b")
        search(bob, 1, now=now)
        sent = {**answers, "until": local(now + HOUR), "is_reason_shown": "on"}
        page = look(browser_of_stella, URL, **sent)
        for line in (
            "Wallets</th><td>–</td><td><strong>2</strong>",
            "Charges</th><td>–</td><td><strong>3</strong>",
            "Credits</th><td>–</td><td><strong>40</strong>",
            "They expire</th><td>–</td><td><strong>Never</strong>",
            "The 2 largest",
        ):
            assert line in page
        assert page.index("alice@example.com") < page.index("bob@example.com")
        assert not ChargeReturn.objects.exists()
        for said in ("A worker returns the charges now", "It was done before."):
            assert said in press(browser_of_stella, URL, page)
        asked = ChargeReturn.objects.get()
        assert returns.go_on(return_id=asked.pk, clock=lambda: now + HOUR) == 2
        shown = browser_of_stella.get(f"/admin/billing/chargereturn/{asked.pk}/change/").content.decode()
    assert "Finished." in shown
    assert "2 of 2 wallets are done; 40 credits were returned for 3 charges." in shown
    assert books(alice.wallet, after=3) == [("grant", 35_000, 0, 0)]
    assert books(bob.wallet, after=2) == [("grant", 5_000, 0, 0)]
    entry = alice.wallet.entries.latest("sequence")
    assert (entry.grant.source, entry.grant.expires_at, entry.actor, entry.note.reason) == (
        "adjustment", None, stella, WHY
    )  # fmt: skip


def test_captures_workflow_parts_and_chatbots_messages_are_returned_too(
    alice: User, stella: User, now: datetime
) -> None:
    give(alice.wallet, 900_000, now=now)
    wallet = alice.wallet
    hold = metering.hold(wallet=wallet, feature="gpt-4o", quantity=2_000, key="hold", now=now)
    metering.capture(wallet=wallet, hold=hold, quantity=1_000, now=now)
    metering.charge(wallet=wallet, feature="chatbot-message", priced_as="gpt-4o", quantity=2_000, key="bot", now=now)
    nodes = [
        metering.Node(name="Free"),
        metering.Node(name="Search", feature="web-search", quantity=2),
        metering.Node(name="Write", feature="gpt-4o", quantity=3_000),
        metering.Node(name="Check", feature="gpt-4o", quantity=400),
    ]
    metering.charge_workflow(wallet=wallet, workflow="weekly", key="run", nodes=nodes, now=now)
    metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=1_000, key="other", now=now)
    finish(begin(now, stella, "gpt-4o"), now)
    assert books(wallet)[-1] == ("grant", 5_000 + 10_000 + 15_000 + 2_000, 0, 0)
    assert ReturnedCharge.objects.filter(line__isnull=False).count() == 2

    asked = finish(begin(now, stella, "workflow-execution", key="two"), now)
    assert books(wallet)[-1] == ("grant", 10_000, 0, 0)
    assert asked.wallets.get().charges == 1
    with pytest.raises(InvalidRequest, match="all were returned before"):
        begin(now, stella, "chatbot-message", key="three")


def test_only_what_was_really_paid_is_returned(alice: User, bob: User, stella: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=bob.wallet.pk, allowance=None, now=now)
    search(bob, 7, now=now)
    hold = metering.hold(wallet=alice.wallet, feature="web-search", quantity=4, key="h", now=now)
    metering.capture(wallet=alice.wallet, hold=hold, quantity=30, now=now)
    entry = alice.wallet.entries.get(kind="capture")
    assert (entry.cost, entry.uncovered) == (150_000, 50_000)
    asked = finish(begin(now, stella), now)
    assert [part.wallet for part in asked.wallets.all()] == [alice.wallet]
    assert books(alice.wallet)[-1] == ("grant", 100_000, 0, 0)


def test_a_span_begins_with_its_first_moment_and_ends_before_its_last(alice: User, stella: User, now: datetime) -> None:
    for number, at in enumerate([now, now + HOUR - timedelta(microseconds=1), now + HOUR]):
        search(alice, 1, now=at, key=str(number))
    asked = returns.begin(
        span=Span("web-search", now, now + HOUR), reason=WHY, is_reason_shown=False, expires_at=None, actor=stella,
        key="one", now=now + 2 * HOUR,
    )  # fmt: skip
    finish(asked, now)
    assert books(alice.wallet)[-1] == ("grant", 10_000, 0, 0)


def test_running_twice_returns_once(alice: User, stella: User, now: datetime) -> None:
    search(alice, 3, now=now)
    asked = begin(now, stella)
    assert begin(now, stella) == asked
    assert returns.due(now=now + 2 * HOUR) == [asked.pk]
    finish(asked, now)
    assert returns.due(now=now + 9 * HOUR) == []
    before = books(alice.wallet)
    assert returns.go_on(return_id=asked.pk, clock=lambda: now + 3 * HOUR) == 0
    part = returns.give(wallet_return_id=asked.wallets.get().pk, now=now + 3 * HOUR)
    assert part.status == "returned"
    assert books(alice.wallet) == before
    assert Message.objects.filter(kind="credits_returned").count() == 1


def test_what_was_returned_before_is_not_returned_again(
    browser_of_stella: Client, alice: User, stella: User, now: datetime, answers: dict[str, str]
) -> None:
    search(alice, 3, now=now)
    with patch("django.utils.timezone.now", return_value=now + 2 * HOUR):
        first = returns.begin(
            span=span(now), reason=WHY, is_reason_shown=False, expires_at=None, actor=stella, key="one",
            now=now + 2 * HOUR,
        )  # fmt: skip
        finish(first, now)
        page = look(browser_of_stella, URL, **{**answers, "until": local(now + HOUR)})
        assert "There is nothing to return. 1 charge was returned before." in page


def test_an_overlapping_return_gives_the_rest_and_says_so(
    browser_of_stella: Client, alice: User, stella: User, now: datetime, answers: dict[str, str]
) -> None:
    search(alice, 3, now=now)
    finish(begin(now, stella), now)
    later = now + 3 * HOUR
    search(alice, 2, now=later, key="b")
    with patch("django.utils.timezone.now", return_value=later + HOUR):
        page = look(browser_of_stella, URL, **{**answers, "until": local(later + HOUR)})
        assert "Returned before</th><td>1 charge, 15 credits: left out</td>" in page
        assert "Credits</th><td>–</td><td><strong>10</strong>" in page
        press(browser_of_stella, URL, page)
        returns.go_on(return_id=ChargeReturn.objects.latest("pk").pk, clock=lambda: later + HOUR)
    assert [change for _, change, _, _ in books(alice.wallet)[-1:]] == [10_000]


def test_what_was_returned_under_another_name_is_counted_too(
    browser_of_stella: Client, alice: User, stella: User, now: datetime, answers: dict[str, str]
) -> None:
    metering.charge(
        wallet=alice.wallet, feature="chatbot-message", priced_as="gpt-4o", quantity=2_000, key="bot", now=now
    )
    finish(begin(now, stella, "gpt-4o"), now)
    with patch("django.utils.timezone.now", return_value=now + 2 * HOUR):
        page = look(browser_of_stella, URL, **{**answers, "feature": "chatbot-message", "until": local(now + HOUR)})
    assert "There is nothing to return. 1 charge was returned before." in page


def test_whoever_returns_or_approves_gets_nothing_of_it(
    browser_of_stella: Client, browser_of_olivia: Client, stella: User, olivia: User, alice: User, now: datetime,
    answers: dict[str, str], settings: Any,
) -> None:  # fmt: skip
    settings.STAFF_LIMIT_CREDITS = 0
    search(stella, 2, now=now)
    search(olivia, 3, now=now)
    sent = {**answers, "until": local(now + HOUR)}
    with patch("django.utils.timezone.now", return_value=now + HOUR):
        page = look(browser_of_stella, URL, **sent)
        assert "There is nothing to return. Staff get nothing back this way." in page
        search(alice, 1, now=now)
        page = look(browser_of_stella, URL, **sent)
        assert "Wallets of staff</th><td>–</td><td><strong>2 get nothing: adjust them one by one</strong>" in page
        assert "Credits</th><td>–</td><td><strong>5</strong>" in page
        press(browser_of_stella, URL, page)
        do(browser_of_olivia, f"/admin/billing/proposal/{Proposal.objects.get().pk}/approve/", reason="Yes.")
        returns.go_on(return_id=ChargeReturn.objects.get().pk, clock=lambda: now + HOUR)
    assert books(alice.wallet)[-1] == ("grant", 5_000, 0, 0)
    for person in (stella, olivia):
        assert [kind for kind, *_ in books(person.wallet, after=1)] == ["charge"]


def test_the_database_refuses_a_second_row_for_a_charge_or_a_change(alice: User, stella: User, now: datetime) -> None:
    search(alice, 3, now=now)
    asked = finish(begin(now, stella), now)
    row = ReturnedCharge.objects.get()
    again = ReturnedCharge(wallet_return=asked.wallets.get(), entry=row.entry, amount=1)
    with pytest.raises(IntegrityError, match="a_charge_is_returned_once"), transaction.atomic():
        again.save()
    for change in ("UPDATE billing_returnedcharge SET amount = 1", "DELETE FROM billing_returnedcharge"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_the_proof_finds_a_sum_that_isn_t_its_grant_s(alice: User, stella: User, now: datetime) -> None:
    search(alice, 3, now=now)
    finish(begin(now, stella), now)
    savepoint = transaction.savepoint()
    WalletReturn.objects.update(amount=14_999)
    found = {difference.rule for difference in proof.prove()}
    transaction.savepoint_rollback(savepoint)
    assert "what was returned is what its grant gave" in found
    assert proof.prove() == []


def test_who_has_left_gets_nothing_and_who_is_suspended_does(
    alice: User, bob: User, stella: User, now: datetime
) -> None:
    search(alice, 3, now=now)
    search(bob, 2, now=now)
    asked = begin(now, stella)
    departures.leave(wallet_id=alice.wallet.pk, now=now + 2 * HOUR)
    wallets.suspend(wallet_id=bob.wallet.pk, reason="Why", now=now + 2 * HOUR)
    before = books(alice.wallet)
    finish(asked, now)
    assert books(alice.wallet) == before
    assert books(bob.wallet)[-1] == ("grant", 10_000, 0, 0)
    assert sorted(asked.wallets.values_list("status", flat=True)) == ["left", "returned"]
    assert asked.finished_at is not None
    with pytest.raises(InvalidRequest, match="nothing to return"):
        begin(now, stella, key="two")
    assert figures.preview(span(now)).ownerless == 1


def test_what_can_t_be_given_is_tried_again_and_keeps_no_other_waiting(
    alice: User, bob: User, stella: User, now: datetime
) -> None:
    search(alice, 3, now=now)
    search(bob, 2, now=now)
    asked = begin(now, stella)
    Wallet.objects.filter(pk=alice.wallet.pk).update(last_posted_at=now + timedelta(days=1))
    finish(asked, now)
    part = asked.wallets.get(wallet=alice.wallet)
    assert (part.status, part.attempts, asked.finished_at) == ("waiting", 1, None)
    assert "clock" in part.error
    assert books(bob.wallet)[-1] == ("grant", 10_000, 0, 0)
    at = now + 2 * HOUR
    for _ in range(returns.ATTEMPTS):
        at += timedelta(hours=2)
        returns.go_on(return_id=asked.pk, clock=lambda: at)  # noqa: B023
    part.refresh_from_db()
    asked.refresh_from_db()
    assert (part.status, asked.finished_at is not None) == ("failed", True)
    Wallet.objects.filter(pk=alice.wallet.pk).update(last_posted_at=now)


def test_credits_that_are_returned_may_expire(alice: User, stella: User, now: datetime) -> None:
    search(alice, 3, now=now)
    finish(begin(now, stella, expires_at=now + timedelta(days=30)), now)
    grant = alice.wallet.grants.get(source="adjustment")
    assert grant.expires_at == now + timedelta(days=30)


def test_customers_are_told_in_plain_words_with_the_reason_only_if_so(
    alice: User, bob: User, stella: User, now: datetime, mailoutbox: list[EmailMessage]
) -> None:
    search(alice, 3, now=now)
    finish(begin(now, stella), now)
    search(bob, 2, now=now)
    finish(begin(now, stella, key="two", is_reason_shown=False), now)
    for message in Message.objects.filter(kind="credits_returned").order_by("pk"):
        assert messages.deliver(message_id=message.pk, now=now + 2 * HOUR) == "sent"
    told, other = mailoutbox
    assert told.subject == "You got 15 credits back"
    assert "We returned what you paid for Web Search from 10 Mar 2025, 08:30 to 10 Mar 2025, 10:30." in told.body
    assert "They never expire." in told.body
    assert WHY in told.body
    assert other.subject == "You got 10 credits back"
    assert WHY not in other.body
    browser = Client()
    browser.force_login(alice)
    page = browser.get("/settings/billing/notifications/").content.decode()
    assert "You got 15 credits back" in page
    assert WHY in page


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"from_at": "2025-03-10T09:30", "until": "2025-03-10T09:00"}, "The end of the time lies after its beginning."),
        ({"until": "2025-03-10T09:31"}, "Only what was charged already can be returned"),
        ({"from_at": "long ago"}, "Enter a valid date/time."),
        ({"from_at": "0001-01-01T00:00"}, "Choose a moment from 2000 to 2100."),
        ({"until": "9999-12-31T23:59"}, "Choose a moment from 2000 to 2100."),
        ({"expires_at": "9999-12-31T23:59"}, "Choose a moment from 2000 to 2100."),
        ({"expires_at": "2025-03-10T09:30"}, "A grant expires after it starts, and not in the past."),
        ({"feature": "gpt-9"}, "Select a valid choice"),
        ({"reason": " "}, "This field is required."),
        ({"feature": "flux-pro"}, "There is nothing to return."),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(
    browser_of_stella: Client, alice: User, now: datetime, answers: dict[str, str], wrong: dict[str, str],
    complaint: str,
) -> None:  # fmt: skip
    search(alice, 1, now=now)
    assert complaint in look(browser_of_stella, URL, **{**answers, **wrong})
    assert not ChargeReturn.objects.exists()


def test_a_large_return_waits_for_a_second_person(
    browser_of_stella: Client, browser_of_olivia: Client, stella: User, olivia: User, alice: User, now: datetime,
    answers: dict[str, str],
) -> None:  # fmt: skip
    give(alice.wallet, 9_000_000, now=now)
    search(alice, 1_001, now=now)
    with patch("django.utils.timezone.now", return_value=now + HOUR):
        page = do(browser_of_stella, URL, **{**answers, "until": local(now + HOUR)})
        assert "It waits for a second person now." in page
        assert not ChargeReturn.objects.exists()
        proposal = Proposal.objects.get()
        assert proposal.title == "Return 5,005 credits of web-search to 1 wallet"
        do(browser_of_olivia, f"/admin/billing/proposal/{proposal.pk}/approve/", reason="Yes.")
        asked = ChargeReturn.objects.get()
        assert asked.asked_by == stella
        returns.go_on(return_id=asked.pk, clock=lambda: now + HOUR)
    assert books(alice.wallet)[-1] == ("grant", 5_005_000, 0, 0)


def test_nobody_returns_charges_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, alice: User, now: datetime, answers: dict[str, str]
) -> None:
    search(alice, 1, now=now)
    for url in (URL, f"{URL}post/"):
        assert browser_of_rita.post(url, answers).status_code == 403
        assert browser_of_bob.post(url, answers, follow=True).status_code == 403
    rita = User.objects.get(email="rita@example.com")
    rita.user_permissions.add(Permission.objects.get(codename="return_charges"))
    assert browser_of_rita.get(URL).status_code == 200
    assert not LedgerEntry.objects.filter(kind="adjustment").exists()


@pytest.mark.long
def test_a_thousand_wallets_are_counted_and_written_down_in_time(stella: User, now: datetime) -> None:
    for number in range(1_000):
        search(sign_up(f"customer{number}", at=now), 1, now=now)
    began = time.monotonic()
    found = figures.preview(span(now))
    asked = begin(now, stella)
    assert time.monotonic() - began < 5
    assert (found.wallets, found.charges, found.amount) == (1_000, 1_000, 5_000_000)
    assert len(found.largest) == 10
    assert asked.wallets.filter(status="waiting").count() == 1_000
    finish(asked, now)
    assert asked.wallets.filter(status="returned", amount=5_000).count() == 1_000
