"""All that happened to Alice on one page, in order, complete, and only as far as its reader may know it."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing import metering
from billing.models import ContractRequest, LedgerEntry, Purchase, Wallet
from billing.selectors import staff_timeline
from billing.selectors.staff_timeline import Happening, Source, Span, read_cursor
from billing.selectors.staff_timeline_sources import GROUPS, SOURCES
from billing.services import api_keys, contracts, departures, grants, support
from billing.tests.admin.conftest import browser_of
from billing.tests.admin.pressing import do
from billing.tests.exports.keeping import offered
from billing.tests.keys import key_of
from billing.tests.people import give, planless_wallet, sign_up
from billing.tests.stripe.shop import DISPUTED_CARD, FAILS_LATER_CARD, Shop

pytestmark = pytest.mark.django_db
ONE_DAY = timedelta(days=1)


def page(browser: Client, wallet: Wallet, query: str = "", *, status: int = 200) -> str:
    answer = browser.get(f"/admin/billing/wallet/{wallet.pk}/timeline/?{query}")
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def naive(wallet: Wallet, sources: list[Source], span: Span) -> list[tuple[Any, ...]]:
    """Read every row of every source, and sort them all."""
    found = []
    for source in sources:
        if source.rows is None:
            entries = LedgerEntry.objects.filter(wallet=wallet, kind__in=source.kinds)
            rows = [(entry.posted_at, source.place, entry.sequence) for entry in entries]
        else:
            rows = [(getattr(row, source.time), source.place, row.pk) for row in source.rows(wallet)]
        found += [row for row in rows if row[0] is not None]
    begins, ends = span.begins_at, span.ends_at
    return sorted(
        (row for row in found if (not begins or row[0] >= begins) and (not ends or row[0] < ends)), reverse=True
    )


def read_all(wallet: Wallet, sources: list[Source], span: Span) -> list[Happening]:
    """Turn page after page, each by what the last one's link says."""
    found: list[Happening] = []
    before = None
    while True:
        read = staff_timeline.page(wallet, sources, span, before=before)
        found += read.happenings
        if read.older is None:
            return found
        before = read_cursor(read.older.text)
        assert before == read.older


@pytest.fixture
def lively(stripe: Shop, stella: User, now: datetime) -> User:
    """Alice did whatever there is, and Stella what staff do about it; Paul's payments fail meanwhile."""
    alice = sign_up("alice", at=stripe.now())
    paul = sign_up("paul", at=stripe.now())
    stripe.subscribe(alice)
    stripe.subscribe(paul, card=FAILS_LATER_CARD)
    stripe.buy_pack(alice)
    wallet = alice.wallet
    for day in range(34):
        stripe.advance(days=1)
        stripe.deliver()
        for number in range(3):
            key = f"{day} {number}"
            metering.charge(wallet=wallet, feature="gpt-4o", quantity=100, key=key, now=stripe.now())
        if day % 5 == 0:
            hold = metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key=f"h{day}", now=stripe.now())
            act = {"wallet": wallet, "hold": hold, "now": stripe.now()}
            metering.release(**act) if day % 2 else metering.capture(**act, quantity=1)
    at = stripe.now()
    reason = "The video came out black."
    grants.adjust(wallet_id=wallet.pk, amount=25_500, reason=reason, actor=stella, key="g", now=at)
    asked = support.ask(wallet=wallet, topic="", subject="A strange charge", message="What is it?", now=at)
    support.answer(request_id=asked.pk, text="A video.", actor=stella, now=at)
    made = key_of(alice, now=at)
    api_keys.revoke(wallet_id=wallet.pk, key_id=made.key.pk, now=at)
    company = ContractRequest.objects.create(
        wallet=wallet, company="Alice and Sons", message="More!", created_at=at, mailed_at=at
    )
    contracts.answer(request_id=company.pk, actor=stella, now=at)
    offered(wallet, now=at)
    stripe.buy_pack(alice, card=DISPUTED_CARD)
    pack = Purchase.objects.filter(wallet=wallet, pack__isnull=False).earliest("pk")
    do(browser_of(stella), f"/admin/billing/purchase/{pack.pk}/refund/", cents="1.00", reason="By mistake.")
    wallet.refresh_from_db()
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=wallet.available // 5, key="all of it", now=at)
    browser = browser_of(alice)
    assert browser.get("/settings/billing/").status_code == 200
    suspension = {"reason": "A card that was reported stolen."}
    do(browser_of(stella), f"/admin/billing/wallet/{wallet.pk}/suspend/", **suspension)
    alice.wallet.refresh_from_db()
    return alice


def test_the_pages_together_are_everything_in_order(lively: User) -> None:
    wallet = lively.wallet
    everything = naive(wallet, list(SOURCES), Span())
    assert {place for _, place, _ in everything} == {source.place for source in SOURCES}
    assert len(everything) > 3 * staff_timeline.PAGE_SIZE
    middle = everything[len(everything) // 2][0]
    for span in (Span(), Span(begins_at=middle), Span(ends_at=middle), Span(middle - ONE_DAY * 3, middle)):
        assert [each.order for each in read_all(wallet, list(SOURCES), span)] == naive(wallet, list(SOURCES), span)
    for group in GROUPS:
        sources = [source for source in SOURCES if source.group == group]
        assert [each.order for each in read_all(wallet, sources, Span())] == naive(wallet, sources, Span()), group


def test_what_has_the_same_time_is_neither_repeated_nor_lost(
    alice: User, stella: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        give(alice.wallet, 1_000, now=now, key=f"pack {number}")
    for number in range(5):
        asked = support.ask(wallet=alice.wallet, topic="", subject=f"Question {number}", message="?", now=now)
        support.answer(request_id=asked.pk, text="!", actor=stella, now=now)
    expected = naive(alice.wallet, list(SOURCES), Span())
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(staff_timeline, "PAGE_SIZE", size)
        assert [each.order for each in read_all(alice.wallet, list(SOURCES), Span())] == expected


def test_rita_reads_what_happened(lively: User, browser_of_rita: Client, browser_of_stella: Client) -> None:
    wallet = lively.wallet
    shown = page(browser_of_rita, wallet)
    for words in (
        "“The video came out black.”",
        "by stella@example.com",
        "Asked our support: A strange charge",
        "Support answered: A strange charge",
        "Asked for a contract",
        "Alice and Sons",
        "Export written:",
    ):
        assert words in shown, words
    assert "Paul" not in shown
    told = page(browser_of_rita, wallet, "kind=told")
    assert "Told: Pro has begun" in told
    assert "GPT-4o" not in told
    sales = page(browser_of_rita, wallet, "kind=sales")
    assert "Bought: " in sales
    assert "Checkout begun: pack_" in sales
    events = page(browser_of_rita, wallet, "kind=stripe")
    assert "Stripe: invoice.paid" in events
    assert "Stripe: checkout.session.completed" in events
    assert (
        f'href="/admin/billing/wallet/{wallet.pk}/timeline/"'
        in browser_of_stella.get(f"/admin/billing/wallet/{wallet.pk}/change/").content.decode()
    )


def test_failed_payments_of_somebody_else_are_told_on_their_line_alone(lively: User, browser_of_stella: Client) -> None:
    paul = User.objects.get(email="paul@example.com")
    assert "Stripe: invoice.payment_failed" in page(browser_of_stella, paul.wallet, "kind=stripe")
    assert "invoice.payment_failed" not in page(browser_of_stella, lively.wallet, "kind=stripe")


def test_each_entry_leads_to_why_the_balance_was_that(alice: User, browser_of_stella: Client, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=now)
    shown = page(browser_of_stella, alice.wallet)
    assert "−12.265" in shown
    assert "87.735 left" in shown
    assert f"/admin/billing/wallet/{alice.wallet.pk}/balance/?entry=2" in shown


def test_staff_s_acts_are_on_the_line(alice: User, browser_of_stella: Client) -> None:
    assert "Staff: " not in page(browser_of_stella, alice.wallet, "kind=staff")
    address = f"/admin/billing/wallet/{alice.wallet.pk}/suspend/"
    do(browser_of_stella, address, reason="A card that was reported stolen.")
    shown = page(browser_of_stella, alice.wallet, "kind=staff")
    assert re.search(
        r"Staff: Suspended.*A card that was reported stolen\..*by stella@example.com · on the wallet", shown
    )


def test_so_is_what_they_proposed(alice: User, browser_of_stella: Client) -> None:
    do(browser_of_stella, f"/admin/billing/wallet/{alice.wallet.pk}/adjust/", amount="6000", reason="Black videos.")
    assert "Proposed." in browser_of_stella.get(f"/admin/billing/wallet/{alice.wallet.pk}/timeline/").content.decode()


def test_an_act_is_shown_to_who_may_read_what_it_was_done_to(lively: User, now: datetime) -> None:
    sam = sign_up("sam", at=now, is_staff=True)
    sam.user_permissions.set(Permission.objects.filter(codename__in=["view_ledgerentry", "view_wallet"]))
    shown = page(browser_of(sam), lively.wallet, "kind=staff")
    assert "on the wallet" in shown
    assert "Refund " not in shown
    sam.user_permissions.add(Permission.objects.get(codename="view_purchase"))
    shown = page(browser_of(sam), lively.wallet, "kind=staff")
    assert "on the wallet" in shown
    assert re.search(r"Staff: Refund \d+ of \$1", shown)


@pytest.mark.parametrize(
    "query",
    [
        "before=", "before=x", "before=1.2", "before=1.2.3.4", "before=-1.90.1", "before=" + "9" * 400,
        f"before={2**63 - 1}.90.1", "before=1.1.00000000-0000-0000-0000-000000000000", "before=٣.٣.٣",
        "before=4102444800000000.55.7", "before=4102444800000000.90.00000000-0000-0000-0000-000000000000",
        "first=2025-03-10", "last=2999-12-31", "first=2000-01-01&last=2999-12-31", "kind=usage&kind=usage", "a=b",
    ],
)  # fmt: skip
def test_any_place_is_a_page(alice: User, browser_of_stella: Client, query: str) -> None:
    assert f"What happened to {alice.email}" in page(browser_of_stella, alice.wallet, query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("kind=nonsense", "nonsense is not one of the available choices"),
        ("first=2025-02-29", "Enter a valid date."),
        ("first=9999-12-31", "Choose a day from 2000 to 2999."),
        ("last=0001-01-01", "Choose a day from 2000 to 2999."),
        ("first=2025-03-11&last=2025-03-10", "The last day is before the first."),
    ],
)
def test_a_filter_that_isn_t_one_is_refused_in_words(
    alice: User, browser_of_stella: Client, query: str, words: str
) -> None:
    shown = page(browser_of_stella, alice.wallet, query)
    assert words in shown
    assert "Monthly credits" not in shown


def test_days_are_those_of_the_reader(alice: User, browser_of_stella: Client, stella: User, now: datetime) -> None:
    stella.time_zone = "Pacific/Kiritimati"
    stella.save()
    late = now.replace(hour=11, minute=0)  # one in the morning of the next day there
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="a", now=late)
    assert "GPT-4o" not in page(browser_of_stella, alice.wallet, "last=2025-03-10")
    shown = page(browser_of_stella, alice.wallet, "first=2025-03-11&last=2025-03-11")
    assert "GPT-4o" in shown
    assert "Tuesday, 11 March 2025" in shown


def test_support_without_money_sees_none(lively: User, now: datetime) -> None:
    sam = sign_up("sam", at=now, is_staff=True)
    browser = browser_of(sam)
    page(browser, lively.wallet, status=403)
    sam.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    shown = page(browser_of(sam), lively.wallet)
    assert "GPT-4o" in shown
    for words in ("Bought: ", "Stripe: ", "Asked our support", "Told: ", "Staff: ", "Logged in", "Export "):
        assert words not in shown, words
    assert "is not one of the available choices" in page(browser_of(sam), lively.wallet, "kind=sales")


def test_a_name_that_was_erased_isn_t_shown(lively: User, browser_of_stella: Client, stripe: Shop) -> None:
    departures.leave(wallet_id=lively.wallet.pk, now=stripe.now())
    wallet = Wallet.objects.get(pk=lively.wallet.pk)
    assert wallet.owner is None
    shown = page(browser_of_stella, wallet)
    assert f"Wallet {wallet.pk}, erased" in shown
    assert "alice" not in shown.lower()


def test_a_wallet_without_a_past_says_so(browser_of_stella: Client, now: datetime) -> None:
    assert "Nothing has happened to this wallet yet." in page(browser_of_stella, planless_wallet(at=now))


def test_a_page_takes_no_more_questions_for_more_rows(alice: User, browser_of_stella: Client, now: datetime) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(browser_of_stella, alice.wallet)
        return len(captured)

    asked()
    few = asked()
    for number in range(120):
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=100, key=f"{number}", now=now)
    assert asked() <= few <= 40
    [older] = re.findall(r'<a href="([^"]+)" rel="next"', page(browser_of_stella, alice.wallet))
    with CaptureQueriesContext(connection) as captured:
        shown = page(browser_of_stella, alice.wallet, older.removeprefix("?").replace("&amp;", "&"))
    assert len(captured) <= few + 1
    assert "Newest" in shown
