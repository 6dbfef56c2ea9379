"""Stripe sells what our catalog says, and we know its prices by id."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import stripe
from django.core.management import CommandError, call_command
from django.db import transaction

from billing import gateway
from billing.errors import NotForSale, StripeUnavailable
from billing.gateway.client import client
from billing.models import Pack, Plan, StripePrice
from billing.services import stripe_catalog
from billing.services.inbox import TYPES
from sandbox.stripe.engine import Engine
from sandbox.stripe.transport import InProcess

NOW = datetime(2025, 1, 31, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
URL = "https://credits.example.com/stripe/webhook/"
FIRST = [
    "pack_1000: new product “1,000 credits”",
    "pack_5000: new product “5,000 credits”",
    "plan_pro: new product “CleverAI Pro”",
    "pack_1000: new price, $10.00 once for 1,000 credits",
    "pack_5000: new price, $45.00 once for 5,000 credits",
    "plan_pro: new price, $29.00 a month",
    "Customer Portal: there is no configuration of ours",
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _stripe(engine: Engine) -> None:
    """Every test here speaks with a Stripe of its own."""


def written(wire: InProcess) -> list[str]:
    return [request.path for request in wire.requests if request.method == "POST"]


def current(key: str) -> StripePrice:
    return StripePrice.objects.get(lookup_key=key, is_current=True)


# --- products, prices, portal ----------------------------------------------------------------------------------------


def test_everything_that_costs_money_is_put_on_sale_as_it_was_announced() -> None:
    assert stripe_catalog.differences() == FIRST
    assert StripePrice.objects.count() == 0
    assert stripe_catalog.sync(now=NOW) == FIRST
    rows = StripePrice.objects.order_by("lookup_key").values_list(
        "lookup_key", "pack", "plan", "cents", "amount", "is_current", "added_at"
    )
    assert list(rows) == [
        ("pack_1000", "pack-1000", None, 10_00, 1_000_000, True, NOW),
        ("pack_5000", "pack-5000", None, 45_00, 5_000_000, True, NOW),
        ("plan_pro", None, "pro", 29_00, None, True, NOW),
    ]
    sold = {price.lookup_key: price for price in gateway.fetch_prices(["pack_1000", "pack_5000", "plan_pro"])}
    assert {key: current(key).stripe_price_id for key in sold} == {key: price.id for key, price in sold.items()}
    assert [sold[key].interval for key in sorted(sold)] == ["", "", "month"]


def test_a_second_time_changes_nothing(wire: InProcess) -> None:
    stripe_catalog.sync(now=NOW)
    rows = list(StripePrice.objects.order_by("pk").values())
    wire.requests.clear()
    assert stripe_catalog.sync(now=LATER) == []
    assert written(wire) == []
    assert list(StripePrice.objects.order_by("pk").values()) == rows


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("price_cents", 12_50, "$12.50 once for 1,000 credits"), ("amount", 1_200_500, "$10.00 once for 1,200.5 credits")],
)
def test_a_changed_pack_gets_another_price_and_the_older_one_keeps_its_meaning(
    field: str, value: int, words: str
) -> None:
    stripe_catalog.sync(now=NOW)
    older = current("pack_1000")
    Pack.objects.filter(pk="pack-1000").update(**{field: value})
    assert stripe_catalog.sync(now=LATER) == [f"pack_1000: another price, {words}, instead of {older.stripe_price_id}"]
    newer = current("pack_1000")
    assert newer.stripe_price_id == gateway.fetch_prices(["pack_1000"])[0].id != older.stripe_price_id
    assert getattr(newer, {"price_cents": "cents"}.get(field, field)) == value
    kept = StripePrice.objects.get(pk=older.pk)
    assert (kept.cents, kept.amount, kept.is_current, kept.pack_id) == (10_00, 1_000_000, False, "pack-1000")
    assert stripe_catalog.differences() == []


def test_a_price_that_changes_back_is_a_further_price() -> None:
    ids = []
    for cents in (10_00, 12_00, 10_00, 12_00):
        Pack.objects.filter(pk="pack-1000").update(price_cents=cents)
        stripe_catalog.sync(now=NOW)
        ids.append(current("pack_1000").stripe_price_id)
    assert len(set(ids)) == 4


def test_a_pack_off_sale_is_not_sold_and_comes_back_at_its_price() -> None:
    stripe_catalog.sync(now=NOW)
    price_id = current("pack_1000").stripe_price_id
    Pack.objects.filter(pk="pack-1000").update(is_on_sale=False)
    assert stripe_catalog.sync(now=LATER) == ["pack_1000: no longer sold"]
    assert not StripePrice.objects.filter(lookup_key="pack_1000", is_current=True).exists()
    Pack.objects.filter(pk="pack-1000").update(is_on_sale=True)
    assert stripe_catalog.sync(now=LATER) == [f"pack_1000: known here as {price_id}"]
    assert current("pack_1000").stripe_price_id == price_id


def test_a_plan_without_a_price_is_sold_by_nobody() -> None:
    Plan.objects.filter(pk="pro").update(price_cents=None)
    assert not [words for words in stripe_catalog.sync(now=NOW) if words.startswith("plan_")]
    assert set(StripePrice.objects.values_list("plan", flat=True)) == {None}


@pytest.mark.parametrize("harm", ["archived", "another product"])
def test_a_price_that_was_spoiled_at_stripe_is_replaced(harm: str) -> None:
    stripe_catalog.sync(now=NOW)
    spoiled = current("plan_pro").stripe_price_id
    if harm == "archived":
        client().v1.prices.update(spoiled, {"active": False})
    else:
        spoiled = gateway.create_price(
            lookup_key="plan_pro",
            product_id="cleverai_pack_1000",
            cents=29_00,
            interval="month",
            metadata={},
            idempotency_key="by-hand",
            transfer=True,
        ).id
    assert stripe_catalog.sync(now=LATER) == [f"plan_pro: another price, $29.00 a month, instead of {spoiled}"]
    assert current("plan_pro").stripe_price_id not in {spoiled, ""}
    assert stripe_catalog.differences() == []


def test_products_follow_their_names() -> None:
    stripe_catalog.sync(now=NOW)
    Plan.objects.filter(pk="pro").update(name="Professional")
    client().v1.products.update("cleverai_pack_1000", {"active": False})
    assert stripe_catalog.sync(now=LATER) == [
        "pack_1000: back on sale",
        "plan_pro: “CleverAI Pro” becomes “CleverAI Professional”",
    ]
    assert gateway.fetch_product("cleverai_plan_pro").name == "CleverAI Professional"
    assert stripe_catalog.differences() == []


def test_prices_that_stripe_has_already_become_known_to_a_new_database(wire: InProcess) -> None:
    with transaction.atomic():
        stripe_catalog.sync(now=NOW)
        transaction.set_rollback(True)
    assert StripePrice.objects.count() == 0
    wire.requests.clear()
    assert [words.split(" as ")[0] for words in stripe_catalog.sync(now=LATER)] == [
        "pack_1000: known here",
        "pack_5000: known here",
        "plan_pro: known here",
    ]
    assert written(wire) == []
    assert stripe_catalog.differences() == []


@pytest.mark.parametrize("answer", ["never asked", "answer lost"])
@pytest.mark.parametrize("number", range(len(FIRST)))
def test_what_broke_off_is_finished_by_the_next_time(
    wire: InProcess, monkeypatch: pytest.MonkeyPatch, number: int, answer: str
) -> None:
    request = wire.request
    changes: list[str] = []

    def breaking(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "post":
            changes.append(method)
            if len(changes) > number:
                if answer == "answer lost" and len(changes) == number + 1:
                    request(method, *args, **kwargs)
                raise stripe.APIConnectionError("gone", should_retry=False)
        return request(method, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(wire, "request", breaking)
        with pytest.raises(StripeUnavailable):
            stripe_catalog.sync(now=NOW)
    assert len(changes) == number + 1
    stripe_catalog.sync(now=LATER)
    assert stripe_catalog.differences() == []
    assert StripePrice.objects.filter(is_current=True).count() == StripePrice.objects.count() == 3
    assert len(client().v1.products.list().data) == len(client().v1.prices.list().data) == 3
    assert len(client().v1.billing_portal.configurations.list({"is_default": False}).data) == 1


def test_an_id_that_sold_something_else_here_is_refused() -> None:
    stripe_catalog.sync(now=NOW)
    taken = current("pack_1000")
    StripePrice.objects.filter(pk=taken.pk).update(cents=1, is_current=False)
    with pytest.raises(NotForSale, match=f"{taken.stripe_price_id}, which has sold something else"):
        stripe_catalog.sync(now=LATER)


def test_two_things_of_one_name_at_stripe_are_refused(wire: InProcess) -> None:
    Pack.objects.create(code="1000", name="Twin", amount=1_000, price_cents=1_00, position=9)
    with pytest.raises(NotForSale, match="pack_1000"):
        stripe_catalog.differences()
    assert wire.requests == []


def test_the_portal_is_set_right_again() -> None:
    stripe_catalog.sync(now=NOW)
    configuration = client().v1.billing_portal.configurations.list({"is_default": False}).data[0]
    spoiled = {"subscription_cancel": {"enabled": True, "mode": "immediately"}, "invoice_history": {"enabled": False}}
    client().v1.billing_portal.configurations.update(configuration.id, {"features": spoiled})
    assert stripe_catalog.sync(now=LATER) == ["Customer Portal: invoice history, subscription cancel"]
    assert stripe_catalog.differences() == []
    assert len(client().v1.billing_portal.configurations.list({"is_default": False}).data) == 1


# --- where events are sent -------------------------------------------------------------------------------------------


def test_events_are_sent_in_our_version_and_only_those_we_follow() -> None:
    endpoint = stripe_catalog.sync_endpoint(url=URL)
    assert endpoint is not None
    assert endpoint.secret.startswith("whsec_")
    assert (endpoint.url, endpoint.api_version, endpoint.is_enabled) == (URL, "2026-10-28.endive", True)
    assert set(endpoint.types) == set(TYPES)
    assert "invoice.created" not in endpoint.types
    assert gateway.fetch_endpoints() == [replace(endpoint, secret="")]


def test_an_endpoint_that_is_there_is_kept(wire: InProcess) -> None:
    stripe_catalog.sync_endpoint(url=URL)
    wire.requests.clear()
    assert stripe_catalog.sync_endpoint(url=URL) is None
    assert written(wire) == []


@pytest.mark.parametrize("harm", [{"enabled_events": ["invoice.paid"]}, {"disabled": True}])
def test_an_endpoint_is_set_right_again(harm: Any) -> None:
    made = stripe_catalog.sync_endpoint(url=URL)
    assert made is not None
    client().v1.webhook_endpoints.update(made.id, harm)
    assert stripe_catalog.sync_endpoint(url=URL) is None
    assert gateway.fetch_endpoints() == [replace(made, secret="")]


def test_an_endpoint_of_another_version_is_left_and_one_of_ours_is_made() -> None:
    client().v1.webhook_endpoints.create({"url": URL, "enabled_events": ["invoice.paid"]})
    made = stripe_catalog.sync_endpoint(url=URL)
    assert made is not None
    assert [endpoint.api_version for endpoint in gateway.fetch_endpoints()] == [gateway.API_VERSION, ""]


# --- the command -----------------------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("sync_stripe_catalog", *arguments, stdout=out)
    return out.getvalue()


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(text))


def test_the_command_shows_what_it_would_change_and_asks(monkeypatch: pytest.MonkeyPatch, wire: InProcess) -> None:
    answer(monkeypatch, "y\n")
    out = run()
    assert "test mode" in out
    assert [line.strip() for line in out.splitlines() if line.startswith("  ")] == FIRST
    assert "Done: 7 changes." in out
    assert "nothing to change" in run()


@pytest.mark.parametrize("text", ["n\n", "\n", "what?\n", ""])
def test_without_a_yes_nothing_is_changed(monkeypatch: pytest.MonkeyPatch, wire: InProcess, text: str) -> None:
    answer(monkeypatch, text)
    with pytest.raises(CommandError, match="Nothing was changed"):
        run()
    assert written(wire) == []
    assert StripePrice.objects.count() == 0


def test_with_yes_it_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "")
    assert "Done: 7 changes." in run("--yes")
    assert StripePrice.objects.count() == 3


def test_it_says_when_stripe_can_t_be_reached(wire: InProcess) -> None:
    wire.fail_next(stripe.APIConnectionError("gone"))
    with pytest.raises(CommandError, match="Stripe doesn't answer"):
        run("--yes")


def test_it_has_events_sent_and_shows_the_secret_once() -> None:
    out = run("--yes", "--webhook", "https://credits.example.com")
    assert f"to {URL} from now on" in out
    assert re.search(r"^  STRIPE_WEBHOOK_SECRETS=whsec_\w+$", out, re.MULTILINE)
    again = run("--yes", "--webhook", "https://credits.example.com")
    assert f"Stripe sends our events to {URL} already." in again
    assert "whsec_" not in again


@pytest.mark.parametrize("site", ["http://credits.example.com", "credits.example.com", "https://a.example/path", ""])
def test_it_has_events_sent_to_safe_sites_only(wire: InProcess, site: str) -> None:
    with pytest.raises(CommandError, match="https:// only"):
        run("--yes", "--webhook", site)
    assert "/v1/webhook_endpoints" not in written(wire)
