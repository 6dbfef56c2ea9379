"""The export page, and the files that it leads to."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.tests.exports.reading import entries_of, from_csv, from_jsonl, from_xlsx
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words

EXPORT = "/settings/billing/export/"
MARCH = "span=custom&from=2025-03-01&to=2025-03-31"


def file_of(page: HttpResponse) -> str:
    """Return where the page's download leads."""
    found = re.search(r'id="download" [^>]*?href="([^"]+)"', page.content.decode())
    assert found, "the page has no download"
    return unescape(found[1])


def test_it_offers_this_month_s_statement_at_once(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 3, now=clock())
    page = browser_of_alice.get(EXPORT)
    assert '<option value="2025-03" selected>March 2025</option>' in page.content.decode()
    assert "2 entries, about 400 bytes so far: these days aren’t over Download CSV" in words(page)
    assert file_of(page) == f"{EXPORT}statement.csv?{MARCH}"


def test_the_file_is_what_the_page_says(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 3, now=clock())
    answer = browser_of_alice.get(file_of(browser_of_alice.get(EXPORT)))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == ('attachment; filename="cleverai-statement-2025-03-01-to-2025-03-31.csv"')
    assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert [row["sequence"] for row in entries_of(from_csv(answer.streaming_content))] == [1, 2]


def test_json_lines_are_another_format_of_the_same(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 3, now=clock())
    address = file_of(browser_of_alice.get(EXPORT, {"format": "jsonl"}))
    assert address == f"{EXPORT}statement.jsonl?{MARCH}"
    answer = browser_of_alice.get(address)
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert [row["sequence"] for row in entries_of(from_jsonl(answer.streaming_content))] == [1, 2]


def test_a_workbook_is_one_too(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 3, now=clock())
    page = browser_of_alice.get(EXPORT, {"format": "xlsx"})
    assert "Download Excel" in words(page)
    answer = browser_of_alice.get(file_of(page))
    assert answer["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert answer["Content-Disposition"] == 'attachment; filename="cleverai-statement-2025-03-01-to-2025-03-31.xlsx"'
    assert [row["sequence"] for row in entries_of(from_xlsx(answer.streaming_content))] == [1, 2]


def test_earlier_months_can_be_chosen(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 3, now=clock())
    clock.moves(days=70)
    page = browser_of_alice.get(EXPORT, {"month": "2025-03"})
    offered = re.findall(r'<option value="(\d{4}-\d\d)"', page.content.decode())
    assert offered == ["2025-05", "2025-04", "2025-03"]
    assert "2 entries" in words(page)
    assert "these days aren’t over" not in words(page)
    assert file_of(page) == f"{EXPORT}statement.csv?{MARCH}"


def test_any_days_can_be_chosen(browser_of_alice: Client) -> None:
    assert 'type="date"' not in browser_of_alice.get(EXPORT).content.decode()
    asked = browser_of_alice.get(EXPORT, {"month": "other"})
    assert 'name="from" value="2025-03-01"' in asked.content.decode()
    page = browser_of_alice.get(EXPORT, {"month": "other", "from": "2025-03-09", "to": "2025-03-10"})
    assert file_of(page) == f"{EXPORT}statement.csv?span=custom&from=2025-03-09&to=2025-03-10"
    assert "1 entry" in words(page)
    quiet = browser_of_alice.get(EXPORT, {"from": "2025-03-01", "to": "2025-03-09"})
    assert "0 entries Download CSV" in words(quiet)


def test_a_cycle_s_days_can_be_asked_for(browser_of_alice: Client) -> None:
    address = file_of(browser_of_alice.get(EXPORT, {"span": "cycle"}))
    assert address == f"{EXPORT}statement.csv?cycle=1"
    answer = browser_of_alice.get(address)
    assert "cleverai-statement-2025-03-10-to-2025-04-09.csv" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("month=2031-01", "month “2031-01”"),
        ("month=%00", "month “”"),
        ("format=pdf", "format “pdf”"),
        ("from=2025-03-20&to=2025-03-10", "from “2025-03-20”, to “2025-03-10”"),
        ("span=custom&from=0000-01-01", "from “0000-01-01”"),
        ("cycle=7", "cycle “7”"),
        ("what=usage&feature=gpt-9", "feature “gpt-9”"),
        (f"span={'x' * 10_000}", f"span “{'x' * 40}”"),
    ],
)
def test_what_makes_no_sense_is_told_and_never_becomes_a_file(browser_of_alice: Client, query: str, told: str) -> None:
    assert f"was left out: {told}" in words(browser_of_alice.get(f"{EXPORT}?{query}"))
    what = "usage" if "what=usage" in query else "statement"
    answer = browser_of_alice.get(f"{EXPORT}{what}.csv?{query}")
    assert answer.status_code == 302
    assert f"was left out: {told}" in words(browser_of_alice.get(answer["Location"]))


def test_what_can_t_be_exported_is_told(browser_of_alice: Client) -> None:
    assert "was left out: what “invoices”" in words(browser_of_alice.get(EXPORT, {"what": "invoices"}))


@pytest.mark.parametrize("name", ["statement.pdf", "statement.", "everything.csv", ".csv", "statement.csv.csv"])
def test_there_are_no_other_files(browser_of_alice: Client, name: str) -> None:
    assert browser_of_alice.get(f"{EXPORT}{name}").status_code == 404


def test_bob_gets_his_own_books(browser_of_bob: Client, alice: User, clock: Clock) -> None:
    charge(alice, 3, now=clock())
    assert len(entries_of(from_csv(browser_of_bob.get(f"{EXPORT}statement.csv").streaming_content))) == 1


def test_the_form_changes_in_place(browser_of_alice: Client) -> None:
    fragment = browser_of_alice.get(EXPORT, {"month": "other"}, **HTMX)
    assert "<html" not in fragment.content.decode()
    assert 'id="export-from"' in fragment.content.decode()


def test_the_page_asks_little(browser_of_alice: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    browser_of_alice.get(EXPORT)
    with django_assert_max_num_queries(8):
        browser_of_alice.get(EXPORT)


class TestUsage:
    def test_the_usage_page_leads_to_a_file_of_the_same(
        self, browser_of_alice: Client, alice: User, clock: Clock
    ) -> None:
        charge(alice, 3, now=clock())
        page = browser_of_alice.get(
            "/settings/billing/usage/", {"span": "30d", "feature": "gpt-4o-mini", "source": "app"}
        )
        link = re.search(r'id="export-usage" [^>]*?href="([^"]+)"', page.content.decode())
        assert link
        offer = browser_of_alice.get(unescape(link[1]))
        assert "Only feature GPT-4o Mini, source In the app. Take all" in words(offer)
        assert "1 line, about 110 bytes" in words(offer)
        assert file_of(offer) == (
            f"{EXPORT}usage.csv?span=custom&from=2025-02-09&to=2025-03-10&feature=gpt-4o-mini&source=app"
        )
        answer = browser_of_alice.get(file_of(offer))
        assert 'filename="cleverai-usage-2025-02-09-to-2025-03-10.csv"' in answer["Content-Disposition"]
        usage, total = from_csv(answer.streaming_content)
        assert (usage["feature"], usage["credits"], total["credits"]) == ("gpt-4o-mini", 3, 3)

    def test_a_cycle_is_all_that_it_paid_for(self, browser_of_alice: Client, alice: User, clock: Clock) -> None:
        early = clock() - timedelta(days=40)
        metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="old", occurred_at=early, now=clock())
        address = file_of(browser_of_alice.get(EXPORT, {"what": "usage"}))
        assert address == f"{EXPORT}usage.csv?cycle=1"
        assert from_csv(browser_of_alice.get(address).streaming_content)[0]["day"] == "2025-01-29"

    def test_a_span_that_is_chosen_replaces_the_cycle_before(self, browser_of_alice: Client, clock: Clock) -> None:
        clock.moves(days=70)
        page = browser_of_alice.get(EXPORT, {"what": "usage", "cycle": "1"})
        assert '<input type="hidden" name="cycle" value="1">' in page.content.decode()
        assert '<option value="" selected>10 Mar – 9 Apr 2025</option>' in page.content.decode()
        assert file_of(page) == f"{EXPORT}usage.csv?cycle=1"
        chosen = browser_of_alice.get(EXPORT, {"what": "usage", "cycle": "1", "span": "7d", "from": "", "to": ""})
        assert file_of(chosen) == f"{EXPORT}usage.csv?span=custom&from=2025-05-13&to=2025-05-19"

    def test_other_days_begin_with_those_shown(self, browser_of_alice: Client) -> None:
        asked = browser_of_alice.get(EXPORT, {"what": "usage", "span": "other"})
        assert 'name="from" value="2025-03-10"' in asked.content.decode()
        assert "left out" not in words(asked)
        page = browser_of_alice.get(
            EXPORT, {"what": "usage", "span": "other", "from": "2025-03-01", "to": "2025-03-02"}
        )
        assert file_of(page) == f"{EXPORT}usage.csv?span=custom&from=2025-03-01&to=2025-03-02"
        assert "0 lines Download CSV" in words(page)


class TestHistory:
    def test_the_history_leads_to_a_file_of_the_same(self, browser_of_alice: Client, alice: User, clock: Clock) -> None:
        charge(alice, 3, now=clock())
        page = browser_of_alice.get("/settings/billing/history/", {"kind": "usage", "feature": "gpt-4o-mini"})
        link = re.search(r'id="export-history" [^>]*?href="([^"]+)"', page.content.decode())
        assert link
        offer = browser_of_alice.get(unescape(link[1]))
        assert "Only kind Usage, feature GPT-4o Mini. Take all" in words(offer)
        assert file_of(offer) == f"{EXPORT}history.csv?kind=usage&feature=gpt-4o-mini"
        answer = browser_of_alice.get(file_of(offer))
        assert 'filename="cleverai-history-2025-03-10-to-2025-03-10.csv"' in answer["Content-Disposition"]
        assert [row["sequence"] for row in from_csv(answer.streaming_content)] == [2]

    def test_all_time_is_the_first_choice(self, browser_of_alice: Client) -> None:
        page = browser_of_alice.get(EXPORT, {"what": "history"})
        assert '<option value="" selected>All time</option>' in page.content.decode()
        other = browser_of_alice.get(EXPORT, {"what": "history", "span": "other"})
        assert 'name="from" value="2025-03-10"' in other.content.decode()
