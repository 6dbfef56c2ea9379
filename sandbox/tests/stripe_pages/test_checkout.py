"""Hosted Checkout as a customer sees it, without JavaScript."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.tests.stripe_pages.shop import ASKS, CARD, DAY, DECLINED, PAYS, POOR, SITE, Shop, alert_in, words


def test_it_says_what_is_sold_to_whom_and_what_it_costs(shop: Shop) -> None:
    page = words(shop.browser.get(f"/c/pay/{shop.checkout()}"))
    assert "Sandbox: no real money moves" in page
    assert "1,000 credits $10.00" in page
    assert "Total due today $10.00" in page
    assert "Email bob@example.com" in page
    assert "Pay $10.00" in page


def test_a_subscription_says_how_often_it_is_paid(shop: Shop) -> None:
    page = words(shop.browser.get(f"/c/pay/{shop.checkout('subscription')}"))
    assert "Subscribe to CleverAI Pro $29.00 per month" in page
    assert "until you cancel" in page


def test_paying_leads_back_with_the_id_of_the_session(shop: Shop) -> None:
    session_id = shop.checkout()
    answer = shop.pay(session_id)
    assert answer.status_code == 303
    assert answer.location == f"{SITE}/paid/?session={session_id}"
    assert shop.session(session_id).payment_status == "paid"
    [charge] = shop.paid_charges()
    assert (charge.amount, charge.billing_details.name) == (1000, "Bob Baker")


@pytest.mark.parametrize(
    ("number", "message"),
    [(DECLINED, "Your card was declined."), (POOR, "Your card has insufficient funds.")],
)
def test_a_declined_card_says_so_and_another_one_pays(shop: Shop, number: str, message: str) -> None:
    session_id = shop.checkout()
    answer = shop.pay(session_id, number)
    assert answer.status_code == 200
    assert alert_in(answer.text) == message
    assert f'value="{number}"' in answer.text
    assert shop.session(session_id).status == "open"
    assert shop.paid_charges() == []
    assert shop.pay(session_id, PAYS).status_code == 303
    assert len(shop.paid_charges()) == 1


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("number", "4242 4242", "Your card number is incomplete."),
        ("number", "", "Your card number is incomplete."),
        ("number", "4242 4242 4242 4241", "Your card number is invalid."),
        ("number", "4242x4242y4242z4242", "Your card number is invalid."),
        ("number", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "Your card number is invalid."),
        ("expiry", "", "Your card’s expiration date is incomplete."),
        ("expiry", "13 / 34", "Your card’s expiration date is incomplete."),
        ("expiry", "12 / 20", "Your card’s expiration year is in the past."),
        ("cvc", "12", "Your card’s security code is incomplete."),
        ("name", "  ", "Required"),
    ],
)
def test_a_wrong_field_is_named_where_it_stands_and_nothing_is_tried(
    shop: Shop, field: str, typed: str, message: str
) -> None:
    session_id = shop.checkout()
    answer = shop.browser.post(f"/c/pay/{session_id}", data={"number": PAYS, **CARD, field: typed})
    assert answer.status_code == 200
    assert f'<p class="error" id="{field}-error">{message}</p>' in answer.text
    assert f'aria-describedby="{field}-error" autofocus' in answer.text
    assert answer.text.count('class="error"') == 1
    assert shop.session(session_id).status == "open"
    assert shop.api.charges.list().data == []


def test_a_card_is_good_to_the_end_of_its_month(shop: Shop) -> None:
    today = time.gmtime(shop.engine.now()).tm_mday
    shop.engine.advance_to(shop.engine.now() + (45 - today) * DAY)  # the middle of a month, which won't end meanwhile
    now = time.gmtime(shop.engine.now())
    last_month = f"{(now.tm_mon - 2) % 12 + 1:02} / {(now.tm_year - (now.tm_mon == 1)) % 100}"
    session_id = shop.checkout()
    refused = shop.pay(session_id, expiry=last_month)
    assert "in the past." in refused.text
    assert shop.pay(session_id, expiry=f"{now.tm_mon:02} / {now.tm_year % 100}").status_code == 303


def test_three_d_secure_asks_first_and_pays_when_confirmed(shop: Shop) -> None:
    session_id = shop.checkout()
    asked = shop.pay(session_id, ASKS)
    assert "Your bank asks: is it you?" in words(asked)
    assert f'name="number" value="{ASKS}"' in asked.text
    assert shop.paid_charges() == []
    assert shop.pay(session_id, ASKS, three_d_secure="complete").status_code == 303
    assert len(shop.paid_charges()) == 1


def test_three_d_secure_can_fail_and_another_card_pays(shop: Shop) -> None:
    session_id = shop.checkout()
    failed = shop.pay(session_id, ASKS, three_d_secure="fail")
    assert "We are unable to authenticate your payment method." in words(failed)
    assert shop.session(session_id).status == "open"
    assert shop.pay(session_id).status_code == 303


def test_submitting_twice_pays_once_and_leads_back_both_times(shop: Shop) -> None:
    session_id = shop.checkout()
    first, second = shop.pay(session_id), shop.pay(session_id)
    assert (first.status_code, first.location) == (second.status_code, second.location)
    assert second.status_code == 303
    assert len(shop.paid_charges()) == 1


def test_submitting_from_many_tabs_at_once_pays_once(shop: Shop) -> None:
    session_id = shop.checkout()
    together = threading.Barrier(8)

    def submit(_: int) -> int:
        tab = shop.browser.application.test_client()
        together.wait()
        return tab.post(f"/c/pay/{session_id}", data={"number": PAYS, **CARD}).status_code

    with ThreadPoolExecutor(8) as tabs:
        assert list(tabs.map(submit, range(8))) == [303] * 8
    assert len(shop.paid_charges()) == 1


def test_a_paid_session_says_that_it_is_paid(shop: Shop) -> None:
    session_id = shop.checkout()
    shop.pay(session_id)
    page = shop.browser.get(f"/c/pay/{session_id}")
    assert "You’re all done here" in words(page)
    assert f'href="{SITE}/paid/?session={session_id}"' in page.text
    assert "<form" not in page.text


def test_an_expired_session_takes_no_money(shop: Shop) -> None:
    session_id = shop.checkout()
    shop.engine.advance_to(shop.engine.now() + DAY + 1)
    for page in (shop.browser.get(f"/c/pay/{session_id}"), shop.pay(session_id)):
        assert "This session has expired" in words(page)
        assert f'href="{SITE}/cancelled/"' in page.text
    assert shop.api.charges.list().data == []


def test_an_unknown_session_is_not_found(shop: Shop) -> None:
    assert shop.browser.get("/c/pay/cs_test_none").status_code == 404
    assert shop.pay(shop.bob).status_code == 404


def test_going_back_leads_to_the_cancel_page(shop: Shop) -> None:
    session_id = shop.checkout()
    page = shop.browser.get(f"/c/pay/{session_id}").text
    assert f'href="{SITE}/cancelled/" aria-label="Back to CleverAI"' in page
    assert shop.session(session_id).status == "open"


def test_a_test_card_fills_the_form_in_by_its_link(shop: Shop) -> None:
    session_id = shop.checkout()
    page = shop.browser.get(f"/c/pay/{session_id}?card=4000000000000341").text
    assert 'name="number" value="4000 0000 0000 0341"' in page
    assert 'name="expiry" value="12 / 34"' in page
    strange = shop.browser.get(f"/c/pay/{session_id}?card=1234").text
    assert 'name="number" value=""' in strange


def test_a_guest_is_asked_for_an_address(shop: Shop) -> None:
    session_id = shop.checkout(customer=None)
    assert '<label for="email">Email</label>' in shop.browser.get(f"/c/pay/{session_id}").text
    for email, message in (("", "Required"), ("carla", "Your email is invalid.")):
        refused = shop.pay(session_id, email=email)
        assert f'id="email-error">{message}' in refused.text
    assert shop.pay(session_id, email="carla@example.com").status_code == 303
    assert shop.session(session_id).customer_details.email == "carla@example.com"


def test_names_are_shown_as_text(shop: Shop) -> None:
    product = shop.api.products.create({"name": "<script>alert(1)</script>"})
    price = shop.api.prices.create({"product": product.id, "unit_amount": 500, "currency": "usd"})
    session_id = shop.checkout(line_items=[{"price": price.id, "quantity": 2}])
    page = shop.browser.get(f"/c/pay/{session_id}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Qty 2" in page
