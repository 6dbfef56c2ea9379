"""The pages that everybody may read: every figure is the catalog's, at the next request, and nobody's own."""

import json
import re
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import Feature, FeaturePrice, Pack, Plan
from billing.selectors import catalog
from billing.selectors.words import price_words
from billing.services import prices
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import words
from billing.tests.people import give

pytestmark = pytest.mark.django_db

PAGES = ("/", "/credits/", "/pricing/")


@pytest.fixture(params=PAGES)
def address(request: pytest.FixtureRequest) -> str:
    return request.param


def add_price(code: str, millicredits: int, *, starts_at: datetime, now: datetime, per: int = 1_000) -> FeaturePrice:
    feature = Feature.objects.get(pk=code)
    price, _ = prices.add(feature=feature, millicredits=millicredits, per=per, starts_at=starts_at, now=now)
    return price


def linked_data(page: str) -> dict[str, object]:
    """Return what the page tells search engines."""
    (found,) = re.findall(r'(?s)<script type="application/ld\+json">(.*?)</script>', page)
    return json.loads(found)


def test_every_price_on_the_page_is_the_catalog_s(client: Client, address: str) -> None:
    page = words(client.get(address))
    assert FeaturePrice.objects.count() == 13
    for price in FeaturePrice.objects.select_related("feature"):
        assert f"{price.feature.name} {price_words(price, price.feature.unit)}" in page
    assert "Workflow Execution based on nodes used" in page
    assert "Chatbot Message model-based pricing" in page


def test_a_price_that_staff_add_shows_at_the_next_request(client: Client, address: str, now: datetime) -> None:
    catalog.fresh()
    assert "GPT-4o 5 credits / 1K tokens" in words(client.get(address))
    add_price("gpt-4o", 6_500, starts_at=now, now=now)
    assert "GPT-4o 6.5 credits / 1K tokens" in words(client.get(address))


def test_a_price_is_announced_before_it_starts(client: Client, address: str, clock: Clock) -> None:
    starts_at = clock.now + timedelta(days=20)
    add_price("gpt-4o", 6_000, starts_at=starts_at, now=clock.now)
    assert "GPT-4o 5 credits / 1K tokens from 30 Mar 2025: 6 credits / 1K tokens" in words(client.get(address))
    clock.moves(days=20)
    page = words(client.get(address))
    assert "GPT-4o 6 credits / 1K tokens Claude" in page
    assert "from 30 Mar" not in page


def test_a_feature_that_comes_later_is_announced_and_one_without_a_price_is_not_there(
    client: Client, address: str, now: datetime
) -> None:
    for code in ("later", "never"):
        Feature.objects.create(code=code, name=f"Sora {code}", group="other", unit="second", position=90)
    add_price("later", 90_000, starts_at=now + timedelta(days=2), now=now, per=60)
    page = words(client.get(address))
    assert "Sora later from 12 Mar 2025: 90 credits / minute" in page
    assert "Sora never" not in page


def test_the_same_price_again_is_no_news(client: Client, address: str, now: datetime) -> None:
    add_price("gpt-4o", 5_000, starts_at=now + timedelta(days=2), now=now)
    assert "from 12 Mar" not in words(client.get(address))


def test_what_staff_change_on_plans_and_packs_shows_at_the_next_request(client: Client) -> None:
    page = words(client.get("/pricing/"))
    assert "Free $0 a month 100 credits a month 1 chatbot Basic support Access to all features Start for free" in page
    assert "Pro Popular $29 a month 5,000 credits a month 5 chatbots Priority support Advanced analytics" in page
    assert "Enterprise Custom Unlimited credits Unlimited chatbots Dedicated support" in page
    assert "1,000 credits $10 per 1,000 credits $10" in page
    assert "5,000 credits Save 10 % $9 per 1,000 credits $45" in page

    Plan.objects.filter(pk="pro").update(allowance=7_500_000, chatbot_limit=9, is_popular=False)
    Plan.objects.filter(pk="free").update(allowance=150_000)
    Pack.objects.filter(pk="pack-5000").update(is_on_sale=False)
    Pack.objects.create(code="big", name="Big", amount=20_000_000, price_cents=160_00, position=9)
    page = words(client.get("/pricing/"))
    assert "Pro $29 a month 7,500 credits a month 9 chatbots" in page
    assert "Big Save 20 % $8 per 1,000 credits $160" in page
    assert "5,000 credits" not in page
    assert "150 credits, free every month" in page
    guide = words(client.get("/credits/"))
    assert "$10 for 1,000 credits, $160 for 20,000 credits." in guide
    assert "Pro $29 / month 7,500 / month 9 Priority" in guide
    assert "150 credits every month, free." in words(client.get("/"))


@pytest.mark.parametrize(
    "promise",
    [
        "CleverAI uses a credit-based system to track AI usage across all features.",
        "with transparent pricing and no hidden costs.",
        "Free $0 / month 100 / month 1 Basic Access to all features",
        "Pro Popular $29 / month 5,000 / month 5 Priority Advanced analytics API access",
        "Enterprise Custom Unlimited Unlimited Dedicated",
        "Custom integrations SLA guarantee",
        "Track your credit usage in real time from the dashboard: View the current balance in the header",
        "Use smaller models for simple tasks Batch similar operations together Set max token limits for chat",
        "Credits reset on the first day of each billing cycle. Unused credits do not roll over",
        "Purchase additional credit packs if you run out: $10 for 1,000 credits, $45 for 5,000 credits.",
        "You receive notifications when credits drop below 20% and 5% of your monthly allocation.",
        "You can purchase additional credits or wait for your monthly reset. Some features may be limited",
        "Monthly credits don’t roll over and are non-refundable. Purchased credit packs don’t expire.",
        "Credits are based on total tokens (input + output). Longer conversations use more tokens.",
        "Yes, chatbot messages consume credits based on the AI model selected for the chatbot.",
        "1,000 tokens at 1 credit is 0.001 credit a token: you pay for what you use, not for a started thousand.",
        "Credits that expire first are spent first; then the oldest.",
        "Failed work costs nothing",
        "Packs survive every plan change, reset, failed payment and cancellation.",
        "Analytics costs nothing and works with no credits left.",
    ],
)
def test_the_promise_is_kept_word_for_word(client: Client, promise: str) -> None:
    assert promise in words(client.get("/credits/"))


def test_the_example_of_a_short_chat_is_what_a_charge_would_cost(client: Client, now: datetime) -> None:
    add_price("gpt-4o-mini", 3_001, starts_at=now, now=now)
    cost = metering.quote(feature="gpt-4o-mini", quantity=250, now=now).cost
    assert cost == 751
    assert "a chat of 250 tokens on GPT-4o Mini costs 0.751 credits" in words(client.get("/credits/"))


def test_a_visitor_may_sign_up_and_alice_sees_her_plan(client: Client, browser_of_alice: Client) -> None:
    visitor = words(client.get("/pricing/"))
    assert "Choose Pro" in visitor
    assert "Your plan" not in visitor
    page = words(browser_of_alice.get("/pricing/"))
    assert "Free Your plan $0 a month" in page
    assert "100 credits available" in page
    assert "Start for free" not in page
    assert "Manage your credits View your current balance and usage history in your account settings." in page
    assert "Free Your plan $0 / month" in words(browser_of_alice.get("/credits/"))


def test_whoever_has_no_wallet_reads_it_too(client: Client, alice: User, now: datetime) -> None:
    admin = User.objects.create_superuser("root@example.com", "a long passphrase", joined_at=now)
    client.force_login(admin)
    for address in ("/pricing/", "/credits/"):
        assert client.get(address).status_code == 200


def test_caches_keep_nothing_of_alice_and_ask_again_for_everybody(
    client: Client, browser_of_alice: Client, alice: User, now: datetime, address: str
) -> None:
    give(alice.wallet, 777_000, now=now)
    answer = client.get(address)
    assert answer["Cache-Control"] == "no-cache"
    assert {"Cookie", "HX-Request"} <= {name.strip() for name in answer["Vary"].split(",")}
    assert not answer.cookies
    for trace in ("877", "777"):
        assert trace not in words(answer).lower()
    assert "alice" not in answer.content.decode().lower()
    assert browser_of_alice.get(address)["Cache-Control"] == "no-store"


def test_the_head_names_the_page_by_our_own_address(client: Client, address: str) -> None:
    page = client.get(address, headers={"host": "localhost"}).content.decode()
    ours = f"{settings.SITE_URL}{address}"
    assert f'<link rel="canonical" href="{ours}">' in page
    assert f'<meta property="og:url" content="{ours}">' in page
    assert f'<meta property="og:image" content="{settings.SITE_URL}/static/img/social-card.png">' in page
    assert '<meta name="twitter:card" content="summary_large_image">' in page
    assert "localhost" not in page
    assert "noindex" not in page
    (title,) = re.findall(r"<title>(.*?)</title>", page)
    (description,) = re.findall(r'<meta name="description" content="(.*?)">', page)
    assert 10 <= len(title) <= 75
    assert 70 <= len(description) <= 160


def test_pages_of_somebody_s_own_stay_out_of_search_engines(client: Client, browser_of_alice: Client) -> None:
    for answer in (
        client.get("/accounts/login/"),
        browser_of_alice.get("/"),
        browser_of_alice.get("/settings/billing/"),
    ):
        page = answer.content.decode()
        assert '<meta name="robots" content="noindex">' in page
        assert "canonical" not in page


@pytest.mark.parametrize("page", ["/credits/", "/pricing/"])
def test_questions_are_told_to_search_engines_as_they_stand(client: Client, page: str) -> None:
    answer = client.get(page)
    data = linked_data(answer.content.decode())
    questions = data["mainEntity"]
    assert isinstance(questions, list)
    assert len(questions) >= 7
    for question in questions:
        assert f"{question['name']} {question['acceptedAnswer']['text']}" in words(answer)


def test_a_name_in_the_catalog_is_only_a_name(client: Client) -> None:
    Feature.objects.filter(pk="analytics").update(name="</script><b>&")
    Feature.objects.filter(pk="gpt-4o-mini").update(name="<i>Mini</i>")
    Plan.objects.filter(pk="free").update(name="<u>Free</u>")
    Pack.objects.filter(pk="pack-1000").update(name="<s>Pack</s>")
    for address in PAGES:
        page = client.get(address).content.decode()
        assert not re.search(r"<(b|i|u|s)>", page)
    assert "</script><b>& stays free at zero." in json.dumps(linked_data(client.get("/credits/").content.decode()))


def test_an_empty_or_absurd_catalog_is_still_a_page(client: Client, address: str, now: datetime) -> None:
    add_price("gpt-4o-mini", 2**62, starts_at=now, now=now, per=1)
    assert client.get(address).status_code == 200
    Pack.objects.all().delete()
    Plan.objects.exclude(pk="enterprise").delete()
    answer = client.get(address)
    assert answer.status_code == 200
    assert "None" not in words(answer)
    assert "Credit packs" not in words(answer)
