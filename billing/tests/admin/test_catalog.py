"""Staff add prices and never edit one; what was sold stays as it was sold (decision 6)."""

import re
from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing import metering
from billing.errors import InvalidRequest
from billing.models import Feature, FeaturePrice, Pack, Plan
from billing.services import prices

pytestmark = pytest.mark.django_db


@pytest.fixture
def answers(now: datetime) -> dict[str, str]:
    """What Stella fills in: GPT-4o at 4.5 credits for every 1,000 tokens, from ten minutes on."""
    starts_at = (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M")
    return {
        "feature": "gpt-4o",
        "amount": "4.5",
        "per": "1000",
        "starts_at": starts_at,
        "reason": "Cheaper.",
    }


def hidden(page: str) -> dict[str, str]:
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in inputs if name != "csrfmiddlewaretoken"}


def test_stella_adds_a_price_after_seeing_what_uses_will_cost(
    browser_of_stella: Client, alice: User, now: datetime, answers: dict[str, str]
) -> None:
    page = browser_of_stella.post("/admin/billing/featureprice/add/", answers).content.decode()
    for words in ("5 credits / 1K tokens", "4.5 credits / 1K tokens", "100,000 tokens cost", "450 credits"):
        assert words in page
    before = FeaturePrice.objects.count()
    for _ in range(2):
        browser_of_stella.post("/admin/billing/featureprice/add/post/", hidden(page))
    assert FeaturePrice.objects.count() == before + 1
    assert LogEntry.objects.count() == 1
    for minutes, cost in ((0, 5_000), (10, 4_500)):
        at = now + timedelta(minutes=minutes)
        answer = metering.charge(wallet=alice.wallet, feature="gpt-4o", quantity=1_000, key=str(minutes), now=at)
        assert answer.cost == cost


def test_the_last_month_is_simulated_for_the_preview_alone(browser_of_stella: Client, answers: dict[str, str]) -> None:
    with CaptureQueriesContext(connection) as looking:
        page = browser_of_stella.post("/admin/billing/featureprice/add/", answers).content.decode()
    with CaptureQueriesContext(connection) as doing:
        browser_of_stella.post("/admin/billing/featureprice/add/post/", hidden(page))
    assert [any("billing_ledgerentry" in query["sql"] for query in queries) for queries in (looking, doing)] == [
        True,
        False,
    ]
    assert FeaturePrice.objects.filter(millicredits=4_500).exists()


def test_a_moment_at_which_another_price_starts_is_refused_before_the_preview(
    browser_of_stella: Client, answers: dict[str, str], now: datetime
) -> None:
    feature, starts_at = Feature.objects.get(pk="gpt-4o"), now + timedelta(minutes=10)
    prices.add(feature=feature, millicredits=1, per=1, starts_at=starts_at, now=now)
    page = browser_of_stella.post("/admin/billing/featureprice/add/", answers).content.decode()
    assert "Another price of GPT-4o starts at that moment already." in page
    assert "add/post/" not in page


def test_the_form_begins_a_few_minutes_from_now(browser_of_stella: Client) -> None:
    page = browser_of_stella.get("/admin/billing/featureprice/add/?feature=flux-pro").content.decode()
    assert 'value="2025-03-10T09:40"' in page
    assert '<option value="flux-pro" selected>' in page
    assert "workflow-execution" not in page


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"starts_at": "2025-03-10T09:29"}, "the past keeps its prices"),
        ({"starts_at": "9999-12-31T23:59"}, "Choose a moment from 2000 to 2100."),
        ({"starts_at": "0001-01-01T00:00"}, "Choose a moment from 2000 to 2100."),
        ({"amount": "-1"}, "A price is never negative."),
        ({"amount": "0.0005"}, "at most three decimals"),
        ({"per": "0"}, "greater than or equal to 1"),
        ({"feature": "workflow-execution"}, "Select a valid choice"),
        ({"feature": "gpt-9"}, "Select a valid choice"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(
    browser_of_stella: Client, answers: dict[str, str], wrong: dict[str, str], complaint: str
) -> None:
    before = FeaturePrice.objects.count()
    for address in ("add/", "add/post/"):
        answer = browser_of_stella.post(f"/admin/billing/featureprice/{address}", {**answers, **wrong})
        assert complaint in answer.content.decode()
    assert FeaturePrice.objects.count() == before


def test_two_prices_never_start_together(now: datetime) -> None:
    feature = Feature.objects.get(pk="gpt-4o")
    terms = {"feature": feature, "per": 1_000, "starts_at": now, "now": now}
    assert prices.add(millicredits=1, **terms)[1]
    assert not prices.add(millicredits=1, **terms)[1]
    with pytest.raises(InvalidRequest):
        prices.add(millicredits=2, **terms)


@pytest.mark.parametrize("wrong", [{"millicredits": -1}, {"per": 0}])
def test_a_price_is_never_below_zero_or_for_nothing(now: datetime, wrong: dict[str, int]) -> None:
    terms = {"millicredits": 1, "per": 1, **wrong}
    with pytest.raises(InvalidRequest):
        prices.add(feature=Feature.objects.get(pk="gpt-4o"), starts_at=now, now=now, **terms)


def test_a_workflow_has_no_price_of_its_own(now: datetime) -> None:
    with pytest.raises(InvalidRequest):
        prices.add(feature=Feature.objects.get(pk="workflow-execution"), millicredits=1, per=1, starts_at=now, now=now)


def test_prices_are_neither_edited_nor_deleted(browser_of_stella: Client, answers: dict[str, str]) -> None:
    price = FeaturePrice.objects.get(feature="gpt-4o")
    for address in ("change/", "delete/"):
        url = f"/admin/billing/featureprice/{price.pk}/{address}"
        assert browser_of_stella.post(url, {**answers, "post": "yes"}).status_code == 403
    price.refresh_from_db()
    assert price.millicredits == 5_000


def test_rita_reads_the_catalog_and_adds_nothing(browser_of_rita: Client, answers: dict[str, str]) -> None:
    assert "GPT-4o" in browser_of_rita.get("/admin/billing/featureprice/").content.decode()
    for address in ("add/", "add/post/"):
        assert browser_of_rita.post(f"/admin/billing/featureprice/{address}", answers).status_code == 403


def test_a_plan_changes_its_allowance_and_never_its_price(browser_of_stella: Client) -> None:
    sent = {
        "name": "Pro",
        "position": "2",
        "allowance": "6000.5",
        "support": "priority",
        "price_cents": "1",
        "code": "x",
    }
    browser_of_stella.post("/admin/billing/plan/pro/change/", sent)
    plan = Plan.objects.get(pk="pro")
    assert (plan.allowance, plan.price_cents) == (6_000_500, 2_900)
    answer = browser_of_stella.post("/admin/billing/plan/pro/change/", {**sent, "allowance": "-1"})
    assert "An allowance is never negative." in answer.content.decode()
    browser_of_stella.post("/admin/billing/plan/pro/change/", {**sent, "allowance": ""})
    assert Plan.objects.get(pk="pro").allowance is None


def test_a_pack_is_taken_off_sale_and_another_is_added(browser_of_stella: Client) -> None:
    pack = Pack.objects.order_by("position").first()
    sent = {"name": pack.name, "position": "1", "amount": "9", "price_cents": "9"}
    browser_of_stella.post(f"/admin/billing/pack/{pack.pk}/change/", sent)
    after = Pack.objects.get(pk=pack.pk)
    assert (after.is_on_sale, after.amount, after.price_cents) == (False, pack.amount, pack.price_cents)
    new = {"code": "large", "name": "Large", "amount": "20000", "price_cents": "15000", "position": "3"}
    browser_of_stella.post("/admin/billing/pack/add/", new)
    assert Pack.objects.get(pk="large").amount == 20_000_000
    for amount, complaint in (("0", "A pack holds credits."), ("0.0001", "at most three decimals")):
        answer = browser_of_stella.post("/admin/billing/pack/add/", {**new, "code": "other", "amount": amount})
        assert complaint in answer.content.decode()


@pytest.mark.parametrize(("model", "pk"), [("feature", "gpt-4o"), ("plan", "pro"), ("pack", None)])
def test_nothing_is_deleted_from_the_catalog(browser_of_stella: Client, model: str, pk: str | None) -> None:
    pk = pk or Pack.objects.order_by("position").first().pk
    assert browser_of_stella.get(f"/admin/billing/{model}/{pk}/change/").status_code == 200
    assert browser_of_stella.post(f"/admin/billing/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403
    page = browser_of_stella.post(f"/admin/billing/{model}/", {"action": "delete_selected", "_selected_action": [pk]})
    assert page.status_code in (200, 302)
    assert browser_of_stella.get(f"/admin/billing/{model}/{pk}/change/").status_code == 200


def test_a_features_code_unit_and_pricing_stay(browser_of_stella: Client) -> None:
    sent = {"name": "GPT-4o (old)", "group": "chat", "position": "2", "code": "x", "unit": "image", "pricing": "nodes"}
    browser_of_stella.post("/admin/billing/feature/gpt-4o/change/", sent)
    feature = Feature.objects.get(pk="gpt-4o")
    assert (feature.name, feature.unit, feature.pricing) == ("GPT-4o (old)", "token", "own")


def test_the_list_says_which_price_is_in_force(browser_of_stella: Client) -> None:
    Feature.objects.create(code="new", name="New", group="other", unit="image", position=99)
    page = browser_of_stella.get("/admin/billing/feature/").content.decode()
    for words in ("100 credits / minute", "free", "Priced as the chat model it uses", "None, so it can&#x27;t be used"):
        assert words in page
