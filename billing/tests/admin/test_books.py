"""Staff read the books; nobody changes them, whatever is sent (G18)."""

from datetime import datetime

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import DailyUsage, Grant, Hold, LedgerEntry, Notice, Wallet
from billing.tests.people import give

pytestmark = pytest.mark.django_db
BOOKS = ["wallet", "ledgerentry", "grant", "hold", "dailyusage", "notice", "subscription"]


@pytest.fixture
def wallet(alice: User, now: datetime) -> Wallet:
    """Alice's wallet with a charge of two grants, a workflow run, an open hold and a warning."""
    wallet = alice.wallet
    give(wallet, 50_000, now=now)
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=22_453, key="a", now=now)
    nodes = [metering.Node(name="look", feature="web-search", quantity=1), metering.Node(name="decide")]
    metering.charge_workflow(wallet=wallet, workflow="report", nodes=nodes, key="w", now=now)
    metering.hold(wallet=wallet, feature="stable-diffusion", quantity=1, key="h", now=now)
    Notice.objects.create(wallet=wallet, level=1, cycle=1, available=1, raised_at=now)
    wallet.refresh_from_db()
    return wallet


def rows() -> list[object]:
    """Return every row of the books as plain values."""
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (Wallet, LedgerEntry, Grant, Hold, DailyUsage, Notice)
    ]


def a_row_of(model: str, wallet: Wallet) -> int:
    table = apps.get_model("billing", model)
    return wallet.pk if model == "wallet" else table.objects.filter(wallet=wallet).latest("pk").pk


@pytest.mark.parametrize("model", BOOKS)
def test_stella_reads_every_book_and_every_row(browser_of_stella: Client, wallet: Wallet, model: str) -> None:
    page = browser_of_stella.get(f"/admin/billing/{model}/")
    assert page.status_code == 200
    assert "alice@example.com" in page.content.decode()
    row = browser_of_stella.get(f"/admin/billing/{model}/{a_row_of(model, wallet)}/change/")
    assert row.status_code == 200
    assert 'name="_save"' not in row.content.decode()


@pytest.mark.parametrize("model", BOOKS)
def test_nothing_that_is_sent_changes_a_book(browser_of_stella: Client, wallet: Wallet, model: str) -> None:
    before = rows()
    pk = a_row_of(model, wallet)
    sent = {"available": "1", "amount": "1", "cost": "0", "post": "yes", "_save": "Save"}
    for address in (f"{pk}/change/", f"{pk}/delete/", "add/"):
        assert browser_of_stella.post(f"/admin/billing/{model}/{address}", sent).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [str(pk)], "post": "yes"}
    browser_of_stella.post(f"/admin/billing/{model}/", action)
    assert rows() == before


@pytest.mark.parametrize("model", [*BOOKS, "chatbot", "feature", "featureprice", "plan", "pack"])
def test_bob_is_kept_out(browser_of_bob: Client, model: str) -> None:
    page = browser_of_bob.get(f"/admin/billing/{model}/", follow=True)
    assert page.status_code == 403
    assert Client().get(f"/admin/billing/{model}/").status_code == 302


def test_a_receipt_names_the_grants_the_sum_and_the_nodes(browser_of_stella: Client, wallet: Wallet) -> None:
    charge = wallet.entries.get(key="a")
    page = browser_of_stella.get(f"/admin/billing/ledgerentry/{charge.pk}/change/").content.decode()
    for words in ("22,453 tokens", "5 credits / 1K tokens", "112.265", "Which grants it touched", "−12.265", "37.735"):
        assert words in page
    run = wallet.entries.get(key="w")
    page = browser_of_stella.get(f"/admin/billing/ledgerentry/{run.pk}/change/").content.decode()
    for words in ("The nodes of the run", "look", "Web Search", "A free step"):
        assert words in page


def test_entries_are_found_by_the_owner_and_read_by_key(
    browser_of_stella: Client, alice: User, bob: User, now: datetime
) -> None:
    for number in range(120):
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=1, key=f"k{number}", now=now)
    seen: list[str] = []
    address = "?q=alice@example.com"
    while address:
        listed = browser_of_stella.get(f"/admin/billing/ledgerentry/{address}").context["cl"]
        seen += [entry.sequence for entry in listed.result_list]
        address = listed.older_link
    assert seen == list(range(121, 0, -1))
    last = browser_of_stella.get("/admin/billing/ledgerentry/?q=alice@example.com&before=22").context["cl"]
    back = browser_of_stella.get(f"/admin/billing/ledgerentry/{last.newer_link}").context["cl"]
    assert [entry.sequence for entry in back.result_list] == list(range(71, 21, -1))
    assert "#1<" in browser_of_stella.get(f"/admin/billing/ledgerentry/?q={bob.wallet.pk}").content.decode()
    nobody = browser_of_stella.get("/admin/billing/ledgerentry/?q=nobody@example.com").context["cl"]
    assert list(nobody.result_list) == []


@pytest.mark.parametrize("query", ["before=x", "before=-1", f"after={2**63}", "q=" + "9" * 40, "q=%00"])
def test_an_odd_address_is_no_error(browser_of_stella: Client, wallet: Wallet, query: str) -> None:
    assert browser_of_stella.get(f"/admin/billing/ledgerentry/?{query}", follow=True).status_code == 200


def test_no_page_counts_or_loads_a_long_book(
    browser_of_stella: Client, wallet: Wallet, now: datetime, django_assert_max_num_queries: object
) -> None:
    charges = [metering.Charge(feature="gpt-4o-mini", quantity=1, key=f"k{number}") for number in range(200)]
    metering.charge_many(wallet=wallet, charges=charges, now=now)
    for address in (f"/admin/billing/wallet/{wallet.pk}/change/", f"/admin/billing/ledgerentry/?q={wallet.pk}"):
        with django_assert_max_num_queries(25) as queries:  # type: ignore[operator]
            page = browser_of_stella.get(address).content.decode()
        assert page.count("/admin/billing/ledgerentry/") < 70
        assert not [query for query in queries if "COUNT(" in query["sql"].upper() and "ledgerentry" in query["sql"]]
