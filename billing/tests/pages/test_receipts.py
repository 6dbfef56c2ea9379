"""One entry, explained: anybody can do the sum again."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.services import chatbots, grants, prices
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import words
from billing.tests.people import give
from billing.tests.stripe.shop import Shop

HISTORY = "/settings/billing/history/"


def receipt(browser_of_alice: Client, sequence: int) -> str:
    answer = browser_of_alice.get(f"/settings/billing/history/{sequence}/")
    assert answer.status_code == 200
    return words(answer)


def test_a_chat_shows_its_sum_in_words(browser_of_alice: Client, alice: User, now: datetime) -> None:
    detail: dict[str, object] = {"input_tokens": 1_842, "output_tokens": 611}
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="1", detail=detail, now=now)
    page = receipt(browser_of_alice, 2)
    assert "GPT-4o Receipt 2 · 10 Mar 2025, 09:30:00" in page
    assert "Cost 12.265 credits" in page
    assert "1,842 in + 611 out = 2,453 tokens × 5 credits / 1K tokens = 12.265" in page
    assert "Price 5 credits / 1K tokens in force since 1 Jan 2023" in page
    assert "Balance before 100 Balance after 87.735" in page
    assert "Which credits paid Monthly credits expiring on 10 Apr 2025 12.265" in page
    assert "Rounded up" not in page


@pytest.mark.parametrize(
    "detail", [None, {"input_tokens": 1, "output_tokens": 1}, {"input_tokens": "1842"}, {"output_tokens": 611}]
)
def test_parts_that_do_not_add_up_are_left_out(
    browser_of_alice: Client, alice: User, now: datetime, detail: dict[str, object] | None
) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=2_453, key="1", detail=detail, now=now)
    assert "credits 2,453 tokens × 5 credits / 1K tokens = 12.265" in receipt(browser_of_alice, 2)


def test_rounding_is_told(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="video-generation", quantity=7, key="1", now=now)
    page = receipt(browser_of_alice, 2)
    assert "7 seconds × 100 credits / minute = 11.667" in page
    assert "Rounded up to a thousandth of a credit, once." in page


def test_a_charge_keeps_the_price_it_was_made_at(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 10, now=clock())
    starts_at = clock.moves(days=1)
    feature = metering.catalog.fresh().feature("gpt-4o-mini")
    prices.add(feature=feature, millicredits=2_000, per=1_000, starts_at=starts_at, now=starts_at)
    charge(alice, 10, now=clock.moves(hours=1))
    assert "10,000 tokens × 1 credit / 1K tokens = 10" in receipt(browser_of_alice, 2)
    assert "10,000 tokens × 2 credits / 1K tokens = 20" in receipt(browser_of_alice, 3)
    assert "in force since 11 Mar 2025" in receipt(browser_of_alice, 3)


def test_two_grants_that_paid_are_both_named(browser_of_alice: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 1_000_000, now=now)
    charge(alice, 130, now=now)
    assert "Which credits paid Monthly credits expiring on 10 Apr 2025 100 Bought credits never expire 30" in receipt(
        browser_of_alice, 3
    )


def test_a_hold_tells_its_story(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    hold = metering.hold(wallet=alice.wallet, feature="o1-preview", quantity=2_000, key="h", now=clock())
    page = receipt(browser_of_alice, 2)
    assert "30 credits were set aside for up to 2,000 tokens at 15 credits / 1K tokens." in page
    assert "in progress until 09:45" in page
    metering.capture(wallet=alice.wallet, hold=hold, quantity=1_000, now=clock.moves(minutes=2))
    page = receipt(browser_of_alice, 3)
    assert "Cost 15 credits" in page
    assert "30 were set aside beforehand; 15 came back." in page
    assert "The whole story Set aside for O1 Preview 10 Mar, 09:30:00 −30 O1 Preview 10 Mar, 09:32:00 +15" in page
    assert "Which credits paid Monthly credits expiring on 10 Apr 2025 15" in page
    assert (
        'href="/settings/billing/history/2/"' in browser_of_alice.get("/settings/billing/history/3/").content.decode()
    )


def test_failed_work_costs_nothing(browser_of_alice: Client, alice: User, now: datetime) -> None:
    hold = metering.hold(wallet=alice.wallet, feature="o1-preview", quantity=2_000, key="h", now=now)
    metering.release(wallet=alice.wallet, hold=hold, now=now)
    assert "Change +30 credits The work didn't use what was set aside, so all of it came back." in receipt(
        browser_of_alice, 3
    )


def test_a_hold_that_ran_out_says_so(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    metering.hold(wallet=alice.wallet, feature="o1-preview", quantity=2_000, key="h", now=clock())
    clock.moves(hours=1)
    page = receipt(browser_of_alice, 3)
    assert "The work never reported back within its time limit, so all that was set aside came back." in page
    assert "Was due 10 Mar 2025, 09:45" in page


def test_what_was_not_covered_is_explained(browser_of_alice: Client, alice: User, now: datetime) -> None:
    hold = metering.hold(wallet=alice.wallet, feature="o1-preview", quantity=4_000, key="h", now=now)
    metering.capture(wallet=alice.wallet, hold=hold, quantity=7_000, now=now)
    page = receipt(browser_of_alice, 3)
    assert "Cost 105 credits" in page
    assert "60 were set aside beforehand; the further 40 came from your balance." in page
    assert "5 credits of this were not covered" in page
    assert "You don't owe them; it is never collected later." in page
    assert "Which credits paid Monthly credits expiring on 10 Apr 2025 100" in page


def test_a_workflow_opens_to_its_steps(browser_of_alice: Client, alice: User, now: datetime) -> None:
    nodes = [
        metering.Node(name="Find", feature="web-search", quantity=2),
        metering.Node(name="Sort"),
        metering.Node(feature="gpt-4o", quantity=2_000),
    ]
    metering.charge_workflow(wallet=alice.wallet, workflow="Weekly digest", nodes=nodes, key="run", now=now)
    page = receipt(browser_of_alice, 2)
    assert "3 steps of one run, charged together = 20" in page
    assert "Source Workflow Weekly digest" in page
    assert (
        "Find Web Search 2 searches 5 credits / search 10 Sort free step 0"
        " Step 3 GPT-4o 2,000 tokens 5 credits / 1K tokens 10 Total 20" in page
    )


def test_a_chatbot_and_its_model_are_both_named(browser_of_alice: Client, alice: User, now: datetime) -> None:
    bot = chatbots.create(wallet_id=alice.wallet.pk, name="Helper", model="gpt-4o", now=now)
    metering.charge(
        wallet=alice.wallet,
        feature="chatbot-message",
        priced_as="gpt-4o",
        quantity=1_000,
        source=bot.source,
        key="1",
        now=now,
    )
    assert "Feature Chatbot Message Priced as GPT-4o Source Helper Price 5 credits" in receipt(browser_of_alice, 2)


def test_unlimited_use_is_recorded_only(browser_of_alice: Client, alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(unlimited=True)
    charge(alice, 130, now=now)
    page = receipt(browser_of_alice, 2)
    assert "Your credits were unlimited: this was recorded and priced, and nothing was deducted." in page
    assert "Balance before 100 Balance after 100" in page


def test_free_use_costs_nothing(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="analytics", quantity=1, key="1", now=now)
    assert "1 report × free = 0" in receipt(browser_of_alice, 2)


def test_grants_expiries_and_adjustments_speak_too(
    browser_of_alice: Client, alice: User, stella: User, clock: Clock
) -> None:
    assert "Monthly credits Receipt 1" in receipt(browser_of_alice, 1)
    assert "Change +100 credits" in receipt(browser_of_alice, 1)
    grants.adjust(
        wallet_id=alice.wallet.pk, amount=-10_000, reason="A private remark.", actor=stella, key="a", now=clock()
    )
    page = receipt(browser_of_alice, 2)
    assert "Change −10 credits Our staff took credits from this wallet." in page
    assert "A private remark" not in page
    clock.moves(days=31, hours=2)
    browser_of_alice.force_login(alice)
    page = receipt(browser_of_alice, 3)
    assert "Monthly credits expired" in page
    assert "it doesn't roll over" in page
    assert "Was due 10 Apr 2025, 00:00" in page


def test_imported_usage_names_its_own_day(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.charge(
        wallet=alice.wallet, feature="gpt-4o", quantity=1, key="1", occurred_at=now - timedelta(days=400), now=now
    )
    page = receipt(browser_of_alice, 2)
    assert "This was used on 4 Feb 2024 and told to us later. It counts as usage of that day" in page
    assert "Counts as usage of 4 Feb 2024" in page


def test_it_names_the_cycle_and_the_caller_s_reference(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1, key="message-81f2", source="api_key:7", now=now)
    assert "Source API key 7" in receipt(browser_of_alice, 2)
    assert "Cycle 1 Reference message-81f2" in receipt(browser_of_alice, 2)
    assert "Reference" not in receipt(browser_of_alice, 1)


def links(browser_of_alice: Client, address: str) -> dict[str, str]:
    """Return where a receipt's links lead: back to the list, and to its neighbours."""
    page = browser_of_alice.get(address).content.decode().replace("&amp;", "&")
    back = re.search(r'class="breadcrumb" href="([^"]+)"', page)
    found = re.findall(r'id="(older|newer)" [^>]*?href="([^"]+)"', page)
    return {"back": back[1] if back else "", **dict(found)}


def test_it_leads_back_to_the_list_that_it_was_opened_from(
    browser_of_alice: Client, alice: User, now: datetime
) -> None:
    for number, feature in enumerate(["gpt-4o", "web-search", "gpt-4o", "web-search", "gpt-4o"]):
        metering.charge(wallet=alice.wallet, feature=feature, quantity=1, key=str(number), now=now)
    listed = browser_of_alice.get(HISTORY, {"feature": "gpt-4o", "span": "7d", "before": "6"}).content.decode()
    address = re.search(r'class="row-link" href="([^"]+)"', listed)[1].replace("&amp;", "&")
    assert address == f"{HISTORY}4/?feature=gpt-4o&span=7d&before=6"
    assert links(browser_of_alice, address) == {
        "back": f"{HISTORY}?feature=gpt-4o&span=7d&before=6",
        "newer": f"{HISTORY}6/?feature=gpt-4o&span=7d&before=7",
        "older": f"{HISTORY}2/?feature=gpt-4o&span=7d&before=3",
    }
    assert links(browser_of_alice, f"{HISTORY}4/") == {
        "back": HISTORY,
        "newer": f"{HISTORY}5/",
        "older": f"{HISTORY}3/",
    }
    assert links(browser_of_alice, f"{HISTORY}1/") == {"back": HISTORY, "newer": f"{HISTORY}2/"}
    assert links(browser_of_alice, f"{HISTORY}6/") == {"back": HISTORY, "older": f"{HISTORY}5/"}


@pytest.mark.parametrize("query", ["next=https://evil.example/", "feature=//evil.example", "kind=%00", "before=x"])
def test_it_leads_nowhere_else(browser_of_alice: Client, alice: User, query: str) -> None:
    assert links(browser_of_alice, f"{HISTORY}1/?{query}")["back"] == HISTORY


@pytest.mark.parametrize("sequence", [0, 2, 99, 2**63 - 1, 2**63, 10**30])
def test_an_entry_that_is_not_there(browser_of_alice: Client, bob: User, now: datetime, sequence: int) -> None:
    charge(bob, 1, now=now)
    assert browser_of_alice.get(f"/settings/billing/history/{sequence}/").status_code == 404


def test_it_asks_little(
    browser_of_alice: Client, alice: User, now: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    nodes = [metering.Node(name=str(number), feature="gpt-4o", quantity=100) for number in range(40)]
    metering.charge_workflow(wallet=alice.wallet, workflow="w", nodes=nodes, key="run", now=now)
    browser_of_alice.get("/")
    with django_assert_max_num_queries(6):
        browser_of_alice.get("/settings/billing/history/2/")


def test_bought_credits_say_what_was_paid(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.buy_pack(alice)
    page = receipt(browser_of_alice, 2)
    assert "Bought credits Receipt 2" in page
    assert "Change +1,000 credits" in page
    assert "Paid $10 for 1,000 credits on 10 Mar 2025, 09:30" in page


def test_credits_taken_back_with_a_refund_say_why_and_what_stays(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    checkout = stripe.buy_pack(alice)
    charge(alice, 400, now=stripe.now())
    stripe.engine.refund(stripe.payment_of(checkout))
    stripe.deliver()
    page = receipt(browser_of_alice, 4)
    assert "Taken back: payment returned Receipt 4" in page
    assert "Change −700 credits" in page
    assert "Money that you had paid for these credits went back, by a refund or to your bank." in page
    assert "300 credits of that share had been spent or were set aside at that moment." in page
    assert "Paid $10 for 1,000 credits" in page
    assert "Which credits moved Bought credits never expire −700" in page


def test_credits_given_back_after_a_won_dispute_say_why(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice)
    dispute = stripe.engine.dispute(stripe.payment_of(checkout))
    stripe.deliver()
    stripe.engine.close_dispute(dispute["id"], "won")
    stripe.deliver()
    page = receipt(browser_of_alice, 4)
    assert "Given back: payment restored Receipt 4" in page
    assert "So 1,000 credits of what it had bought are yours again." in page
