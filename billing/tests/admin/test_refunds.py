"""Staff refund a purchase: after a preview, once per preview (decision 24)."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import Purchase, Refund
from billing.services import refunds
from billing.tests.admin.conftest import acts_on_record
from billing.tests.people import books
from billing.tests.stripe.shop import Shop

pytestmark = pytest.mark.django_db
Status = Refund.Status


@pytest.fixture
def purchase(stripe: Shop, alice: User) -> Purchase:
    """Alice bought 1,000 credits for $10."""
    stripe.buy_pack(alice)
    return Purchase.objects.get(wallet=alice.wallet)


def address(purchase: Purchase, act: str) -> str:
    return f"/admin/billing/purchase/{purchase.pk}/{act}"


def ask(browser: Client, purchase: Purchase, **answers: str) -> str:
    """Fill in the form of a refund and return the page that answers it."""
    answer = browser.post(address(purchase, "refund/"), {"cents": "10.00", "reason": "By mistake.", **answers})
    assert answer.status_code == 200
    return answer.content.decode()


def press(browser: Client, purchase: Purchase, page: str, **changed: str) -> str:
    """Press a preview's button and return the page that follows."""
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return browser.post(address(purchase, "refund/post/"), {**hidden, **changed}, follow=True).content.decode()


def use(user: User, stripe: Shop, searches: int, *, key: str = "a") -> None:
    """Use five credits a search."""
    metering.charge(wallet=user.wallet, feature="web-search", quantity=searches, key=key, now=stripe.now())


def page_of(browser: Client, purchase: Purchase) -> str:
    return browser.get(address(purchase, "change/")).content.decode()


def test_stella_refunds_a_pack_after_a_preview(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User, stella: User
) -> None:
    assert 'value="10.00"' in browser_of_stella.get(address(purchase, "refund/")).content.decode()
    page = ask(browser_of_stella, purchase)
    for line in (
        "Returned of this payment</th><td>$0</td><td><strong>$10, of $10</strong>",
        "Left of them</th><td>1,000</td><td><strong>0</strong>",
        "Taken back</th><td>0</td><td><strong>1,000</strong>",
        "Available</th><td>1,100</td><td><strong>100</strong>",
        "Reason</th><td></td><td>By mistake.",
    ):
        assert line in page
    assert not Refund.objects.exists()
    assert "$10 go back to the customer." in press(browser_of_stella, purchase, page)
    refund = Refund.objects.get()
    assert (refund.status, refund.cents, refund.actor, refund.reason) == (
        Status.SUCCEEDED,
        1_000,
        stella,
        "By mistake.",
    )
    assert books(alice.wallet, after=2) == [("clawback", -1_000_000, 0, 0)]
    logged = LogEntry.objects.get()
    assert (logged.object_id, logged.change_message) == (str(purchase.pk), f"Refund {refund.pk} of $10 asked for.")


def test_a_preview_says_what_was_spent_is_held_and_stays_uncovered(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User
) -> None:
    use(alice, stripe, 120)  # 100 of the monthly credits, 500 of the pack
    metering.hold(wallet=alice.wallet, feature="web-search", quantity=20, key="h", now=stripe.now())
    page = ask(browser_of_stella, purchase)
    for line in (
        "Spent or expired</th><td>500</td><td><strong>500</strong>",
        "Left of them</th><td>400</td><td><strong>0</strong>",
        "Kept by open holds</th><td>100</td><td><strong>100 are taken when the holds return them</strong>",
        "Spent already, so not taken</th><td>–</td><td><strong>500: the entry shows it, nobody collects it</strong>",
    ):
        assert line in page
    press(browser_of_stella, purchase, page)
    assert books(alice.wallet, after=4) == [("clawback", -400_000, 0, 0)]
    assert alice.wallet.entries.latest("sequence").uncovered > 0


def test_a_part_is_refunded_and_the_rest_is_offered_next(
    browser_of_stella: Client, purchase: Purchase, alice: User
) -> None:
    press(browser_of_stella, purchase, ask(browser_of_stella, purchase, cents="$2.50"))
    assert books(alice.wallet, after=2) == [("clawback", -250_000, 0, 0)]
    assert 'value="7.50"' in browser_of_stella.get(address(purchase, "refund/")).content.decode()
    assert "$7.50 of this payment are left to refund." in ask(browser_of_stella, purchase, cents="7.51")


def test_a_double_click_refunds_once_and_logs_once(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User
) -> None:
    page = ask(browser_of_stella, purchase, cents="4")
    press(browser_of_stella, purchase, page)
    assert "It was done before. $4 go back" in press(browser_of_stella, purchase, page)
    assert Refund.objects.count() == LogEntry.objects.count() == 1
    stripe.deliver()
    assert Refund.objects.count() == 1
    assert books(alice.wallet, after=2) == [("clawback", -400_000, 0, 0)]


def test_a_used_key_stands_for_no_other_refund(browser_of_stella: Client, purchase: Purchase) -> None:
    page = ask(browser_of_stella, purchase, cents="4")
    press(browser_of_stella, purchase, page)
    assert "used for something else already" in press(browser_of_stella, purchase, page, cents="5")
    assert Refund.objects.get().cents == 400


def test_a_preview_that_is_no_longer_true_is_shown_again(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User
) -> None:
    page = ask(browser_of_stella, purchase)
    use(alice, stripe, 60)
    page = press(browser_of_stella, purchase, page)
    assert "has changed since you looked at it. Look at it again." in page
    assert "Left of them</th><td>800</td>" in page
    assert not Refund.objects.exists()
    press(browser_of_stella, purchase, page)
    assert books(alice.wallet, after=3) == [("clawback", -800_000, 0, 0)]


def test_what_is_used_meanwhile_and_isn_t_taken_makes_no_preview_stale(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User
) -> None:
    page = ask(browser_of_stella, purchase, cents="5")
    use(alice, stripe, 60)  # 100 of the monthly credits, 200 of the pack
    metering.hold(wallet=alice.wallet, feature="web-search", quantity=20, key="h", now=stripe.now())
    assert "$5 go back to the customer." in press(browser_of_stella, purchase, page)
    assert books(alice.wallet, after=4) == [("clawback", -500_000, 0, 0)]


def test_two_previews_cannot_refund_more_than_was_paid(browser_of_stella: Client, purchase: Purchase) -> None:
    pages = [ask(browser_of_stella, purchase, cents="6") for _ in range(2)]
    press(browser_of_stella, purchase, pages[0])
    assert "$4.00 of this payment are left to refund." in press(browser_of_stella, purchase, pages[1])
    assert Refund.objects.get().cents == 600


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ({"cents": "10.01"}, "$10.00 of this payment are left to refund."),
        ({"cents": "9999999999"}, "Write dollars and cents"),
        ({"cents": "0"}, "A refund returns something."),
        ({"cents": "-1"}, "Write dollars and cents"),
        ({"cents": "1.005"}, "Write dollars and cents"),
        ({"cents": "ten"}, "Write dollars and cents"),
        ({"cents": ""}, "This field is required."),
        ({"reason": "  "}, "This field is required."),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"reason": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(
    browser_of_stella: Client, purchase: Purchase, answers: dict[str, str], complaint: str
) -> None:
    assert complaint in ask(browser_of_stella, purchase, **answers)
    good = ask(browser_of_stella, purchase)
    assert complaint in press(browser_of_stella, purchase, good, **answers)
    assert not Refund.objects.exists()
    assert acts_on_record() == []


def test_a_monthly_allowance_is_refunded_as_goodwill_only(browser_of_stella: Client, stripe: Shop, alice: User) -> None:
    stripe.subscribe(alice)
    bought = Purchase.objects.get(wallet=alice.wallet)
    assert "this would be goodwill" in browser_of_stella.get(address(bought, "refund/")).content.decode()
    press(browser_of_stella, bought, ask(browser_of_stella, bought, cents="29"))
    alice.wallet.refresh_from_db()
    assert alice.wallet.available == 0


def test_when_stripe_is_away_the_refund_waits_and_nothing_is_lost(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User
) -> None:
    page = ask(browser_of_stella, purchase)
    for _ in range(3):
        stripe.wire.fail_next(503)
    assert "The refund of $10 is kept and asked for again by itself, once." in press(browser_of_stella, purchase, page)
    refund = Refund.objects.get()
    assert refund.status == Status.REQUESTED
    assert books(alice.wallet, after=2) == []
    assert LogEntry.objects.count() == 1
    refunds.finish_requested(refund_id=refund.pk, now=stripe.now())
    assert books(alice.wallet, after=2) == [("clawback", -1_000_000, 0, 0)]


def test_what_stripe_refuses_is_said_in_words(
    browser_of_stella: Client, purchase: Purchase, stripe: Shop, alice: User
) -> None:
    page = ask(browser_of_stella, purchase)
    stripe.engine.refund(purchase.stripe_payment_intent_id)  # by somebody at Stripe, whose event is still on its way
    said = press(browser_of_stella, purchase, page)
    assert "Stripe refused the refund of $10:" in said
    assert Refund.objects.get(actor__isnull=False).status == Status.REFUSED
    assert books(alice.wallet, after=2) == []
    stripe.deliver()
    assert books(alice.wallet, after=2) == [("clawback", -1_000_000, 0, 0)]


def test_nobody_refunds_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, browser_of_stella: Client, purchase: Purchase
) -> None:
    page = ask(browser_of_stella, purchase)
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert address(purchase, "refund/") not in page_of(browser_of_rita, purchase)
    assert address(purchase, "refund/") in page_of(browser_of_stella, purchase)
    for act in ("refund/", "refund/post/"):
        assert browser_of_rita.post(address(purchase, act), sent).status_code == 403
        assert browser_of_bob.post(address(purchase, act), sent, follow=True).status_code == 403
        assert Client().post(address(purchase, act), sent).status_code == 302
    assert browser_of_stella.get(address(purchase, "refund/post/")).status_code == 405
    assert browser_of_stella.get("/admin/billing/purchase/999999/refund/").status_code == 404
    assert not Refund.objects.exists()


def test_the_right_to_refund_is_enough_for_it(browser_of_rita: Client, purchase: Purchase) -> None:
    right = Permission.objects.get(content_type__app_label="billing", codename="refund_purchase")
    User.objects.get(email="rita@example.com").user_permissions.add(right)
    press(browser_of_rita, purchase, ask(browser_of_rita, purchase))
    assert Refund.objects.get().status == Status.SUCCEEDED
