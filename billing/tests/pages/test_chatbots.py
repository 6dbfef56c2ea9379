"""The chatbots page: what each used, what the plan allows, and everything that can be done with one."""

from datetime import datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing import metering
from billing.models import Chatbot
from billing.services import chatbots, subscriptions
from billing.tests.pages.conftest import Clock, browser_of
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import begin_paid_cycle

LIST, NEW = "/chatbots/", "/chatbots/new/"
NAMES = ["=1+1", 'A, "quoted" name', "مساعد المتجر", "🤖 Robo", "<b>bold</b> & Sons", "'; --"]


@pytest.fixture
def helper(alice: User, now: datetime) -> Chatbot:
    """Alice's only chatbot, which is all that Free allows."""
    return chatbots.create(wallet_id=alice.wallet.pk, name="Helper", model="gpt-4o", now=now)


@pytest.fixture
def pro(alice: User, now: datetime) -> User:
    """Alice, on Pro: five chatbots."""
    begin_paid_cycle(
        wallet_id=alice.wallet.pk,
        plan="pro",
        starts_at=now,
        ends_at=now + timedelta(days=31),
        business_key="test:pro",
        now=now,
    )
    return alice


def address(bot: Chatbot, act: str) -> str:
    return f"{LIST}{bot.pk}/{act}/"


def say(bot: Chatbot, tokens: int, now: datetime) -> None:
    """Let a chatbot answer once."""
    metering.charge(
        wallet=bot.wallet,
        feature="chatbot-message",
        priced_as=bot.model_id,
        quantity=tokens,
        key=f"{bot.pk} {tokens} {now}",
        source=bot.source,
        now=now,
    )


def state(bot: Chatbot) -> str:
    bot.refresh_from_db()
    return str(bot.state)


def test_without_one_the_page_says_what_it_costs_and_how_to_begin(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.get(LIST))
    assert "Make your first chatbot" in page
    assert "GPT-4o Mini 1 credit / 1K tokens 0.5 credits GPT-4o 5 credits / 1K tokens 2.5 credits" in page
    assert "O1 Preview 15 credits / 1K tokens 7.5 credits" in page
    assert "Your plan includes 1 active chatbot." in page


def test_the_first_one_is_made_and_shown(browser_of_alice: Client, alice: User, now: datetime) -> None:
    answer = browser_of_alice.post(NEW, {"name": "  Helper ", "model": "gpt-4o"}, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    page = words(answer)
    assert "“ Helper ” is ready." in page
    assert "Active 1 of 1" in page
    assert "Helper Active GPT-4o · 5 credits / 1K tokens" in page
    bot = alice.wallet.chatbots.get()
    assert (bot.name, bot.model_id, bot.created_at, bot.state) == ("Helper", "gpt-4o", now, "active")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_shown_as_it_was_typed(browser_of_alice: Client, pro: User, name: str) -> None:
    browser_of_alice.post(NEW, {"name": name, "model": "gpt-4o"})
    bot = pro.wallet.chatbots.get()
    for page in (LIST, address(bot, "edit"), address(bot, "delete")):
        html = browser_of_alice.get(page).content.decode()
        assert f"<bdi>{name}</bdi>" in unescape(html)
        assert "<b>bold" not in html
    answer = browser_of_alice.get(address(bot, "edit")).context["form"]
    assert answer["name"].value() == name


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "This field is required."),
        ("name", " \t ", "This field is required."),
        ("name", "\u200b", "A chatbot needs a name that can be seen."),
        ("name", "x" * 81, "A name has at most 80 characters; this one has 81."),
        ("name", "x" * 10_000, "A name has at most 80 characters; this one has 10,000."),
        ("name", "A\x07B", "There are characters in this name that can’t be shown."),
        ("name", "A\nB", "There are characters in this name that can’t be shown."),
        ("name", "A\x00B", "Null characters are not allowed."),
        ("model", "", "Choose a model."),
        ("model", "flux-pro", "That model isn’t offered. Choose another."),
        ("model", "gpt-17\x00", "That model isn’t offered. Choose another."),
    ],
)
def test_bad_input_is_told_beside_the_field_and_loses_nothing(
    browser_of_alice: Client, helper: Chatbot, field: str, value: str, error: str
) -> None:
    typed = {"name": "Typed name", "model": "o1-preview", field: value}
    chatbots.pause(wallet_id=helper.wallet_id, chatbot_id=helper.pk, now=helper.created_at)
    for page in (NEW, address(helper, "edit")):
        answer = browser_of_alice.post(page, typed)
        assert answer.status_code == 200
        assert error in words(answer)
        form = answer.context["form"]
        other = {"name": "model", "model": "name"}[field]
        assert form[other].value() == typed[other]
    helper.refresh_from_db()
    assert (helper.name, helper.model_id) == ("Helper", "gpt-4o")
    assert Chatbot.objects.count() == 1


def test_at_the_limit_the_page_leads_to_a_larger_plan(browser_of_alice: Client, helper: Chatbot) -> None:
    answer = browser_of_alice.get(LIST)
    assert "Your plan’s limit is reached." in words(answer)
    html = answer.content.decode()
    assert 'href="/settings/billing/plans/"' in html
    assert NEW not in html
    page = words(browser_of_alice.get(NEW))
    assert "Your plan’s limit is reached A larger plan has room for more chatbots." in page
    assert "1 of the 1 that your plan includes is active." in page


def test_one_too_many_is_refused_with_words_and_keeps_what_was_typed(browser_of_alice: Client, helper: Chatbot) -> None:
    answer = browser_of_alice.post(NEW, {"name": "Second", "model": "gpt-4o-mini"})
    assert "Your plan includes 1 active chatbot. Pause one that is active, or choose a larger plan." in words(answer)
    assert answer.context["form"]["name"].value() == "Second"
    assert Chatbot.objects.count() == 1


def test_a_contract_shows_no_limit(browser_of_alice: Client, alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    assert "Your plan has no limit on chatbots." in words(browser_of_alice.get(LIST))
    for number in range(7):
        browser_of_alice.post(NEW, {"name": f"Bot {number}", "model": "gpt-4o"})
    page = words(browser_of_alice.get(LIST))
    assert "Active 7 no limit" in page
    assert "New chatbot" in page


def test_it_is_renamed_and_answers_with_another_model(browser_of_alice: Client, helper: Chatbot) -> None:
    form = browser_of_alice.get(address(helper, "edit")).context["form"]
    assert (form["name"].value(), form["model"].value()) == ("Helper", "gpt-4o")
    answer = browser_of_alice.post(address(helper, "edit"), {"name": "Guide", "model": "o1-preview"}, follow=True)
    assert "“ Guide ” is saved." in words(answer)
    assert "Guide Active O1 Preview · 15 credits / 1K tokens" in words(answer)


def test_it_is_paused_and_resumed(browser_of_alice: Client, helper: Chatbot) -> None:
    page = words(browser_of_alice.post(address(helper, "pause"), follow=True))
    assert "“ Helper ” is paused. It answers nobody until you resume it." in page
    assert "Active 0 of 1" in page
    assert "Helper Paused by you GPT-4o" in page
    assert state(helper) == "paused"
    page = words(browser_of_alice.post(address(helper, "resume"), follow=True))
    assert "“ Helper ” answers again." in page
    assert "Helper Active GPT-4o" in page
    assert state(helper) == "active"


def test_resuming_one_too_many_is_refused_with_words(browser_of_alice: Client, helper: Chatbot) -> None:
    browser_of_alice.post(address(helper, "pause"))
    browser_of_alice.post(NEW, {"name": "Second", "model": "gpt-4o-mini"})
    page = words(browser_of_alice.post(address(helper, "resume"), follow=True))
    assert "Your plan includes 1 active chatbot. Pause one that is active, or choose a larger plan." in page
    assert state(helper) == "paused"


def test_with_htmx_the_list_alone_is_answered(browser_of_alice: Client, helper: Chatbot) -> None:
    answer = browser_of_alice.post(address(helper, "pause"), **HTMX)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.lstrip().startswith('<div id="chatbots"')
    assert "<html" not in html
    assert 'id="messages" class="messages" role="status" hx-swap-oob="innerHTML"' in html
    assert "“ Helper ” is paused." in words(answer)
    assert f'id="act-{helper.pk}"' in html, "focus stays on the button, which has become the other one"


def test_one_that_was_deleted_elsewhere_refreshes_the_page(browser_of_alice: Client, helper: Chatbot) -> None:
    browser_of_alice.post(address(helper, "delete"))
    answer = browser_of_alice.post(address(helper, "pause"), **HTMX)
    assert (answer.status_code, answer["HX-Refresh"]) == (404, "true")


def test_deleting_asks_first(browser_of_alice: Client, helper: Chatbot) -> None:
    page = words(browser_of_alice.get(address(helper, "delete")))
    assert "Delete “ Helper ”?" in page
    assert "What it used stays in your history and your exports, under its name." in page
    assert state(helper) == "active"


def test_a_deleted_one_leaves_room_and_its_usage(
    browser_of_alice: Client, helper: Chatbot, clock: Clock, now: datetime
) -> None:
    say(helper, 2_000, now)
    clock.moves(days=1)
    answer = browser_of_alice.post(address(helper, "delete"), follow=True)
    page = words(answer)
    assert "“ Helper ” is deleted." in page
    assert "No chatbots at present" in page
    assert "Helper Deleted on 11 Mar 2025 GPT-4o Messages 1" in page
    assert "Helper (deleted)" in words(browser_of_alice.get("/settings/billing/history/"))
    assert "Helper (deleted)" in words(browser_of_alice.get("/settings/billing/history/2/"))
    browser_of_alice.post(NEW, {"name": "Helper", "model": "gpt-4o"})
    assert "Active 1 of 1" in words(browser_of_alice.get(LIST))


def test_each_shows_what_it_used_in_the_last_thirty_days_and_leads_there(
    browser_of_alice: Client, pro: User, clock: Clock, now: datetime
) -> None:
    guide, shop = (
        chatbots.create(wallet_id=pro.wallet.pk, name=name, model=model, now=now)
        for name, model in (("Guide", "gpt-4o"), ("Shop", "gpt-4o-mini"))
    )
    say(shop, 9_000, now)
    later = clock.moves(days=30)
    say(guide, 1_842, later)
    say(guide, 611, later)
    say(shop, 1, later)
    browser_of_alice.force_login(pro)  # the session of thirty days ago is over
    answer = browser_of_alice.get(LIST)
    page = words(answer)
    assert "Messages, last 30 days 3 Credits, last 30 days 12.266" in page
    assert "Messages 2 of Guide in the last 30 days, in your history Credits 12.265 used by Guide" in page
    assert "Messages 1 of Shop in the last 30 days, in your history Credits 0.001 used by Shop" in page
    html = unescape(answer.content.decode())
    for bot, cost in ((guide, 12_265), (shop, 1)):
        usage = browser_of_alice.get(f"/settings/billing/usage/?source=chatbot:{bot.pk}&span=30d")
        assert usage.context["report"].totals.cost == cost
        assert f'href="/settings/billing/history/?source=chatbot:{bot.pk}&span=30d"' in html
        assert f'href="/settings/billing/usage/?source=chatbot:{bot.pk}&span=30d"' in html


def test_those_that_the_limit_paused_say_so(browser_of_alice: Client, pro: User, now: datetime, clock: Clock) -> None:
    for number in range(3):
        chatbots.create(wallet_id=pro.wallet.pk, name=f"Bot {number}", model="gpt-4o", now=now)
    subscriptions.return_to_free(wallet_id=pro.wallet.pk, now=now)
    page = words(browser_of_alice.get(LIST))
    assert "2 are paused by your plan’s limit, and resume by themselves on a larger plan." in page
    assert "Bot 2 Paused by your plan’s limit" in page
    assert "Bot 0 Active" in page


def test_many_are_shown_a_page_at_a_time(
    browser_of_alice: Client, alice: User, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    Chatbot.objects.bulk_create(
        Chatbot(wallet=alice.wallet, name=f"Bot {number:03d}", model_id="gpt-4o", created_at=now)
        for number in range(120)
    )
    seen, page = [], browser_of_alice.get(LIST).context["page"]
    while True:
        seen += [row.chatbot.name for row in page.rows]
        if page.older is None:
            break
        page = browser_of_alice.get(f"{LIST}?before={page.older}").context["page"]
    assert seen == [f"Bot {number:03d}" for number in reversed(range(120))]
    last = page.rows[-1].chatbot
    answer = browser_of_alice.post(address(last, "pause"), {"before": page.before})
    assert answer["Location"] == f"{LIST}?before={page.before}"
    with django_assert_num_queries(7):
        browser_of_alice.get(LIST)


@pytest.mark.parametrize(
    "query", ["before=x", "before=0", f"before={10**30}", "before=%00", "span=x", "x=" + "9" * 9_999]
)
def test_an_odd_address_shows_the_page(browser_of_alice: Client, helper: Chatbot, query: str) -> None:
    answer = browser_of_alice.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    assert "Helper Active" in words(answer)


@pytest.mark.parametrize("act", ["edit", "pause", "resume", "delete"])
def test_bob_doesn_t_find_alice_s(browser_of_alice: Client, bob: User, helper: Chatbot, act: str) -> None:
    browser_of_bob = browser_of(bob)
    assert "Helper" not in words(browser_of_bob.get(LIST))
    sent = {"name": "Mine", "model": "gpt-4o-mini"}
    assert browser_of_bob.post(address(helper, act), sent).status_code == 404
    assert browser_of_bob.post(f"{LIST}{10**30}/{act}/", sent).status_code == 404
    assert (state(helper), helper.name, helper.model_id) == ("active", "Helper", "gpt-4o")


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_a_visit_changes_nothing(browser_of_alice: Client, helper: Chatbot, act: str) -> None:
    answer = browser_of_alice.get(address(helper, act))
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert state(helper) == "active"


def test_without_the_form_s_token_nothing_is_done(alice: User, helper: Chatbot) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    for act in ("edit", "pause", "resume", "delete"):
        assert browser.post(address(helper, act), {"name": "X", "model": "gpt-4o"}).status_code == 403
    assert browser.post(NEW, {"name": "X", "model": "gpt-4o"}).status_code == 403
    assert list(Chatbot.objects.values_list("name", "paused_at", "deleted_at")) == [("Helper", None, None)]


def test_who_has_no_wallet_is_told_so(alice: User, browser_of_alice: Client) -> None:
    type(alice.wallet).objects.filter(owner=alice).update(owner=None)
    answer = browser_of_alice.get(LIST)
    assert answer.status_code == 404
    assert "You have no wallet yet" in words(answer)
