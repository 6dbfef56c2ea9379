"""Lists: pages, filters, and what `expand` brings along."""

from sandbox.tests.stripe.conftest import Shop


def test_a_list_is_read_page_by_page_from_the_newest(shop: Shop) -> None:
    made = [shop.stripe.customers.create({"name": str(number)}).id for number in range(25)]

    page = shop.stripe.customers.list({"limit": 10})
    assert [customer.id for customer in page.data] == made[:-11:-1]
    assert page.has_more
    assert [customer.id for customer in page.auto_paging_iter()] == [*made[::-1], shop.alice]


def test_a_page_before_another_stands_in_the_same_order(shop: Shop) -> None:
    made = [shop.stripe.customers.create({"name": str(number)}).id for number in range(6)]

    page = shop.stripe.customers.list({"limit": 2, "ending_before": made[1]})

    assert [customer.id for customer in page.data] == [made[3], made[2]]
    assert page.has_more


def test_the_last_page_says_that_it_is(shop: Shop) -> None:
    page = shop.stripe.customers.list({"limit": 1})

    assert [customer.id for customer in page.data] == [shop.alice]
    assert not page.has_more


def test_a_cursor_that_is_not_in_the_list_is_refused(shop: Shop, refused) -> None:
    assert refused(shop.stripe.customers.list, {"starting_after": "cus_none"}).param == "starting_after"


def test_a_page_has_at_most_a_hundred(shop: Shop, refused) -> None:
    assert refused(shop.stripe.customers.list, {"limit": 101}).param == "limit"
    assert refused(shop.stripe.customers.list, {"limit": 0}).param == "limit"


def test_lists_are_filtered_by_when_their_objects_came(shop: Shop) -> None:
    first = shop.buy()
    shop.engine.advance_to(shop.engine.now() + 60)
    second = shop.buy()
    moment = shop.engine.now()

    def found(created):
        return [payment.id for payment in shop.stripe.payment_intents.list({"created": created}).data]

    assert found({"gte": moment}) == [second]
    assert found({"gt": moment}) == []
    assert found({"lt": moment}) == [first]
    assert found({"lte": moment}) == [second, first]
    assert found(moment) == [second]


def test_sessions_are_found_by_what_came_of_them(shop: Shop) -> None:
    payment = shop.buy()
    subscription = shop.subscribe()
    still_open = shop.checkout().id
    sessions = shop.stripe.checkout.sessions

    [bought] = sessions.list({"payment_intent": payment}).data
    [subscribed] = sessions.list({"subscription": subscription}).data
    assert (bought.mode, subscribed.mode) == ("payment", "subscription")
    assert [session.id for session in sessions.list({"status": "open"}).data] == [still_open]
    assert len(sessions.list({"customer": shop.alice}).data) == 3


def test_an_invoice_and_its_payment_find_each_other(shop: Shop) -> None:
    [invoice] = shop.invoices(shop.subscribe())

    [link] = shop.stripe.invoice_payments.list({"invoice": invoice.id}).data
    intent = link.payment.payment_intent
    payment = {"type": "payment_intent", "payment_intent": intent}
    assert shop.stripe.invoice_payments.list({"payment": payment}).data[0].invoice == invoice.id
    assert link.status == "paid"
    assert link.amount_paid == 2900


def test_line_items_are_shown_only_when_asked_for(shop: Shop) -> None:
    session = shop.checkout()
    sessions = shop.stripe.checkout.sessions

    assert "line_items" not in sessions.retrieve(session.id)
    full = sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert [item.price.id for item in full.line_items.data] == [shop.pack]
    [listed] = sessions.list({"expand": ["data.line_items"]}).data
    assert [item.price.id for item in listed.line_items.data] == [shop.pack]


def test_what_is_expanded_can_be_expanded_further(shop: Shop) -> None:
    session = shop.checkout("subscription")
    shop.engine.pay(session.id)

    full = shop.stripe.checkout.sessions.retrieve(
        session.id, {"expand": ["customer", "subscription.default_payment_method", "invoice.payments"]}
    )

    assert full.customer.email == "alice@example.com"
    assert full.subscription.default_payment_method.card.last4 == "4242"
    assert full.invoice.payments.data[0].status == "paid"


def test_what_can_not_be_expanded_is_refused(shop: Shop, refused) -> None:
    for path in ("email", "planet", "metadata.wallet", "invoice_settings.a.b.c.d"):
        assert refused(shop.stripe.customers.retrieve, shop.alice, {"expand": [path]}).param == "expand"
    assert refused(shop.stripe.customers.list, {"expand": ["subscriptions"]}).param == "expand"


def test_what_is_empty_stays_empty_when_expanded(shop: Shop) -> None:
    session = shop.stripe.checkout.sessions.retrieve(shop.checkout().id, {"expand": ["payment_intent.latest_charge"]})

    assert session.payment_intent is None


def test_events_are_listed_by_type_for_thirty_days(shop: Shop) -> None:
    shop.buy()
    events = shop.stripe.events

    assert [event.type for event in events.list({"type": "charge.*"}).data] == ["charge.succeeded"]
    wanted = {"types": ["checkout.session.completed", "customer.created"]}
    assert [event.type for event in events.list(wanted).data] == ["checkout.session.completed", "customer.created"]
    shop.engine.advance_to(shop.engine.now() + 31 * 86_400)
    assert events.list(wanted).data == []
