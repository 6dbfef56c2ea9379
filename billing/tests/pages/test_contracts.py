"""Asking for an Enterprise contract: kept first, mailed to sales once, answered by people."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from billing import tasks
from billing.models import ContractRequest
from billing.services import contracts, subscriptions
from billing.tests.pages.conftest import Clock, browser_of
from billing.tests.pages.reading import words
from billing.tests.stripe.shop import Shop

CONTRACT = "/settings/billing/contract/"
WISH = {"company": "Moreau & Fils", "monthly_credits": "250,000", "message": "Forty people.\nSSO, please."}


def test_a_wish_is_kept_and_shown(browser_of_alice: Client, alice: User, now: datetime) -> None:
    answer = browser_of_alice.post(CONTRACT, WISH, follow=True)
    assert answer.redirect_chain == [(CONTRACT, 302)]
    page = words(answer)
    assert "Your request is on its way to our sales team." in page
    assert "We have your request Our sales team answers to alice@example.com" in page
    assert "Company Moreau & Fils Credits a month 250,000 What you told us Forty people. SSO, please." in page
    wish = ContractRequest.objects.get()
    assert (wish.wallet, wish.monthly_credits, wish.created_at) == (alice.wallet, 250_000, now)
    assert alice.wallet.subscription.plan_id == "free"


def test_one_wish_at_a_time(browser_of_alice: Client) -> None:
    browser_of_alice.post(CONTRACT, WISH)
    browser_of_alice.post(CONTRACT, {**WISH, "company": "Another"})
    assert ContractRequest.objects.get().company == "Moreau & Fils"


def test_the_plans_say_that_it_was_asked(browser_of_alice: Client) -> None:
    assert "Talk to us" in words(browser_of_alice.get("/settings/billing/plans/"))
    browser_of_alice.post(CONTRACT, WISH)
    assert "Asked on 10 Mar 2025" in words(browser_of_alice.get("/settings/billing/plans/"))


def test_an_answered_wish_makes_room_for_another(
    browser_of_alice: Client, alice: User, stella: User, now: datetime
) -> None:
    browser_of_alice.post(CONTRACT, WISH)
    wish = ContractRequest.objects.get()
    assert contracts.answer(request_id=wish.pk, actor=stella, now=now)
    assert not contracts.answer(request_id=wish.pk, actor=stella, now=now + timedelta(days=1))
    wish.refresh_from_db()
    assert (wish.answered_at, wish.answered_by) == (now, stella)
    browser_of_alice.post(CONTRACT, {**WISH, "company": "Another"})
    assert list(ContractRequest.objects.order_by("pk").values_list("company", flat=True)) == [
        "Moreau & Fils",
        "Another",
    ]


def test_the_number_may_be_left_out(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.post(CONTRACT, {**WISH, "monthly_credits": ""}, follow=True))
    assert "Credits a month Not known yet" in page


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("company", " ", "This field is required."),
        ("company", "x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
        ("company", "A\x07B", "There are characters in it that can't be shown."),
        ("message", "", "This field is required."),
        ("message", "x" * 2_001, "Ensure this value has at most 2000 characters (it has 2001)."),
        ("message", "\x00", "Null characters are not allowed."),
        ("monthly_credits", "0", "Ensure this value is greater than or equal to 1."),
        ("monthly_credits", "-5", "Ensure this value is greater than or equal to 1."),
        ("monthly_credits", "many", "Enter a whole number."),
        ("monthly_credits", "1.5", "Enter a whole number."),
        ("monthly_credits", "9" * 40, "Ensure this value is less than or equal to"),
    ],
)
def test_bad_input_is_told_beside_the_field(browser_of_alice: Client, field: str, value: str, error: str) -> None:
    answer = browser_of_alice.post(CONTRACT, {**WISH, field: value})
    assert answer.status_code == 200
    assert error in words(answer)
    assert not ContractRequest.objects.exists()


def test_sales_are_mailed_once_after_commit(
    browser_of_alice: Client,
    now: datetime,
    stripe: Shop,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        browser_of_alice.post(CONTRACT, WISH)
    wish = ContractRequest.objects.get()
    assert stripe.hints == [("billing.tasks.send_contract_requests", [wish.pk])]
    assert mailoutbox == []

    tasks.send_contract_requests(wish.pk)
    tasks.send_contract_requests(wish.pk)
    (mail,) = mailoutbox
    assert (mail.to, mail.reply_to) == ([settings.SALES_EMAIL], ["alice@example.com"])
    assert mail.subject == "Enterprise: Moreau & Fils"
    assert "Credits a month: 250000" in mail.body
    assert "Forty people.\nSSO, please." in mail.body
    assert f"/admin/billing/wallet/{wish.wallet_id}/change/" in mail.body
    wish.refresh_from_db()
    assert wish.mailed_at == now


def test_the_laid_out_mail_escapes_what_was_typed(
    alice: User, now: datetime, mailoutbox: list[EmailMessage], stripe: Shop
) -> None:
    wish = contracts.request_contract(
        wallet=alice.wallet, company="A\nB: C", monthly_credits=None, message="<script>alert(1)</script>", now=now
    )
    assert contracts.mail_request(request_id=wish.pk, now=now)
    (mail,) = mailoutbox
    assert mail.subject == "Enterprise: A B: C"
    ((page, _),) = mail.alternatives
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_lost_hint_is_made_up_for(alice: User, clock: Clock, mailoutbox: list[EmailMessage]) -> None:
    wish = contracts.request_contract(
        wallet=alice.wallet, company="A", monthly_credits=None, message="B", now=clock.now
    )
    assert contracts.due(now=clock.now) == []
    clock.moves(minutes=2)
    assert contracts.due(now=clock.now) == [wish.pk]
    tasks.send_contract_requests()
    assert len(mailoutbox) == 1
    assert contracts.due(now=clock.now) == []


def test_a_mail_that_didn_t_leave_is_sent_later(
    alice: User, now: datetime, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = contracts.request_contract(wallet=alice.wallet, company="A", monthly_credits=None, message="B", now=now)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        with pytest.raises(ConnectionRefusedError):
            contracts.mail_request(request_id=wish.pk, now=now)
    wish.refresh_from_db()
    assert wish.mailed_at is None
    assert contracts.mail_request(request_id=wish.pk, now=now)
    assert len(mailoutbox) == 1


def refuse(*_: object) -> int:
    raise ConnectionRefusedError


def test_a_contract_is_no_obstacle_to_asking_for_a_change(browser_of_alice: Client, alice: User, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    page = words(browser_of_alice.get(CONTRACT))
    assert "You are on a contract already. If you need something else, tell us here." in page


def test_bob_doesn_t_read_alice_s_wish(browser_of_alice: Client, bob: User) -> None:
    browser_of_alice.post(CONTRACT, WISH)
    assert "Moreau" not in words(browser_of(bob).get(CONTRACT))
