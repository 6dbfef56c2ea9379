"""No question to Stripe waits inside a transaction: it would keep a wallet locked for as long as Stripe takes."""

from django.db import transaction

from billing import gateway
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.undoing import undone


def test_the_shop_notices_a_question_inside_a_transaction(stripe: Shop) -> None:
    with transaction.atomic():
        gateway.fetch_prices(["plan_pro"])

    assert [asked.split(" ")[0] for asked in stripe.wire.asked_inside] == ["get"]
    stripe.wire.asked_inside.clear()


def test_a_tests_own_transaction_is_not_the_products(stripe: Shop) -> None:
    with undone():
        gateway.fetch_prices(["plan_pro"])

    assert stripe.wire.asked_inside == []
