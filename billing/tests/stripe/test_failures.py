"""G10: whatever fails while an event is handled, it is never marked done, and trying again ends in the same books."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from billing.models import StripeEvent
from billing.services import inbox
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.stories import Books, Event, books_of
from billing.tests.stripe.undoing import around, undone
from billing.webhooks import HANDLERS

MARKS = ("SAVEPOINT", "RELEASE", "ROLLBACK")
MOST_STEPS = 500


class Broken(Exception):
    """What no handler expects."""


@contextmanager
def broken_statement(number: int) -> Iterator[list[str]]:
    """Let the statement of this number, counted from 0, fail before it reaches the database; yield those so far."""
    statements: list[str] = []

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(MARKS):
            statements.append(sql)
            if len(statements) == number + 1:
                raise Broken(f"statement {number}: {sql[:60]}")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield statements


@contextmanager
def broken_answer(shop: Shop, number: int, failure: int | Exception) -> Iterator[list[str]]:
    """Let Stripe fail from the question of this number on, counted from 0; yield the questions so far."""
    ask, asked = shop.http.request, []

    def request(method: str, url: str, *args: Any, **options: Any) -> Any:
        asked.append(url)
        if len(asked) > number:
            shop.wire.fail_next(failure)
        return ask(method, url, *args, **options)

    shop.http.request = request
    try:
        yield asked
    finally:
        shop.http.request = ask


def pack(shop: Shop, customer: User) -> Event:
    shop.buy_pack(customer, deliver=False)
    (event,) = shop.take_events("checkout.session.completed")
    return event


def plan(shop: Shop, customer: User) -> Event:
    shop.subscribe(customer, deliver=False)
    (event,) = shop.take_events("customer.subscription.created")
    return event


def renewal(shop: Shop, customer: User) -> Event:
    shop.subscribe(customer)
    shop.renew(customer)
    (event,) = shop.take_events("invoice.paid")
    return event


def end_of_plan(shop: Shop, customer: User) -> Event:
    shop.subscribe(customer)
    shop.cancel_now(shop.subscription_of(customer).stripe_subscription_id)
    (event,) = shop.take_events("customer.subscription.deleted")
    return event


def refund(shop: Shop, customer: User) -> Event:
    """The pack's own events were lost, so that the refund is the first we hear of it."""
    checkout = shop.buy_pack(customer, deliver=False)
    shop.engine.refund(shop.payment_of(checkout), amount=250)
    (event,) = shop.take_events("refund.created")
    return event


def dispute(shop: Shop, customer: User) -> Event:
    checkout = shop.buy_pack(customer)
    shop.engine.dispute(shop.payment_of(checkout))
    (event,) = shop.take_events("charge.dispute.funds_withdrawn")
    return event


def deletion(shop: Shop, customer: User) -> Event:
    shop.buy_pack(customer)
    shop.delete_customer(customer)
    (event,) = shop.take_events("customer.deleted")
    return event


STORIES = {
    pack: "checkout.session.",
    plan: "customer.subscription.",
    renewal: "invoice.",
    end_of_plan: "customer.subscription.",
    refund: "refund.",
    dispute: "charge.dispute.",
    deletion: "customer.deleted",
}


def handled(shop: Shop, customer: User, event: Event) -> Books:
    """Return the books after the event went through without trouble, and take that back."""
    with undone():
        shop.receive(event)
        shop.work()
        assert StripeEvent.objects.get(stripe_event_id=event["id"]).status == "done"
        return books_of(customer)


def assert_is_made_up_for(shop: Shop, customer: User, event: Event, before: Books, after: Books) -> None:
    """The failed attempt wrote nothing but that it failed; the next one ends where the first would have."""
    row = StripeEvent.objects.get(stripe_event_id=event["id"])
    assert (row.status, row.finished_at) == ("pending", None)
    assert books_of(customer) == before
    shop.wait(inbox.LONGEST_DELAY)
    shop.work()
    row.refresh_from_db()
    assert row.status == "done"
    assert books_of(customer) == after


@pytest.mark.parametrize("story", STORIES)
def test_a_handler_that_breaks_at_any_statement_is_tried_again(
    stripe: Shop, alice: User, story: Callable[[Shop, User], Event], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    event = story(stripe, alice)
    assert event["type"].startswith(STORIES[story])
    before, after = books_of(alice), handled(stripe, alice, event)
    stripe.remember_answers()
    for number in range(MOST_STEPS):
        with undone():
            stripe.receive(event)
            event_row = StripeEvent.objects.get(stripe_event_id=event["id"])
            with broken_statement(number) as statements:
                try:
                    with transaction.atomic(), around():
                        stripe.handle(event_row)
                except Broken:
                    assert number < 3, "only while the clock is looked at and the event is claimed"
            if len(statements) <= number:
                break
            assert_is_made_up_for(stripe, alice, event, before, after)
    assert 5 < number < MOST_STEPS - 1


@pytest.mark.parametrize("failure", [500, 429, ConnectionError("reset"), ValueError("garbage")], ids=repr)
@pytest.mark.parametrize("story", STORIES)
def test_a_handler_that_gets_no_answer_from_stripe_is_tried_again(
    stripe: Shop,
    alice: User,
    story: Callable[[Shop, User], Event],
    failure: int | Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    event = story(stripe, alice)
    assert event["type"].startswith(STORIES[story])
    before, after = books_of(alice), handled(stripe, alice, event)
    for number in range(MOST_STEPS):
        with undone():
            stripe.receive(event)
            event_row = StripeEvent.objects.get(stripe_event_id=event["id"])
            with broken_answer(stripe, number, failure) as asked:
                stripe.handle(event_row)
            if len(asked) <= number:
                break
            assert_is_made_up_for(stripe, alice, event, before, after)
    assert 0 < number < MOST_STEPS - 1


def test_every_handler_has_its_story() -> None:
    assert set(STORIES.values()) == set(HANDLERS)
