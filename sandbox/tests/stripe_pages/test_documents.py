"""Invoices and receipts."""

from sandbox.tests.stripe_pages.shop import FAILS_LATER, Shop


def _receipt(shop: Shop) -> str:
    [charge] = shop.paid_charges()
    return str(charge.receipt_url).removeprefix(shop.engine.base_url)


def test_a_pack_has_a_receipt(shop: Shop) -> None:
    shop.pay(shop.checkout())
    page = shop.text(_receipt(shop))
    assert "Receipt from CleverAI $10.00" in page
    assert "Payment method Visa •••• 4242" in page
    assert "1,000 credits $10.00 Amount charged $10.00" in page
    assert "Refunded" not in page


def test_a_receipt_shows_what_was_refunded(shop: Shop) -> None:
    session_id = shop.checkout()
    shop.pay(session_id)
    shop.engine.refund(shop.session(session_id).payment_intent, 250)
    page = shop.text(_receipt(shop))
    assert "Partly refunded" in page
    assert "Refunded −$2.50 Adjusted total $7.50" in page


def test_a_paid_invoice_leads_to_its_receipt(shop: Shop) -> None:
    shop.subscribe()
    [invoice] = shop.api.invoices.list().data
    path = invoice.hosted_invoice_url.removeprefix(shop.engine.base_url)
    page = shop.text(path)
    assert "Invoice paid $29.00" in page
    assert f"Invoice number {invoice.number}" in page
    assert "Amount paid $29.00" in page
    assert _receipt(shop) in shop.browser.get(path).text
    assert "1 × CleverAI Pro (at $29.00 / month) $29.00" in shop.text(_receipt(shop))


def test_an_invoice_that_cannot_be_paid_says_why_and_stays_open(shop: Shop) -> None:
    subscription = shop.subscribe(FAILS_LATER)
    due = shop.engine.next_renewal(subscription)
    assert due
    shop.engine.advance_to(due + 3600)
    [invoice] = shop.api.invoices.list({"status": "open"}).data
    page = shop.text(f"/i/{invoice.id}")
    assert "Invoice due $29.00" in page
    assert "Next attempt" in page
    shop.engine.fail_next_payment(shop.bob)
    refused = shop.browser.post(f"/i/{invoice.id}")
    assert "Your card was declined." in refused.text
    assert shop.api.invoices.retrieve(invoice.id).status == "open"


def test_paying_an_invoice_twice_charges_once(shop: Shop) -> None:
    shop.subscribe()
    [invoice] = shop.api.invoices.list().data
    assert shop.browser.post(f"/i/{invoice.id}").status_code == 303
    assert len(shop.paid_charges()) == 1


def test_unknown_documents_are_not_found(shop: Shop) -> None:
    for path in ("/i/in_none", "/receipts/ch_none", f"/receipts/{shop.bob}"):
        assert shop.browser.get(path).status_code == 404
    assert shop.browser.post("/i/in_none").status_code == 404
