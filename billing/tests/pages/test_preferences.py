"""Choosing which mails come."""

from datetime import datetime

from django.test import Client

from accounts.models import User
from billing.models import MailPreference
from billing.services import messages
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import words

PREFERENCES = "/settings/billing/preferences/"
ALL = {"warnings": "on", "resets": "on", "news": "on"}


def checked(browser: Client) -> dict[str, bool]:
    """Return each topic with whether its box is checked."""
    return {choice.topic.value: choice.is_wanted for choice in browser.get(PREFERENCES).context["choices"]}


def test_everything_is_wanted_at_first(browser_of_alice: Client) -> None:
    page = browser_of_alice.get(PREFERENCES)
    assert page.content.decode().count(" checked>") == 3
    assert "Mails to alice@example.com" in words(page)
    assert "Mails about your plan and your payments are always sent" in words(page)
    assert not MailPreference.objects.exists()


def test_what_isn_t_checked_is_switched_off(browser_of_alice: Client, alice: User, now: datetime) -> None:
    answer = browser_of_alice.post(PREFERENCES, {"warnings": "on", "news": "on"}, follow=True)
    assert answer.redirect_chain == [(PREFERENCES, 302)]
    assert "Your preferences are saved." in words(answer)
    assert checked(browser_of_alice) == {"warnings": True, "resets": False, "news": True}
    off = MailPreference.objects.get(wallet=alice.wallet, is_wanted=False)
    assert (off.topic, off.changed_at) == ("resets", now)
    assert not messages.wanted(alice.wallet, MailPreference.Topic.RESETS)


def test_it_can_be_switched_on_again(browser_of_alice: Client) -> None:
    browser_of_alice.post(PREFERENCES, {})
    assert checked(browser_of_alice) == {"warnings": False, "resets": False, "news": False}
    browser_of_alice.post(PREFERENCES, ALL)
    assert checked(browser_of_alice) == {"warnings": True, "resets": True, "news": True}


def test_saving_the_same_keeps_when_it_was_chosen(browser_of_alice: Client, clock: Clock) -> None:
    chosen_at = clock()
    browser_of_alice.post(PREFERENCES, {"news": "on"})
    clock.moves(days=1)
    browser_of_alice.post(PREFERENCES, {"news": "on"})
    assert set(MailPreference.objects.values_list("changed_at", flat=True)) == {chosen_at}


def test_topics_that_aren_t_ours_are_ignored(browser_of_alice: Client) -> None:
    browser_of_alice.post(PREFERENCES, {**ALL, "payments": "", "wallet": "2"})
    assert set(MailPreference.objects.values_list("topic", "is_wanted")) == {
        ("warnings", True),
        ("resets", True),
        ("news", True),
    }


def test_bob_s_choice_is_his_own(browser_of_alice: Client, browser_of_bob: Client) -> None:
    browser_of_bob.post(PREFERENCES, {})
    assert checked(browser_of_alice) == {"warnings": True, "resets": True, "news": True}
