"""The Python client against the server: every method, every kind of refusal, lost answers, many threads."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from pytest_django.live_server_helper import LiveServer

import cleverai_credits
from accounts.models import User
from billing.api.problems import KINDS
from billing.models import Hold, LedgerEntry
from billing.services import wallets
from billing.tests.keys import go_pro, key_of
from billing.tests.people import books
from billing.tests.programs.conftest import QUICK
from billing.tests.programs.lossy import losing
from cleverai_credits import Charge, Charged, Client, Filters, Node
from cleverai_credits.problems import BY_NAME, BY_STATUS

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_problem_of_the_server_has_a_type() -> None:
    assert set(BY_NAME) == set(KINDS)
    for name, kind in KINDS.items():
        assert issubclass(BY_NAME[name], BY_STATUS[kind.status])


def test_it_reads_balance_catalog_and_plans(clever: Client, alice: User) -> None:
    balance = clever.balance()
    assert (balance.wallet, balance.available, balance.held) == (alice.wallet.pk, Decimal(100), Decimal(0))
    assert [(portion.source, portion.left) for portion in balance.portions] == [("allowance", Decimal(100))]
    assert balance.portions[0].expires_at == balance.cycle.ends_at
    features = {feature.code: feature for feature in clever.features()}
    assert (features["gpt-4o"].unit, features["gpt-4o"].price and features["gpt-4o"].price.credits) == (
        "token",
        Decimal(5),
    )
    assert features["analytics"].price is None or features["analytics"].price.credits == 0
    plans = {plan.code: plan for plan in clever.plans()}
    assert (plans["free"].monthly_credits, plans["pro"].api_access) == (Decimal(100), True)
    assert plans["enterprise"].monthly_credits is None
    assert clever.quote("gpt-4o", 2_453).cost == Decimal("12.265")
    assert books(alice.wallet, after=1) == []


def test_a_charge_is_made_once_and_says_what_it_did(clever: Client, alice: User) -> None:
    detail = {"input_tokens": 1_842, "output_tokens": 611}
    first = clever.charge("gpt-4o", 2_453, key="message-1", detail=detail)
    again = clever.charge("gpt-4o", 2_453, key="message-1", detail=detail)
    assert (first.sequence, first.cost, first.uncovered, first.available) == (
        2,
        Decimal("12.265"),
        0,
        Decimal("87.735"),
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.sequence, again.cost, again.posted_at) == (first.sequence, first.cost, first.posted_at)
    assert books(alice.wallet, after=1) == [("charge", -12_265, 0, 12_265)]
    receipt = clever.entry(2)
    assert (receipt.detail, receipt.key, receipt.source_name) == (detail, "message-1", "API key Chat backend")
    assert (receipt.available_before, receipt.price and receipt.price.per) == (Decimal(100), 1_000)


def test_the_day_of_a_use_and_its_source_can_be_told(clever: Client, now: datetime) -> None:
    clever.charge("gpt-4o", 1_000, source="app", occurred_at=now - timedelta(days=3))
    clever.charge("chatbot-message", 1_000, priced_as="gpt-4o-mini", source="chatbot:7")
    late, early = clever.entries(Filters(kind="usage"))
    assert (late.priced_as, late.source, late.used_on) == ("gpt-4o-mini", "chatbot:7", late.posted_at.date())
    assert (early.source, early.used_on) == ("app", (now - timedelta(days=3)).date())


def test_what_is_refused_comes_as_a_type_and_leaves_no_trace(
    clever: Client, alice: User, live_server: LiveServer, token: str
) -> None:
    with pytest.raises(cleverai_credits.InsufficientCredits) as poor:
        clever.charge("dall-e-3-hd", 2)
    refusal = poor.value
    assert (refusal.needed, refusal.available, refusal.shortfall) == (Decimal(160), Decimal(100), Decimal(60))
    assert refusal.buy_at.endswith("/settings/billing/buy/")
    assert refusal.name == "insufficient-credits"
    assert refusal.instance
    with pytest.raises(cleverai_credits.UnknownFeature):
        clever.charge("gpt-17", 1)
    with pytest.raises(cleverai_credits.InvalidRequest) as wrong:
        clever.charge("gpt-4o", 0)
    assert wrong.value.errors
    with pytest.raises(cleverai_credits.NotFound):
        clever.capture(999_999, 1)
    with pytest.raises(cleverai_credits.NotFound):
        clever.entry(999)
    with Client(live_server.url, f"{token}x") as nobody, pytest.raises(cleverai_credits.InvalidKey) as unknown:
        nobody.balance()
    assert unknown.value.why == "malformed"
    with Client(live_server.url, token) as vague, pytest.raises(cleverai_credits.InvalidRequest):
        vague.balance()
    with Client(live_server.url, token, wallet=999_999) as lost, pytest.raises(cleverai_credits.NotFound):
        lost.balance()
    assert books(alice.wallet, after=1) == []


def test_a_used_key_a_limit_and_a_suspension_are_told(clever: Client, alice: User, now: datetime) -> None:
    clever.charge("web-search", 1, key="search-1")
    with pytest.raises(cleverai_credits.KeyReused):
        clever.charge("web-search", 2, key="search-1")
    wallets.set_limits(wallet_id=alice.wallet.pk, max_output_tokens=4_096, confirm_above=4_000)
    with pytest.raises(cleverai_credits.NeedsConfirmation) as question:
        clever.charge("web-search", 1, key="search-2")
    assert (question.value.cost, question.value.limit) == (Decimal(5), Decimal(4))
    assert clever.charge("web-search", 1, key="search-2", confirmed=True).cost == Decimal(5)
    alice.wallet.refresh_from_db()
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A chargeback", now=now)
    with pytest.raises(cleverai_credits.Suspended):
        clever.charge("web-search", 1)
    assert books(alice.wallet, after=1) == [("charge", -5_000, 0, 5_000), ("charge", -5_000, 0, 5_000)]


def test_a_person_s_key_reads_and_never_spends(live_server: LiveServer, alice: User, bob: User, now: datetime) -> None:
    go_pro(alice, now=now)
    token = key_of(alice, now=now).token
    before = books(alice.wallet)
    with Client(live_server.url, token, patience=QUICK) as own:
        assert own.balance().wallet == alice.wallet.pk
        with pytest.raises(cleverai_credits.InsufficientScope) as refused:
            own.charge("gpt-4o", 1)
        assert refused.value.scope == "spend"
    with Client(live_server.url, token, wallet=bob.wallet.pk) as nosy, pytest.raises(cleverai_credits.NotFound):
        nosy.balance()
    assert books(alice.wallet) == before


def test_each_of_many_is_answered_by_itself(clever: Client, alice: User) -> None:
    charges = [Charge(feature="web-search", quantity=1, key=f"search-{number}") for number in range(3)]
    charges.insert(1, Charge(feature="gpt-17", quantity=1, key="wrong"))
    charges.append(Charge(feature="dall-e-3-hd", quantity=2, key="dear"))
    first, wrong, second, third, dear = clever.charge_many(charges)
    assert [one.cost for one in (first, second, third) if isinstance(one, Charged)] == [Decimal(5)] * 3
    assert isinstance(wrong, cleverai_credits.UnknownFeature)
    assert isinstance(dear, cleverai_credits.InsufficientCredits)
    assert dear.available == Decimal(85)
    again = clever.charge_many(charges[:1])
    assert [one.replayed for one in again if isinstance(one, Charged)] == [True]
    assert len(books(alice.wallet, after=1)) == 3


def test_a_workflow_run_is_one_entry_that_opens(clever: Client) -> None:
    nodes = [Node(name="Every Monday"), Node(name="News", feature="web-search", quantity=2)]
    run = clever.charge_workflow("weekly-report", nodes, key="run-1")
    assert run.cost == Decimal(10)
    receipt = clever.entry(run.sequence)
    assert [(step.name, step.cost) for step in receipt.steps] == [("Every Monday", 0), ("News", Decimal(10))]
    assert receipt.source == "workflow:weekly-report"


def test_a_hold_is_extended_captured_and_released(clever: Client, alice: User) -> None:
    hold = clever.hold("video-generation", 20, key="film-1", lasts=timedelta(minutes=5))
    assert (hold.status, hold.quantity, hold.expires_at - hold.opened_at) == ("open", 20, timedelta(minutes=5))
    assert clever.hold("video-generation", 20, key="film-1", lasts=timedelta(minutes=5)).id == hold.id
    later = hold.opened_at + timedelta(hours=2)
    assert clever.extend(hold.id, later).expires_at == later
    assert clever.balance().held == hold.amount
    assert clever.capture(hold.id, 15).cost == Decimal(25)
    assert clever.capture(hold.id, 15).replayed
    with pytest.raises(cleverai_credits.HoldClosed):
        clever.release(hold.id)
    other = clever.hold("web-search", 1)
    assert clever.release(other.id).available == Decimal(75)
    assert clever.balance().held == 0


def test_holding_captures_what_was_used_and_releases_what_failed(clever: Client, alice: User) -> None:
    with clever.holding("gpt-4o", 6_000, minimum=1_200, key="answer-1") as work:
        assert 1_200 <= work.quantity <= 6_000
        work.used(1_642, detail={"input_tokens": 1_200, "output_tokens": 442})
    assert work.answer is not None
    assert work.answer.cost == Decimal("8.21")
    with pytest.raises(ZeroDivisionError), clever.holding("gpt-4o", 1_000, key="answer-2") as work:
        work.used(work.quantity // 0)
    with pytest.raises(ValueError, match="Say with used"), clever.holding("gpt-4o", 1_000, key="answer-3"):
        pass
    with pytest.raises(ValueError, match="whole number"), clever.holding("gpt-4o", 1_000, key="answer-4") as work:
        work.used(0)
    with pytest.raises(cleverai_credits.HoldClosed), clever.holding("gpt-4o", 6_000, minimum=1_200, key="answer-1"):
        pytest.fail("Nobody would pay for this.")
    states = Hold.objects.filter(wallet=alice.wallet).order_by("pk").values_list("status", flat=True)
    assert list(states) == ["captured", "released", "released", "released"]
    assert clever.balance().available == Decimal("91.79")


def test_long_lists_come_page_by_page_and_whole(clever: Client, now: datetime) -> None:
    chats = [Charge(feature="gpt-4o-mini", quantity=10 + n, key=f"chat-{n}", occurred_at=now) for n in range(7)]
    clever.charge_many(chats)
    clever.charge("web-search", 1, source="app", occurred_at=now)
    page = clever.entries_page(Filters(limit=3))
    assert (len(page.items), page.next_cursor is None) == (3, False)
    assert [entry.sequence for entry in clever.entries(Filters(limit=3))] == list(range(9, 0, -1))
    assert [entry.feature for entry in clever.entries(Filters(feature="web-search"))] == ["web-search"]
    usage = clever.usage_page(Filters(span="7d", limit=1))
    assert usage.totals.uses == 8
    lines = list(clever.usage(Filters(span="7d", limit=1)))
    assert sum(line.cost for line in lines) == usage.totals.cost
    assert {line.source_name for line in lines} == {"API key Chat backend", "In the app"}
    day = Filters(first=now.date(), last=now.date())
    assert clever.usage_page(day).totals == usage.totals
    with pytest.raises(cleverai_credits.InvalidRequest):
        clever.entries_page(cursor="none-of-yours")


def test_an_answer_that_is_lost_charges_once(live_server: LiveServer, token: str, alice: User) -> None:
    with (
        losing(live_server.url, losses=2) as network,
        Client(network.url, token, wallet=alice.wallet.pk, patience=QUICK) as clever,
    ):
        answer = clever.charge("gpt-4o", 2_453, key="message-1")
        assert (network.carried, answer.replayed, answer.available) == (3, True, Decimal("87.735"))
        network.losses = 1
        hold = clever.hold("web-search", 1)
        network.losses = 1
        assert clever.capture(hold.id, 1).replayed
    assert books(alice.wallet, after=1) == [
        ("charge", -12_265, 0, 12_265),
        ("hold", -5_000, 5_000, 0),
        ("capture", 0, -5_000, 5_000),
    ]


def test_many_threads_share_one_client(clever: Client, alice: User) -> None:
    keys = [f"chat-{number}" for number in range(20)] * 2

    def charge(key: str) -> Charged:
        return clever.charge("gpt-4o-mini", 100, key=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(charge, keys))
    assert sum(not answer.replayed for answer in answers) == 20
    assert LedgerEntry.objects.filter(wallet=alice.wallet, kind="charge").count() == 20
    assert clever.balance().available == Decimal(100) - 20 * clever.quote("gpt-4o-mini", 100).cost
