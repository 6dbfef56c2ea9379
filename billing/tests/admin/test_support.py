"""Staff see questions in the order of the plans' levels, and answer each once (decision 27)."""

from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from billing.models import Message, SupportRequest, Wallet
from billing.services import support
from billing.tests.admin.conftest import acts_on_record
from billing.tests.admin.pressing import do, look, press
from billing.tests.stripe.shop import Shop

URL = "/admin/billing/supportrequest/"


@pytest.fixture
def question(alice: User, now: datetime, stripe: Shop) -> SupportRequest:
    """Alice asks something."""
    return support.ask(
        wallet=alice.wallet, topic="problem", subject="It's broken", message="Since noon.\n<b>Help</b>", now=now
    )


def answer_of(question: SupportRequest) -> str:
    return f"{URL}{question.pk}/answer/"


def listed(browser: Client, query: str = "") -> list[str]:
    return [row.subject for row in browser.get(f"{URL}{query}").context["cl"].result_list]


def test_dedicated_comes_before_priority_before_basic_and_then_who_waits_longest(
    browser_of_stella: Client, alice: User, now: datetime
) -> None:
    for minutes, level in enumerate(["basic", "priority", "dedicated", "basic", "priority", "dedicated"]):
        at = now - timedelta(minutes=minutes)
        SupportRequest.objects.create(
            wallet=alice.wallet, level=level, subject=f"{level} {minutes}", message="?", created_at=at
        )
    in_order = ["dedicated 5", "dedicated 2", "priority 4", "priority 1", "basic 3", "basic 0"]
    assert listed(browser_of_stella) == in_order
    assert listed(browser_of_stella, "?level=priority") == ["priority 4", "priority 1"]
    assert listed(browser_of_stella, f"?q={alice.email}") == in_order
    assert listed(browser_of_stella, "?q=nobody@example.com") == []


def test_only_those_that_wait_are_listed_unless_others_are_asked_for(
    browser_of_stella: Client, alice: User, stella: User, question: SupportRequest, now: datetime
) -> None:
    for hours, subject in enumerate(["First", "Second"], start=1):
        done = support.ask(wallet=alice.wallet, topic="", subject=subject, message="?", now=now)
        support.answer(request_id=done.pk, text="!", actor=stella, now=now + timedelta(hours=hours))
    assert listed(browser_of_stella) == ["It's broken"]
    assert listed(browser_of_stella, "?answer=yes") == ["Second", "First"]
    assert sorted(listed(browser_of_stella, "?answer=any")) == ["First", "It's broken", "Second"]
    page = browser_of_stella.get(URL).content.decode()
    assert "Not answered" in page


def test_staff_read_it_with_its_words(browser_of_rita: Client, question: SupportRequest) -> None:
    page = browser_of_rita.get(f"{URL}{question.pk}/change/").content.decode()
    for words in (
        "Nobody has answered it yet.",
        "Since noon.<br>&lt;b&gt;Help&lt;/b&gt;",
        "alice@example.com",
        "Basic",
    ):
        assert words in page
    assert answer_of(question) not in page
    wallet = browser_of_rita.get(f"/admin/billing/wallet/{question.wallet_id}/change/").content.decode()
    assert "Questions to our support" in wallet
    assert "It&#x27;s broken" in wallet


def test_stella_answers_and_alice_is_told(
    browser_of_stella: Client, stella: User, question: SupportRequest, now: datetime
) -> None:
    assert answer_of(question) in browser_of_stella.get(f"{URL}{question.pk}/change/").content.decode()
    asked = browser_of_stella.get(answer_of(question)).content.decode()
    assert "Since noon.\n&lt;b&gt;Help&lt;/b&gt;" in asked
    assert "shown on their support page and mailed to alice@example.com." in asked
    page = look(browser_of_stella, answer_of(question), answer="It works again.")
    assert "<strong>It works again.</strong>" in page
    page = press(browser_of_stella, answer_of(question), page)
    assert "It is answered, and mailed in a moment." in page
    question.refresh_from_db()
    assert (question.answer, question.answered_at, question.answered_by) == ("It works again.", now, stella)
    assert Message.objects.get(kind="support_answer").wallet == question.wallet
    line = LogEntry.objects.get()
    assert (line.user, line.object_id, line.change_message) == (stella, str(question.pk), "Answered.")


def test_a_double_click_answers_once_and_a_colleague_loses_no_words(
    browser_of_stella: Client, question: SupportRequest
) -> None:
    late = look(browser_of_stella, answer_of(question), answer="Try it again.")
    page = look(browser_of_stella, answer_of(question), answer="It works again.")
    for said in ("It is answered, and mailed in a moment.", "It was done before."):
        assert said in press(browser_of_stella, answer_of(question), page)
    assert "It is answered already." in browser_of_stella.get(answer_of(question), follow=True).content.decode()
    page = press(browser_of_stella, answer_of(question), late)
    assert "stella@example.com has answered it meanwhile. Yours wasn&#x27;t sent." in page
    assert "Try it again.</textarea>" in page
    question.refresh_from_db()
    assert question.answer == "It works again."
    assert len(acts_on_record()) == Message.objects.filter(kind="support_answer").count() == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "This field is required."), (" \n", "This field is required."), ("x" * 4_001, "at most 4000 characters")],
)
def test_an_answer_says_something(
    browser_of_stella: Client, question: SupportRequest, text: str, complaint: str
) -> None:
    assert complaint in browser_of_stella.post(answer_of(question), {"answer": text}).content.decode()
    question.refresh_from_db()
    assert question.answered_at is None


def test_nobody_answers_without_the_right(
    browser_of_rita: Client, browser_of_bob: Client, browser_of_stella: Client, question: SupportRequest
) -> None:
    sent = {"answer": "Never mind."}
    assert browser_of_rita.get(answer_of(question)).status_code == 403
    assert browser_of_rita.post(answer_of(question), sent).status_code == 403
    assert browser_of_bob.post(answer_of(question), sent, follow=True).status_code == 403
    for number in ("999999", "9" * 40, "x"):
        assert browser_of_stella.post(f"{URL}{number}/answer/", sent).status_code == 404
    question.refresh_from_db()
    assert question.answered_at is None
    rita = User.objects.get(email="rita@example.com")
    rita.user_permissions.add(Permission.objects.get(codename="answer_support_request"))
    assert "mailed in a moment" in do(browser_of_rita, answer_of(question), **sent)


def test_an_erased_owner_s_question_can_still_be_read(browser_of_stella: Client, question: SupportRequest) -> None:
    Wallet.objects.filter(pk=question.wallet_id).update(owner=None)
    assert f"Wallet {question.wallet_id}, erased" in browser_of_stella.get(URL).content.decode()
    assert "mailed to nobody" in browser_of_stella.get(answer_of(question)).content.decode()


def test_the_staff_s_page_leads_there(browser_of_stella: Client, browser_of_rita: Client) -> None:
    for browser in (browser_of_stella, browser_of_rita):
        assert f'href="{URL}">Questions to our support' in browser.get("/admin/").content.decode()
