"""Subscriptions through the months: periods, invoices, failures, changes and ends."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.stripe.errors import CardDeclined
from sandbox.tests.stripe.conftest import Shop, moment

HOUR, DAY = 3600, 86_400


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T09:30:00+00:00")


def test_the_first_invoice_is_paid_inside_checkout(shop: Shop) -> None:
    subscription = shop.subscribe(subscription_data={"metadata": {"wallet": "7"}})

    assert shop.told() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "payment_method.attached",
        "invoice.created",
        "customer.subscription.created",
        "invoice.finalized",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "checkout.session.completed",
    ]
    [invoice] = shop.invoices(subscription)
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == ("paid", "subscription_create", 2900)
    details = invoice.parent.subscription_details
    assert (details.subscription, details.metadata.to_dict()) == (subscription, {"wallet": "7"})
    [line] = invoice.lines.data
    assert line.pricing.price_details.price == shop.plan
    assert line.parent.subscription_item_details.proration is False
    assert (moment(line.period.start), moment(line.period.end)) == (at("2027-01-31"), at("2027-02-28"))
    session = shop.stripe.checkout.sessions.list({"subscription": subscription}).data[0]
    assert (session.invoice, session.payment_intent) == (invoice.id, None)


def test_months_are_counted_from_the_anchor_and_never_drift(shop: Shop) -> None:
    subscription = shop.subscribe()
    ends = []
    for _ in range(14):
        renewal = shop.engine.next_renewal(subscription)
        ends.append(moment(renewal).strftime("%m-%d"))
        shop.engine.advance_to(renewal + HOUR)

    assert ends == [
        "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31", "01-31",
        "02-29", "03-31",
    ]  # fmt: skip
    assert all(invoice.status == "paid" for invoice in shop.invoices(subscription))
    assert len(shop.invoices(subscription)) == 15


@pytest.mark.parametrize(
    ("recurring", "ends"),
    [
        ({"interval": "day", "interval_count": 3}, ["2027-02-03", "2027-02-06", "2027-02-09"]),
        ({"interval": "week"}, ["2027-02-07", "2027-02-14", "2027-02-21"]),
        ({"interval": "month", "interval_count": 3}, ["2027-04-30", "2027-07-31", "2027-10-31"]),
        ({"interval": "year"}, ["2028-01-31", "2029-01-31", "2030-01-31"]),
    ],
)
def test_every_interval_has_its_periods(shop: Shop, recurring, ends) -> None:
    shop.plan = shop.price(500, "other", name="Other", recurring=recurring)
    subscription = shop.subscribe()
    found = []
    for _ in ends:
        renewal = shop.engine.next_renewal(subscription)
        found.append(moment(renewal))
        shop.engine.advance_to(renewal)
        assert shop.period(subscription)[0] == moment(renewal)

    assert found == [at(end) for end in ends]


def test_a_renewal_is_a_draft_for_an_hour_and_then_paid(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.engine.take_events()
    renewal = shop.engine.next_renewal(subscription)
    shop.engine.advance_to(renewal - 1)
    assert shop.told() == []

    shop.engine.advance_to(renewal + HOUR - 1)

    assert shop.told() == ["invoice.created", "customer.subscription.updated"]
    draft = shop.invoices(subscription)[-1]
    assert (draft.status, draft.billing_reason, draft.number) == ("draft", "subscription_cycle", None)
    assert (moment(draft.lines.data[0].period.start), moment(draft.lines.data[0].period.end)) == (
        at("2027-02-28"),
        at("2027-03-31"),
    )
    assert (moment(draft.period_start), moment(draft.period_end)) == (at("2027-01-31"), at("2027-02-28"))
    assert shop.period(subscription) == (at("2027-02-28"), at("2027-03-31"))

    shop.engine.advance_to(renewal + HOUR)

    assert shop.told() == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    paid = shop.stripe.invoices.retrieve(draft.id)
    assert (paid.status, paid.status_transitions.paid_at) == ("paid", renewal + HOUR)


def test_a_renewal_keeps_the_metadata_of_its_day(shop: Shop) -> None:
    subscription = shop.subscribe(subscription_data={"metadata": {"wallet": "7"}})
    shop.engine.advance_to(shop.engine.next_renewal(subscription))
    shop.stripe.subscriptions.update(subscription, {"metadata": {"wallet": "8"}})

    assert shop.invoices(subscription)[-1].parent.subscription_details.metadata.to_dict() == {"wallet": "7"}


def test_each_event_has_the_time_at_which_it_was_due(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.engine.take_events()
    renewal = shop.engine.next_renewal(subscription)

    shop.engine.advance_to(renewal + 40 * DAY)

    created = [event["created"] for event in shop.engine.take_events() if event["type"].startswith("invoice.")]
    assert created == sorted(created)
    assert set(created) == {renewal, renewal + HOUR, renewal + 31 * DAY, renewal + 31 * DAY + HOUR}


def test_a_card_that_fails_later_goes_past_due_is_retried_and_ends(shop: Shop) -> None:
    subscription = shop.subscribe("4000000000000341")
    renewal = shop.engine.next_renewal(subscription)
    first = renewal + HOUR
    seen = []
    for days in (0, 3, 8):
        shop.engine.advance_to(first + days * DAY)
        invoice = shop.invoices(subscription)[-1]
        status = shop.stripe.subscriptions.retrieve(subscription).status
        seen.append((status, invoice.status, invoice.attempt_count, (invoice.next_payment_attempt - first) // DAY))
    assert seen == [("past_due", "open", 1, 3), ("past_due", "open", 2, 8), ("past_due", "open", 3, 15)]
    shop.engine.take_events()

    shop.engine.advance_to(first + 15 * DAY)

    assert shop.told() == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.deleted",
        "invoice.updated",
    ]
    ended = shop.stripe.subscriptions.retrieve(subscription)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    shop.engine.advance_to(first + 90 * DAY)
    assert shop.told() == []
    assert len(shop.invoices(subscription)) == 2


def test_a_new_card_pays_at_the_next_attempt(shop: Shop) -> None:
    subscription = shop.subscribe("4000000000000341")
    first = shop.engine.next_renewal(subscription) + HOUR
    shop.engine.advance_to(first)
    shop.engine.set_card(shop.alice, "4242424242424242")

    shop.engine.advance_to(first + 3 * DAY)

    assert shop.stripe.subscriptions.retrieve(subscription).status == "active"
    assert shop.invoices(subscription)[-1].status == "paid"
    assert shop.period(subscription) == (at("2027-02-28"), at("2027-03-31"))


def test_an_open_invoice_is_paid_by_request(shop: Shop, refused) -> None:
    subscription = shop.subscribe("4000000000000341")
    shop.engine.advance_to(shop.engine.next_renewal(subscription) + HOUR)
    invoice = shop.invoices(subscription)[-1]

    error = refused(shop.stripe.invoices.pay, invoice.id)
    assert (error.kind, error.status, error.code) == ("CardError", 402, "card_declined")
    assert error.body["decline_code"] == "generic_decline"
    assert error.body["payment_intent"]["status"] == "requires_payment_method"
    assert shop.stripe.invoices.retrieve(invoice.id).attempt_count == 2

    shop.engine.set_card(shop.alice, "4242424242424242")
    assert shop.stripe.invoices.pay(invoice.id).status == "paid"
    assert shop.stripe.subscriptions.retrieve(subscription).status == "active"
    assert "already paid" in refused(shop.stripe.invoices.pay, invoice.id).message


def test_a_bank_that_wants_to_see_the_customer_asks_for_action(shop: Shop) -> None:
    session = shop.checkout("subscription")
    shop.engine.pay(session.id, "4000002760003184", three_d_secure=True)
    subscription = shop.stripe.checkout.sessions.retrieve(session.id).subscription
    shop.engine.take_events()

    shop.engine.advance_to(shop.engine.next_renewal(subscription) + HOUR)

    assert {"invoice.payment_failed", "invoice.payment_action_required"} <= set(shop.told())


def test_a_declined_card_starts_no_subscription(shop: Shop) -> None:
    session = shop.checkout("subscription")
    with pytest.raises(CardDeclined):
        shop.engine.pay(session.id, "4000000000000002")

    assert shop.stripe.subscriptions.list({"customer": shop.alice, "status": "all"}).data == []
    assert shop.stripe.invoices.list().data == []


def test_cancelling_at_the_period_s_end_ends_it_then_without_an_invoice(shop: Shop) -> None:
    subscription = shop.subscribe()
    renewal = shop.engine.next_renewal(subscription)
    changed = shop.stripe.subscriptions.update(subscription, {"cancel_at_period_end": True})
    assert (changed.status, changed.cancel_at, changed.cancel_at_period_end) == ("active", renewal, True)
    assert shop.engine.next_renewal(subscription) is None
    shop.engine.take_events()

    shop.engine.advance_to(renewal + DAY)

    assert shop.told() == ["customer.subscription.deleted"]
    ended = shop.stripe.subscriptions.retrieve(subscription)
    assert (ended.status, ended.ended_at) == ("canceled", renewal)
    assert len(shop.invoices(subscription)) == 1


def test_a_cancellation_can_be_taken_back(shop: Shop) -> None:
    subscription = shop.subscribe()
    shop.stripe.subscriptions.update(subscription, {"cancel_at_period_end": True})
    shop.stripe.subscriptions.update(subscription, {"cancel_at_period_end": False})

    renewal = shop.engine.next_renewal(subscription)
    shop.engine.advance_to(renewal + HOUR)

    live = shop.stripe.subscriptions.retrieve(subscription)
    assert (live.status, live.cancel_at, live.canceled_at) == ("active", None, None)
    assert len(shop.invoices(subscription)) == 2


def test_it_can_end_at_a_moment_of_its_own(shop: Shop) -> None:
    subscription = shop.subscribe()
    noon = shop.engine.now() + 10 * DAY
    shop.stripe.subscriptions.update(subscription, {"cancel_at": noon})

    shop.engine.advance_to(noon)

    assert shop.stripe.subscriptions.retrieve(subscription).ended_at == noon


def test_cancelling_at_once_ends_it_at_once(shop: Shop, refused) -> None:
    subscription = shop.subscribe()

    assert shop.stripe.subscriptions.cancel(subscription).status == "canceled"
    assert refused(shop.stripe.subscriptions.cancel, subscription).status == 404


def test_a_dearer_plan_in_mid_period_is_prorated_on_the_next_invoice(shop: Shop) -> None:
    subscription = shop.subscribe()
    team = shop.price(5900, "team", name="Team", recurring={"interval": "month"})
    item = shop.stripe.subscriptions.retrieve(subscription)["items"].data[0].id
    shop.engine.advance_to(shop.engine.now() + 14 * DAY)

    shop.stripe.subscriptions.update(subscription, {"items": [{"id": item, "price": team}]})
    shop.engine.advance_to(shop.engine.next_renewal(subscription) + HOUR)

    invoice = shop.invoices(subscription)[-1]
    lines = invoice.lines.data
    assert [line.amount for line in lines] == [-1450, 2950, 5900]
    assert [line.parent.subscription_item_details.proration for line in lines] == [True, True, False]
    assert [line.pricing.price_details.price for line in lines] == [shop.plan, team, team]
    assert invoice.amount_paid == 7400


def test_a_proration_can_be_invoiced_at_once(shop: Shop) -> None:
    subscription = shop.subscribe()
    team = shop.price(5900, "team", name="Team", recurring={"interval": "month"})
    item = shop.stripe.subscriptions.retrieve(subscription)["items"].data[0].id
    shop.engine.advance_to(shop.engine.now() + 14 * DAY)

    change = {"items": [{"id": item, "price": team}], "proration_behavior": "always_invoice"}
    changed = shop.stripe.subscriptions.update(subscription, change)

    invoice = shop.stripe.invoices.retrieve(changed.latest_invoice)
    assert (invoice.billing_reason, invoice.status, invoice.amount_paid) == ("subscription_update", "paid", 1500)


def test_what_a_cheaper_plan_gives_back_is_used_by_the_next_invoices(shop: Shop) -> None:
    shop.plan = shop.price(9000, "large", name="Large", recurring={"interval": "month"})
    subscription = shop.subscribe()
    small = shop.price(1000, "small", name="Small", recurring={"interval": "month"})
    item = shop.stripe.subscriptions.retrieve(subscription)["items"].data[0].id
    shop.engine.advance_to(shop.engine.now() + 14 * DAY)

    change = {"items": [{"id": item, "price": small}], "proration_behavior": "always_invoice"}
    changed = shop.stripe.subscriptions.update(subscription, change)

    credit = shop.stripe.invoices.retrieve(changed.latest_invoice)
    assert (credit.total, credit.amount_due, credit.status, credit.ending_balance) == (-4000, 0, "paid", -4000)
    shop.engine.advance_to(shop.engine.next_renewal(subscription) + HOUR)
    assert shop.invoices(subscription)[-1].amount_due == 0
    assert shop.stripe.customers.retrieve(shop.alice).balance == -3000


def test_a_customer_on_a_test_clock_follows_it_alone(shop: Shop) -> None:
    clocks = shop.stripe.test_helpers.test_clocks
    start = int(datetime(2030, 5, 31, tzinfo=UTC).timestamp())
    clock = clocks.create({"frozen_time": start}).id
    bob = shop.stripe.customers.create({"email": "bob@example.com", "test_clock": clock}).id
    alices = shop.subscribe()
    bobs = str(shop.engine.pay(shop.checkout("subscription", customer=bob).id)["subscription"])
    assert shop.period(bobs)[0] == moment(start)

    clocks.advance(clock, {"frozen_time": start + 31 * DAY})

    assert len(shop.invoices(bobs)) == 2
    assert len(shop.invoices(alices)) == 1
    assert shop.engine.now() == int(shop.real)
    shop.engine.advance_to(shop.engine.now() + 29 * DAY)
    assert len(shop.invoices(bobs)) == 2
    assert len(shop.invoices(alices)) == 2


def test_a_test_clock_only_goes_on(shop: Shop, refused) -> None:
    clock = shop.stripe.test_helpers.test_clocks.create({"frozen_time": 2_000_000_000})

    error = refused(shop.stripe.test_helpers.test_clocks.advance, clock.id, {"frozen_time": 2_000_000_000})
    assert error.param == "frozen_time"


def test_a_deleted_test_clock_takes_its_customers_along(shop: Shop, refused) -> None:
    clocks = shop.stripe.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": shop.engine.now()}).id
    bob = shop.stripe.customers.create({"email": "bob@example.com", "test_clock": clock}).id
    session = shop.checkout("subscription", customer=bob)
    subscription = str(shop.engine.pay(session.id, "4000000000000341")["subscription"])
    still_open = shop.checkout(customer=bob).id
    clocks.advance(clock, {"frozen_time": shop.engine.now() + 30 * DAY})
    assert shop.stripe.subscriptions.retrieve(subscription).status == "past_due"

    clocks.delete(clock)
    shop.engine.take_events()
    shop.engine.advance_to(shop.engine.now() + 100 * DAY)

    assert shop.told() == []
    assert shop.stripe.customers.retrieve(bob).deleted
    assert shop.stripe.subscriptions.retrieve(subscription).status == "canceled"
    assert shop.stripe.checkout.sessions.retrieve(still_open).status == "expired"
    assert refused(clocks.retrieve, clock).status == 404


def test_what_is_due_in_many_accounts_happens_in_order(shop: Shop) -> None:
    bob = shop.stripe.customers.create({"email": "bob@example.com"}).id
    shop.subscribe()
    shop.engine.advance_to(shop.engine.now() + 5 * DAY)
    shop.engine.pay(shop.checkout("subscription", customer=bob).id)
    shop.engine.take_events()

    shop.engine.advance_to(shop.engine.now() + 100 * DAY)

    created = [event["created"] for event in shop.engine.take_events()]
    assert created == sorted(created)
    assert timedelta(seconds=created[-1] - created[0]) > timedelta(days=60)
