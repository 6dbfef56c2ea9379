"""Whoever posts to our webhook: only what our Stripe signed just now gets in, once, and it moves no credits by itself.

The endpoint is asked over HTTP, with every middleware; an exception in it would fail the test.
"""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import LedgerEntry, StripeEvent, Wallet
from billing.services import proof
from billing.tests.stripe.shop import Shop
from billing.units import CREDIT
from billing.views.webhooks import LARGEST_BODY

pytestmark = pytest.mark.django_db
FLIPS, FLIPS_IN_THE_LONG_RUN = 500, 10_000
FORGED, REFUSED, TOO_LARGE, NOT_ALLOWED, TAKEN = 400, 400, 413, 405, 200


@pytest.fixture
def event(stripe: Shop, alice: User) -> dict[str, Any]:
    """A paid pack, of which Stripe has still to tell us."""
    stripe.buy_pack(alice, deliver=False)
    (completed,) = stripe.take_events("checkout.session.completed")
    return completed


@pytest.fixture
def _nothing_moves(event: dict[str, Any], stripe: Shop, django_capture_on_commit_callbacks: Any) -> Iterator[None]:
    """Whatever the test posts: no event in the inbox, no task, no entry; and then the true event still gets in."""
    before = books()
    with django_capture_on_commit_callbacks() as hints:
        yield
    assert hints == []
    assert books() == before
    assert StripeEvent.objects.count() == 0
    assert stripe.post(event).status_code == TAKEN
    assert StripeEvent.objects.get().stripe_event_id == event["id"]


def books() -> list[Any]:
    return [
        *Wallet.objects.order_by("pk").values_list("pk", "available", "held", "sequence"),
        *LedgerEntry.objects.order_by("pk").values_list("pk", "available_change"),
    ]


def body_of(event: Any) -> bytes:
    return json.dumps(event).encode()


def send(body: bytes, signature: str | None, **options: Any) -> HttpResponse:
    """Post without cookies or a CSRF token, as a stranger does."""
    headers = {} if signature is None else {"stripe-signature": signature}
    content_type = options.pop("content_type", "application/json")
    client = Client(enforce_csrf_checks=True)
    return client.post(reverse("stripe_webhook"), body, content_type=content_type, headers=headers, **options)


def flipped(data: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8) if place == bit // 8 else byte for place, byte in enumerate(data))


def check_flips(number: int, event: dict[str, Any], shop: Shop) -> None:
    chance = random.Random(11)
    body = body_of(event)
    header = shop.sign(body).encode()
    for _ in range(number):
        if chance.random() < 0.5:
            answer = send(flipped(body, chance.randrange(len(body) * 8)), header.decode())
        else:
            answer = send(body, flipped(header, chance.randrange(len(header) * 8)).decode("latin-1"))
        assert answer.status_code == FORGED


@pytest.mark.usefixtures("_nothing_moves")
class TestForgedAndOld:
    def test_no_flipped_bit_gets_in(self, event: dict[str, Any], stripe: Shop) -> None:
        check_flips(FLIPS, event, stripe)

    @pytest.mark.long
    def test_no_flipped_bit_gets_in_in_the_long_run(self, event: dict[str, Any], stripe: Shop) -> None:
        check_flips(FLIPS_IN_THE_LONG_RUN, event, stripe)

    @pytest.mark.parametrize("signature", [None, "", "t=1,v1=", "v1=abc", "t=soon,v1=abc", "Bearer abc", "=" * 10_000])
    def test_without_a_signature_nothing_gets_in(self, event: dict[str, Any], signature: str | None) -> None:
        assert send(body_of(event), signature).status_code == FORGED

    def test_a_stranger_who_knows_the_body_but_no_secret_does_not_get_in(
        self, event: dict[str, Any], stripe: Shop
    ) -> None:
        body = body_of(event)

        assert send(body, stripe.sign(body, secret="whsec_of_somebody_else")).status_code == FORGED
        assert send(body, stripe.sign(body, secret=settings.STRIPE_SECRET_KEY)).status_code == FORGED

    def test_the_signature_of_one_body_is_worth_nothing_for_another(self, event: dict[str, Any], stripe: Shop) -> None:
        signature = stripe.sign(body_of(event))

        assert send(body_of({**event, "id": "evt_another"}), signature).status_code == FORGED
        assert send(body_of(event) + b" ", signature).status_code == FORGED

    @pytest.mark.parametrize("seconds", [-301, -3_600, 301, 3_600])
    def test_neither_an_old_event_nor_one_from_the_future_gets_in(
        self, event: dict[str, Any], stripe: Shop, seconds: int
    ) -> None:
        body = body_of(event)

        answer = send(body, stripe.sign(body, at=stripe.now() + timedelta(seconds=seconds)))

        assert answer.status_code == REFUSED

    def test_a_secret_that_was_taken_away_opens_nothing(
        self, event: dict[str, Any], stripe: Shop, settings: Any
    ) -> None:
        body = body_of(event)
        signature = stripe.sign(body, secret="whsec_older")
        settings.STRIPE_WEBHOOK_SECRETS = [settings.STRIPE_WEBHOOK_SECRETS[0]]

        assert send(body, signature).status_code == FORGED


@pytest.mark.usefixtures("_nothing_moves")
class TestSignedButNotOurs:
    """Signed with our secret, and still nothing that could be kept or followed."""

    @pytest.mark.parametrize(
        "change",
        [
            {"livemode": True},
            {"api_version": "2020-08-27"},
            {"api_version": None},
            {"object": "v2.core.event"},
            {"object": None},
            {"id": None},
            {"id": ""},
            {"id": 17},
            {"id": ["evt_1"]},
            {"id": "evt_\0"},
            {"id": "e" * 256},
            {"type": None},
            {"type": "t" * 101},
            {"type": {"of": "event"}},
            {"created": "now"},
            {"created": -(10**18)},
            {"created": 10**18},
            {"created": []},
            {"data": None},
            {"data": "cs_1"},
            {"data": {}},
            {"data": {"object": None}},
            {"data": {"object": []}},
            {"data": {"object": {"id": {"$ne": ""}}}},
            {"data": {"object": {"id": "cs_\0"}}},
            {"data": {"object": {"id": "c" * 256}}},
        ],
        ids=str,
    )
    def test_an_event_of_another_shape_mode_or_version_is_refused(
        self, event: dict[str, Any], stripe: Shop, change: dict[str, Any]
    ) -> None:
        body = body_of(event | change)

        answer = send(body, stripe.sign(body))

        assert answer.status_code == REFUSED

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\x00",
            b"\xff\xfe\x00",
            b"\xef\xbb\xbf{}",
            b"null",
            b"true",
            b"17",
            b"[]",
            b"{",
            b'{"object": "event"}',
            b'{"object": "event", "id": NaN}',
            b"[" * 100_000,
            b'{"a":' * 50_000,
            b"9" * 100_000,
            b"id=evt_1&object=event",
            b"<event/>",
        ],
        ids=lambda body: body[:20].decode("latin-1"),
    )
    def test_a_body_that_is_no_event_is_refused(self, stripe: Shop, body: bytes) -> None:
        assert send(body, stripe.sign(body)).status_code == REFUSED

    def test_a_huge_body_is_refused_before_anything_is_made_of_it(self, event: dict[str, Any], stripe: Shop) -> None:
        body = body_of(event)
        huge = body + b" " * (LARGEST_BODY + 1 - len(body))

        answer = send(huge, stripe.sign(huge))

        assert answer.status_code == TOO_LARGE

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    def test_only_posts_are_taken(self, event: dict[str, Any], stripe: Shop, method: str) -> None:
        body = body_of(event)
        client = Client(enforce_csrf_checks=True)

        answer = client.generic(
            method,
            reverse("stripe_webhook"),
            body,
            content_type="application/json",
            headers={"stripe-signature": stripe.sign(body)},
        )

        assert answer.status_code == NOT_ALLOWED
        assert answer.headers["Allow"] == "POST"


class TestWhatGetsIn:
    @pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
    def test_what_was_signed_within_five_minutes(self, event: dict[str, Any], stripe: Shop, seconds: int) -> None:
        body = body_of(event)

        assert send(body, stripe.sign(body, at=stripe.now() + timedelta(seconds=seconds))).status_code == TAKEN
        assert StripeEvent.objects.count() == 1

    def test_either_secret_while_one_replaces_the_other(
        self, event: dict[str, Any], stripe: Shop, settings: Any
    ) -> None:
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_newer", "whsec_older"]

        for number, secret in enumerate(settings.STRIPE_WEBHOOK_SECRETS, start=1):
            body = body_of(event | {"id": f"evt_{number}"})
            assert send(body, stripe.sign(body, secret=secret)).status_code == TAKEN

        assert StripeEvent.objects.count() == 2

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "\0"]
    )
    def test_whatever_its_body_is_called(self, event: dict[str, Any], stripe: Shop, content_type: str) -> None:
        body = body_of(event)

        assert send(body, stripe.sign(body), content_type=content_type).status_code == TAKEN
        assert StripeEvent.objects.get().payload["id"] == event["id"]

    def test_a_body_of_just_the_largest_size(self, event: dict[str, Any], stripe: Shop) -> None:
        body = body_of(event)
        largest = body + b" " * (LARGEST_BODY - len(body))

        assert send(largest, stripe.sign(largest)).status_code == TAKEN

    def test_texts_that_the_database_could_not_keep_are_left_out(self, event: dict[str, Any], stripe: Shop) -> None:
        body = body_of(event | {"account": "acct_\0", "note": "\ud800", "number": 10**400})

        assert send(body, stripe.sign(body)).status_code == TAKEN
        kept = StripeEvent.objects.get().payload
        assert kept["id"] == event["id"]
        assert not {"account", "note"} & set(kept)

    def test_a_copy_is_known_already_and_wakes_nobody(
        self, event: dict[str, Any], stripe: Shop, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            assert stripe.post(event).content == b"Thank you."
            assert [stripe.post(event).content for _ in range(5)] == [b"Known already."] * 5

        assert StripeEvent.objects.count() == 1
        assert stripe.hints == [("billing.tasks.handle_stripe_event", [StripeEvent.objects.get().pk])]

    def test_a_copy_with_another_content_does_not_replace_the_first(self, event: dict[str, Any], stripe: Shop) -> None:
        stripe.post(event)
        stripe.post(event | {"type": "customer.deleted"})

        assert StripeEvent.objects.get().type == "checkout.session.completed"

    def test_a_type_that_we_never_asked_for_is_kept_and_left_alone(self, event: dict[str, Any], stripe: Shop) -> None:
        stripe.post(event | {"type": "account.updated"})
        stripe.work()

        assert StripeEvent.objects.get().status == StripeEvent.Status.IGNORED


class TestWhatItSaysIsNotBelieved:
    """The secret has leaked, or Stripe errs: an event is only a hint to look, and what is seen counts."""

    def test_a_session_said_to_be_paid_brings_nothing_while_it_is_not(self, stripe: Shop, alice: User) -> None:
        checkout = stripe.begin_pack(alice)
        before = books()
        session = stripe.engine.session(checkout.stripe_session_id)
        said = session | {"status": "complete", "payment_status": "paid", "payment_intent": "pi_1"}

        stripe.post(signed_event(stripe, "checkout.session.completed", said))
        stripe.work()

        assert books() == before
        checkout.refresh_from_db()
        assert checkout.status == "open"

    def test_a_larger_amount_brings_no_more(self, event: dict[str, Any], stripe: Shop, alice: User) -> None:
        before = alice.wallet.available
        said = event["data"]["object"] | {
            "amount_total": 10**9,
            "client_reference_id": "another",
            "metadata": {"credits": "1000000000", "pack": "pack-5000"},
        }

        stripe.post(event | {"data": {"object": said}})
        stripe.work()

        alice.wallet.refresh_from_db()
        assert alice.wallet.available == before + 1_000 * CREDIT

    def test_a_refund_that_nobody_made_takes_nothing(self, stripe: Shop, alice: User) -> None:
        payment = stripe.payment_of(stripe.buy_pack(alice))
        before = books()
        said = {"id": "re_invented", "object": "refund", "payment_intent": payment, "amount": 10**6}

        stripe.post(signed_event(stripe, "refund.created", said | {"status": "succeeded"}))
        stripe.work()

        assert books() == before
        assert StripeEvent.objects.get(object_id="re_invented").status == StripeEvent.Status.PENDING

    def test_a_subscription_said_to_have_ended_goes_on(self, stripe: Shop, alice: User) -> None:
        stripe.subscribe(alice)
        before = books()
        subscription = stripe.engine.find(stripe.subscription_of(alice).stripe_subscription_id)

        stripe.post(signed_event(stripe, "customer.subscription.deleted", subscription | {"status": "canceled"}))
        stripe.work()

        assert books() == before
        assert stripe.subscription_of(alice).status == "active"

    @pytest.mark.parametrize(
        "object_id",
        ["cs_none", "../customers", "..", "cs_1?expand[]=customer", "cs_1#", "%2e%2e%2f", "é\u2028", "cs 1"],
    )
    @pytest.mark.parametrize(
        "kind", ["checkout.session.completed", "invoice.paid", "refund.created", "customer.deleted"]
    )
    def test_an_object_that_is_not_there_waits_and_harms_nobody(
        self, stripe: Shop, alice: User, kind: str, object_id: str
    ) -> None:
        before = books()

        answer = stripe.post(signed_event(stripe, kind, {"id": object_id, "object": "any"}))
        stripe.work()

        assert answer.status_code == TAKEN
        assert StripeEvent.objects.get().status != StripeEvent.Status.DONE
        assert books() == before


class TestTheAnswer:
    @pytest.mark.parametrize("signature", [None, "t=1,v1=abc"])
    def test_it_tells_a_stranger_nothing(self, event: dict[str, Any], signature: str | None) -> None:
        body = body_of(event | {"id": "<script>alert(1)</script>"})

        answer = send(body, signature)

        assert answer.headers["Content-Type"].startswith("text/plain")
        assert len(answer.content) < 100
        assert b"script" not in answer.content
        assert settings.STRIPE_WEBHOOK_SECRETS[0].encode() not in answer.content
        assert answer.cookies == {}

    def test_an_inbox_that_can_not_be_written_is_no_thank_you(
        self, event: dict[str, Any], stripe: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Stripe then sends it again."""

        def full(*_: Any, **__: Any) -> None:
            raise OperationalError("no space left on device")

        body = body_of(event)
        client = Client(raise_request_exception=False)
        with monkeypatch.context() as broken:
            broken.setattr(CursorWrapper, "execute", full)
            answer = client.post(
                reverse("stripe_webhook"),
                body,
                content_type="application/json",
                headers={"stripe-signature": stripe.sign(body)},
            )

        assert answer.status_code == 503


def signed_event(stripe: Shop, kind: str, subject: dict[str, Any]) -> dict[str, Any]:
    """An event that carries our Stripe's signature and says what it likes."""
    return {
        "id": f"evt_said_{StripeEvent.objects.count()}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(stripe.now().timestamp()),
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def test_the_books_add_up_after_all_of_it(event: dict[str, Any], stripe: Shop) -> None:
    stripe.post(event)
    stripe.post(event | {"id": "evt_copy"})
    stripe.work()

    assert proof.prove() == []
