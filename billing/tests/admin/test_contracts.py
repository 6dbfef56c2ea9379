"""Staff set and end contracts on a wallet, and note which wishes for one they answered (decision 12)."""

import re
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import ContractRequest, LedgerEntry, Proposal, StripeSubscription, Subscription, Wallet
from billing.services import contracts, subscriptions
from billing.tests.admin.conftest import acts_on_record
from billing.tests.admin.pressing import do, look
from billing.tests.admin.pressing import press as pressed
from billing.tests.people import begin_paid_cycle, books, give

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _high_limit(settings: Any) -> None:
    """Contracts of these sizes need no second person here."""
    settings.STAFF_LIMIT_CREDITS = 100_000


def address(wallet: Wallet, act: str) -> str:
    return f"/admin/billing/wallet/{wallet.pk}/{act}"


def ask(browser: Client, wallet: Wallet, **answers: str) -> str:
    """Fill in the form of a contract and return the page that answers it."""
    sent = {"kind": "custom", "allowance": "20000", "reason": "Contract 2025-17", **answers}
    answer = browser.post(address(wallet, "contract/"), sent)
    assert answer.status_code == 200
    return answer.content.decode()


def press(browser: Client, wallet: Wallet, page: str, *, act: str = "contract/post/", **changed: str) -> str:
    """Press a preview's button and return the page that follows."""
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return browser.post(address(wallet, act), {**hidden, **changed}, follow=True).content.decode()


def end(browser: Client, wallet: Wallet) -> str:
    """Ask for a contract's end and return its preview."""
    return browser.post(address(wallet, "contract/end/"), {"reason": "It ran out."}).content.decode()


def plan_of(wallet: Wallet) -> tuple[str, int | None, bool]:
    """Return a wallet's plan, its own allowance, and whether it is unlimited."""
    wallet.refresh_from_db()
    subscription = Subscription.objects.get(wallet=wallet)
    return subscription.plan_id, subscription.allowance, wallet.unlimited


def test_stella_sets_a_custom_contract_after_a_preview(browser_of_stella: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 50_000, now=now)
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=1, key="a", now=now)
    page = ask(browser_of_stella, alice.wallet)
    for line in (
        "Plan</th><td>Free</td><td><strong>Enterprise</strong>",
        "Credits a month</th><td>100 credits</td><td><strong>20,000 credits</strong>",
        "Monthly credits left</th><td>95</td><td><strong>20,000</strong>",
        "Bought and other credits</th><td>50</td><td><strong>50</strong>",
        "Available</th><td>145</td><td><strong>20,050</strong>",
        "Reason</th><td></td><td>Contract 2025-17",
    ):
        assert line in page
    assert plan_of(alice.wallet) == ("free", None, False)
    page = press(browser_of_stella, alice.wallet, page)
    assert "The plan is now Enterprise, 20,000 credits a month." in page
    assert plan_of(alice.wallet) == ("enterprise", 20_000_000, False)
    assert alice.wallet.available == 20_050_000
    assert [entry.change_message for entry in LogEntry.objects.all()] == [
        "Put on Enterprise, 20,000 credits a month: Contract 2025-17"
    ]


def test_stella_makes_alice_unlimited_once_olivia_agrees(
    browser_of_stella: Client, browser_of_olivia: Client, alice: User
) -> None:
    page = ask(browser_of_stella, alice.wallet, kind="unlimited", allowance="")
    assert "Available</th><td>100</td><td><strong>Unlimited</strong>" in page
    assert "This gives credits without a limit." in page
    press(browser_of_stella, alice.wallet, page)
    assert plan_of(alice.wallet) == ("free", None, False)
    do(browser_of_olivia, f"/admin/billing/proposal/{Proposal.objects.get().pk}/approve/", reason="As agreed.")
    assert plan_of(alice.wallet) == ("enterprise", None, True)
    assert books(alice.wallet, after=1) == [("expiry", -100_000, 0, 0)]


def test_a_double_click_sets_it_once_and_logs_it_once(browser_of_stella: Client, alice: User) -> None:
    page = ask(browser_of_stella, alice.wallet)
    press(browser_of_stella, alice.wallet, page)
    before = books(alice.wallet)
    assert "It was done before. The plan is now Enterprise" in press(browser_of_stella, alice.wallet, page)
    assert books(alice.wallet) == before
    assert LogEntry.objects.count() == 1


def test_a_preview_that_is_no_longer_true_is_not_done(
    browser_of_stella: Client, alice: User, stella: User, now: datetime
) -> None:
    page = ask(browser_of_stella, alice.wallet)
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    page = press(browser_of_stella, alice.wallet, page)
    assert "has changed since you looked at it" in page
    assert "Plan</th><td>Enterprise</td><td><strong>Enterprise</strong>" in page
    assert plan_of(alice.wallet) == ("enterprise", None, True)
    assert acts_on_record() == []


def test_what_is_so_already_is_said_and_nothing_is_done(browser_of_stella: Client, alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=20_000_000, now=now)
    assert "That is this wallet&#x27;s contract already." in ask(browser_of_stella, alice.wallet)


def test_who_pays_for_a_plan_has_to_cancel_it_first(browser_of_stella: Client, alice: User, now: datetime) -> None:
    page = ask(browser_of_stella, alice.wallet)
    StripeSubscription.objects.create(wallet=alice.wallet, stripe_subscription_id="sub_1", status="active")
    assert "sub_1" in press(browser_of_stella, alice.wallet, page)
    page = ask(browser_of_stella, alice.wallet)
    assert "still pays for Free (sub_1); cancel that subscription at Stripe first." in page
    assert "/contract/post/" not in page, "nothing to press"
    assert plan_of(alice.wallet) == ("free", None, False)
    assert acts_on_record() == []


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"allowance": ""}, "A custom contract gives a number of credits"),
        ({"allowance": "0"}, "A custom contract gives a number of credits"),
        ({"allowance": "-5"}, "A custom contract gives a number of credits"),
        ({"allowance": "9" * 15}, "A custom contract gives a number of credits"),
        ({"allowance": "much"}, "is not a number of credits"),
        ({"kind": "unlimited"}, "An unlimited contract has no number of credits."),
        ({"kind": "free"}, "Select a valid choice."),
        ({"reason": "  "}, "This field is required."),
        ({"reason": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(
    browser_of_stella: Client, alice: User, answers: dict[str, str], complaint: str
) -> None:
    assert complaint in ask(browser_of_stella, alice.wallet, **answers)
    good = ask(browser_of_stella, alice.wallet)
    assert complaint in press(browser_of_stella, alice.wallet, good, **answers)
    assert plan_of(alice.wallet) == ("free", None, False)


def test_a_contract_ends_in_a_free_cycle_and_packs_stay(browser_of_stella: Client, alice: User, now: datetime) -> None:
    give(alice.wallet, 50_000, now=now)
    assert address(alice.wallet, "contract/end/") not in page_of(browser_of_stella, alice.wallet)
    press(browser_of_stella, alice.wallet, ask(browser_of_stella, alice.wallet))
    assert address(alice.wallet, "contract/end/") in page_of(browser_of_stella, alice.wallet)
    preview = end(browser_of_stella, alice.wallet)
    assert "Available</th><td>20,050</td><td><strong>150</strong>" in preview
    page = press(browser_of_stella, alice.wallet, preview, act="contract/end/post/")
    assert "The plan is now Free, 100 credits a month." in page
    assert plan_of(alice.wallet) == ("free", None, False)
    assert alice.wallet.available == 150_000
    assert "It was done before" in press(browser_of_stella, alice.wallet, preview, act="contract/end/post/")
    messages = [entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert messages[1:] == ["Put on Free, 100 credits a month: It ran out."]


def test_who_has_no_contract_cannot_end_one(browser_of_stella: Client, alice: User, now: datetime) -> None:
    assert "This wallet has no contract." in end(browser_of_stella, alice.wallet)
    begin_paid_cycle(
        wallet_id=alice.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=31),
        business_key="test:pro",
        now=now,
    )
    sent = {"reason": "Why not", "seen": "anything"}
    answer = browser_of_stella.post(address(alice.wallet, "contract/end/post/"), sent)
    assert "This wallet has no contract." in answer.content.decode()
    assert plan_of(alice.wallet)[0] == "pro"


@pytest.mark.parametrize("act", ["contract/", "contract/post/", "contract/end/", "contract/end/post/"])
def test_nobody_sets_or_ends_a_contract_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, alice: User, act: str
) -> None:
    sent = {"kind": "unlimited", "allowance": "", "reason": "Why not", "seen": "free"}
    assert "Set contract" not in page_of(browser_of_rita, alice.wallet)
    assert browser_of_rita.post(address(alice.wallet, act), sent).status_code == 403
    assert browser_of_bob.post(address(alice.wallet, act), sent, follow=True).status_code == 403
    assert Client().post(address(alice.wallet, act), sent).status_code == 302
    assert plan_of(alice.wallet) == ("free", None, False)


def test_an_erased_wallet_can_be_put_on_a_contract(browser_of_stella: Client, alice: User) -> None:
    Wallet.objects.filter(pk=alice.wallet.pk).update(owner=None)
    page = press(browser_of_stella, alice.wallet, ask(browser_of_stella, alice.wallet))
    assert "The plan is now Enterprise" in page


@pytest.fixture
def wish(alice: User, now: datetime) -> ContractRequest:
    """Alice would like a contract."""
    with patch("billing.services.contracts.hint"):
        return contracts.request_contract(
            wallet=alice.wallet, company="Wonderland Ltd", monthly_credits=250_000, message="Call <us>.", now=now
        )


def test_staff_read_a_wish_and_are_led_to_the_wallet(browser_of_rita: Client, wish: ContractRequest) -> None:
    page = browser_of_rita.get("/admin/billing/contractrequest/").content.decode()
    for words in ("Wonderland Ltd", "alice@example.com", "250,000", "Not yet"):
        assert words in page
    page = browser_of_rita.get(f"/admin/billing/contractrequest/{wish.pk}/change/").content.decode()
    assert "Call &lt;us&gt;." in page
    assert "Nobody has answered it yet." in page
    assert f"/admin/billing/wallet/{wish.wallet_id}/change/" in page
    assert "Wonderland Ltd" in page_of(browser_of_rita, wish.wallet)


def test_an_answered_wish_names_who_answered_and_lets_the_owner_ask_again(
    browser_of_stella: Client, stella: User, wish: ContractRequest, alice: User, now: datetime
) -> None:
    url = f"/admin/billing/contractrequest/{wish.pk}/answered/"
    assert "The owner may then ask again." in browser_of_stella.get(url).content.decode()
    page = look(browser_of_stella, url, reason="By phone.")
    assert ContractRequest.objects.get().answered_at is None
    assert "It is answered." in pressed(browser_of_stella, url, page)
    assert "It was done before. It is answered." in pressed(browser_of_stella, url, page)
    assert "has answered it already." in look(browser_of_stella, url, reason="Again.")
    assert "It is answered already." in browser_of_stella.get(url, follow=True).content.decode()
    wish.refresh_from_db()
    assert (wish.answered_at, wish.answered_by) == (now, stella)
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Answered: By phone."]
    assert contracts.open_request(alice.wallet) is None
    listed = browser_of_stella.get("/admin/billing/contractrequest/?answer=yes").context["cl"].result_list
    assert listed == []


def test_nobody_answers_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, browser_of_stella: Client, wish: ContractRequest
) -> None:
    url = f"/admin/billing/contractrequest/{wish.pk}/answered/"
    assert browser_of_rita.post(url).status_code == 403
    assert browser_of_bob.post(url, follow=True).status_code == 403
    assert browser_of_stella.post("/admin/billing/contractrequest/999999/answered/").status_code == 404
    wish.refresh_from_db()
    assert wish.answered_at is None


def test_the_right_to_set_contracts_is_enough_for_both(
    browser_of_rita: Client, wish: ContractRequest, alice: User
) -> None:
    right = Permission.objects.get(content_type__app_label="billing", codename="set_contract")
    User.objects.get(email="rita@example.com").user_permissions.add(right)
    press(browser_of_rita, alice.wallet, ask(browser_of_rita, alice.wallet))
    assert plan_of(alice.wallet) == ("enterprise", 20_000_000, False)
    do(browser_of_rita, f"/admin/billing/contractrequest/{wish.pk}/answered/", reason="By phone.")
    wish.refresh_from_db()
    assert wish.answered_by == User.objects.get(email="rita@example.com")
    assert LedgerEntry.objects.filter(wallet=alice.wallet, kind="grant").count() == 2


def page_of(browser: Client, wallet: Wallet) -> str:
    return browser.get(address(wallet, "change/")).content.decode()
