"""The support page: a form with the plan's level, and what was asked before with its answers."""

from datetime import datetime

import pytest
from django.test import Client

from accounts.models import User
from billing.models import SupportRequest
from billing.services import subscriptions, support
from billing.tests.pages.conftest import Clock, browser_of
from billing.tests.pages.reading import words
from billing.tests.stripe.shop import Shop

SUPPORT = "/support/"
QUESTION = {"subject": "A strange charge", "topic": "credits", "message": "What is it?\r\nI know nothing of it."}


def test_the_page_says_the_level_of_the_plan_and_what_it_means(
    browser_of_alice: Client, alice: User, now: datetime
) -> None:
    page = words(browser_of_alice.get(SUPPORT))
    assert "Basic support Every request is answered, in the order of their arrival." in page
    assert "Compare the plans" in page
    assert "You haven’t asked anything yet" in page
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    page = words(browser_of_alice.get(SUPPORT))
    assert "Dedicated support Your requests are answered before all others." in page
    assert "Compare the plans" not in page


def test_a_question_is_kept_and_listed(browser_of_alice: Client, alice: User, now: datetime) -> None:
    answer = browser_of_alice.post(SUPPORT, QUESTION, follow=True)
    assert answer.redirect_chain == [(SUPPORT, 302)]
    page = words(answer)
    assert "We have your request. You get a mail as soon as it is answered." in page
    assert "1 waits for an answer" in page
    assert "A strange charge Waiting Asked on 10 Mar 2025, 09:30 · Credits and usage · Basic support" in page
    request = SupportRequest.objects.get()
    assert (request.wallet, request.created_at) == (alice.wallet, now)
    assert request.message == "What is it?\nI know nothing of it."


def test_a_receipt_that_it_was_opened_from_is_named(browser_of_alice: Client) -> None:
    assert 'name="subject" value="Receipt 1"' in browser_of_alice.get(SUPPORT, {"entry": "1"}).content.decode()
    for entry in ("2", "0", "x", "9" * 40):
        assert "Receipt" not in words(browser_of_alice.get(SUPPORT, {"entry": entry}))


def test_sent_twice_it_is_there_once(browser_of_alice: Client) -> None:
    for _ in range(2):
        answer = browser_of_alice.post(SUPPORT, QUESTION, follow=True)
        assert "We have your request." in words(answer)
    assert SupportRequest.objects.count() == 1


def test_an_answer_is_shown_with_its_time(
    browser_of_alice: Client, alice: User, stella: User, clock: Clock, stripe: Shop
) -> None:
    browser_of_alice.post(SUPPORT, QUESTION)
    later = clock.moves(hours=3)
    request = SupportRequest.objects.get()
    support.answer(request_id=request.pk, text="A video.\n\nSee its <receipt>.", actor=stella, now=later)
    answer = browser_of_alice.get(SUPPORT)
    assert "A strange charge Answered" in words(answer)
    assert "Our answer, 10 Mar 2025, 12:30 A video. See its <receipt>." in words(answer)
    assert "<receipt>" not in answer.content.decode()
    assert "Our support has answered: A strange charge" in words(
        browser_of_alice.get("/settings/billing/notifications/")
    )
    assert 'href="/support/"' in browser_of_alice.get("/settings/billing/notifications/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("subject", " ", "This field is required."),
        ("subject", "x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
        ("subject", "A\x07B", "There are characters in it that can't be shown."),
        ("message", "", "This field is required."),
        ("message", "x" * 4_001, "Ensure this value has at most 4000 characters (it has 4001)."),
        ("message", "\x00", "Null characters are not allowed."),
        ("topic", "weather", "Select a valid choice."),
    ],
)
def test_bad_input_is_told_beside_the_field_and_loses_nothing(
    browser_of_alice: Client, field: str, value: str, error: str
) -> None:
    answer = browser_of_alice.post(SUPPORT, {**QUESTION, field: value})
    assert answer.status_code == 200
    assert error in words(answer)
    for name in QUESTION.keys() - {field}:
        assert answer.context["form"][name].value() == QUESTION[name]
    assert not SupportRequest.objects.exists()


def test_line_ends_count_as_one_character(browser_of_alice: Client) -> None:
    browser_of_alice.post(SUPPORT, {**QUESTION, "message": "x\r\n" * 1_999 + "xx"})
    assert len(SupportRequest.objects.get().message) == 4_000


def test_the_topic_may_be_left_out(browser_of_alice: Client) -> None:
    page = words(browser_of_alice.post(SUPPORT, {**QUESTION, "topic": ""}, follow=True))
    assert "Asked on 10 Mar 2025, 09:30 · Basic support" in page


def test_a_sixth_that_waits_is_refused_with_words(browser_of_alice: Client) -> None:
    for number in range(5):
        browser_of_alice.post(SUPPORT, {**QUESTION, "subject": f"Question {number}"})
    page = words(browser_of_alice.get(SUPPORT))
    assert "5 of your requests wait for an answer There is room for another once one of them is answered." in page
    answer = browser_of_alice.post(SUPPORT, {**QUESTION, "subject": "Question 5"})
    assert "You have 5 open requests." in words(answer)
    assert answer.context["form"]["subject"].value() == "Question 5"
    assert SupportRequest.objects.count() == 5


def test_many_are_shown_a_page_at_a_time(browser_of_alice: Client, alice: User, now: datetime) -> None:
    SupportRequest.objects.bulk_create(
        SupportRequest(
            wallet=alice.wallet, level="basic", subject=f"{number:02d}", message="?", created_at=now,
            answer="!", answered_at=now,
        )
        for number in range(45)
    )  # fmt: skip
    seen, page = [], browser_of_alice.get(SUPPORT).context["page"]
    while True:
        seen += [row.subject for row in page.rows]
        if page.older is None:
            break
        page = browser_of_alice.get(f"{SUPPORT}?before={page.older}").context["page"]
    assert seen == [f"{number:02d}" for number in reversed(range(45))]
    for query in ("before=x", f"before={10**30}", "before=%00", "x=" + "9" * 9_999):
        assert browser_of_alice.get(f"{SUPPORT}?{query}").status_code == 200


def test_bob_doesn_t_read_alice_s(browser_of_alice: Client, bob: User) -> None:
    browser_of_alice.post(SUPPORT, QUESTION)
    assert "strange" not in words(browser_of(bob).get(SUPPORT))
    browser_of(bob).post(SUPPORT, QUESTION)
    assert SupportRequest.objects.count() == 2


def test_every_page_leads_there(browser_of_alice: Client) -> None:
    assert browser_of_alice.get("/").content.decode().count('href="/support/"') == 2
