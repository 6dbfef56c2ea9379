"""Warnings across the top of every page: they hold, they can be put away, and they go by themselves."""

from datetime import datetime

import pytest
from django.test import Client

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits
from billing.models import Notice
from billing.services import wallets
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words
from billing.tests.people import give
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop


def dismiss(notice: Notice) -> str:
    return f"/settings/billing/notices/{notice.pk}/dismiss/"


def test_low_says_what_is_left_and_when_it_resets(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    page = words(browser_of_alice.get("/settings/profile/"))
    assert "Credits are low. 15 left, less than 20 % of your monthly credits." in page
    assert "Monthly credits reset on 10 Apr; credit packs come on top and never expire." in page


def test_low_says_how_long_it_lasts_once_there_is_a_pace(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 40, now=clock())
    charge(alice, 45, now=clock.moves(days=5))
    clock.moves(days=3)
    assert "less than 20 % of your monthly credits: about 2 days at your 7-day pace." in words(
        browser_of_alice.get("/")
    )


def test_out_of_credits(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 100, now=now)
    assert "You are out of credits. Free features go on" in words(browser_of_alice.get("/"))


def test_a_refusal_says_what_is_left(browser_of_alice: Client, alice: User, now: datetime) -> None:
    with pytest.raises(InsufficientCredits):
        charge(alice, 101, now=now)
    assert "Something needed more credits than you have. 100 are left." in words(browser_of_alice.get("/"))


def test_a_warning_is_put_away_for_good(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    notice = alice.wallet.notices.get()
    answer = browser_of_alice.post(dismiss(notice), headers={"Referer": "http://testserver/settings/profile/"})
    assert answer.status_code == 302
    assert answer["Location"] == "http://testserver/settings/profile/"
    assert "Credits are low" not in words(browser_of_alice.get("/"))
    notice.refresh_from_db()
    assert notice.dismissed_at == now


def test_htmx_puts_it_away_without_leaving(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    answer = browser_of_alice.post(dismiss(alice.wallet.notices.get()), **HTMX)
    assert (answer.status_code, answer.content) == (200, b"")


def test_it_never_leads_to_another_site(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    answer = browser_of_alice.post(dismiss(alice.wallet.notices.get()), headers={"Referer": "https://evil.example/"})
    assert answer["Location"] == "/settings/billing/"


def test_bob_cannot_put_away_what_alice_is_told(browser_of_bob: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    browser_of_bob.post(dismiss(alice.wallet.notices.get()))
    assert alice.wallet.notices.get().dismissed_at is None


def test_reading_puts_nothing_away(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    assert browser_of_alice.get(dismiss(alice.wallet.notices.get())).status_code == 405
    assert alice.wallet.notices.get().dismissed_at is None


def test_a_stronger_warning_follows_a_dismissed_one(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 85, now=clock())
    browser_of_alice.post(dismiss(alice.wallet.notices.get()))
    charge(alice, 12, now=clock.moves(minutes=1))
    assert "Credits are very low. 3 left, less than 5 %" in words(browser_of_alice.get("/"))


def test_it_goes_when_credits_come(browser_of_alice: Client, alice: User, now: datetime) -> None:
    charge(alice, 85, now=now)
    give(alice.wallet, 1_000_000, now=now)
    assert "Credits are low" not in words(browser_of_alice.get("/"))


def test_it_goes_with_the_cycle(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    charge(alice, 85, now=clock())
    clock.moves(days=40)
    browser_of_alice.force_login(alice)
    assert "Credits are low" not in words(browser_of_alice.get("/"))


def test_a_suspended_wallet_says_why(browser_of_alice: Client, alice: User, now: datetime) -> None:
    wallets.suspend(wallet_id=alice.wallet.pk, reason="A payment is disputed.", now=now)
    page = words(browser_of_alice.get("/"))
    assert "Your wallet is suspended since 10 Mar 2025. A payment is disputed." in page
    assert "Dismiss this warning" not in page


def test_a_failed_payment_is_told_everywhere_with_the_way_to_another_card(
    browser_of_alice: Client, alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice, card=FAILS_LATER_CARD)
    stripe.renew(alice)
    stripe.deliver()
    browser_of_alice.force_login(alice)
    for address in ("/", "/settings/profile/"):
        answer = browser_of_alice.get(address)
        assert "Your last payment failed. Stripe tries again for a while" in words(answer)
        assert 'action="/settings/billing/portal/card/"' in answer.content.decode()


def test_a_plan_that_ends_within_a_week_is_told_of(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe.engine.set_cancel_at_period_end(stripe.subscription_of(alice).stripe_subscription_id, True)
    stripe.deliver()
    assert "Pro ends on" not in words(browser_of_alice.get("/"))
    stripe.advance(days=25)
    browser_of_alice.force_login(alice)
    assert "Pro ends on 10 Apr 2025. You are on Free from then on; bought credits stay." in words(
        browser_of_alice.get("/")
    )


def test_a_renewal_that_isn_t_paid_yet_is_told_of(browser_of_alice: Client, alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    stripe.renew(alice, hours=0.5)
    stripe.deliver()
    browser_of_alice.force_login(alice)
    page = words(browser_of_alice.get("/settings/billing/"))
    assert "Pro is renewing. New monthly credits come as soon as the payment arrives" in page
    assert "Pro plan Renewing" in page
    assert "Renewing. This cycle ended on 10 Apr 2025, 09:30; the next one begins when its payment arrives." in page
    assert "Monthly credits renewing 5,000" in page
    assert "5,000 monthly, renewing" in page

    stripe.advance(hours=1)
    stripe.deliver()
    browser_of_alice.force_login(alice)
    page = words(browser_of_alice.get("/settings/billing/"))
    assert "Pro plan Active" in page
    assert "renewing" not in page


def test_all_is_quiet_while_all_is_well(browser_of_alice: Client, alice: User, now: datetime) -> None:
    metering.charge(wallet=alice.wallet, feature="analytics", quantity=1, key="free", now=now)
    assert 'class="banner ' not in browser_of_alice.get("/").content.decode().replace(
        'id="signed-out-notice" class="banner ', ""
    )
