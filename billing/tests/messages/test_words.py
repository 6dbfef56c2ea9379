"""What each mail says, in its subject, its text and its laid-out page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.errors import InsufficientCredits
from billing.models import Chatbot, Message, Plan, Purchase
from billing.services import settlement, subscriptions, support
from billing.tests.messages.conftest import Mail, Tell, page_of
from billing.tests.people import begin_paid_cycle, give

RESET = datetime(2025, 4, 10, tzinfo=UTC)
MailOf = Callable[..., Mail]


def use(user: User, credits_: int, now: datetime, *, feature: str = "gpt-4o-mini") -> None:
    """Use a feature for so many credits."""
    user.wallet.refresh_from_db()
    per_use = {"gpt-4o-mini": 1_000, "dall-e-3-standard": 40, "web-search": 5}
    quantity = credits_ * 1_000 if feature == "gpt-4o-mini" else credits_ // per_use[feature]
    key = f"use {user.wallet.sequence}"
    metering.charge(wallet=user.wallet, feature=feature, quantity=quantity, key=key, now=now)


def raised(user: User, kind: str) -> Message:
    """Return the newest message of a kind that the services raised."""
    return Message.objects.filter(wallet=user.wallet, kind=kind).order_by("-id")[0]


def test_welcome(tell: Tell, mail_of: MailOf) -> None:
    mail = mail_of(tell("welcome"))
    assert mail.subject == "Welcome to CleverAI"
    assert mail.to == ["alice@example.com"]
    assert "Hello Alice,\n\nYour wallet is ready. You are on Free, and 100 credits are waiting for you." in mail.body
    assert "- Plan: Free\n- Monthly credits: 100 credits\n- Next reset: 10 Apr 2025" in mail.body
    assert "Open billing:\nhttp://127.0.0.1:8000/settings/billing/\n" in mail.body


def test_low_credits_says_what_is_left_the_pace_the_reset_and_where_to_buy(
    alice: User, mail_of: MailOf, now: datetime
) -> None:
    use(alice, 40, now)
    use(alice, 42, now + timedelta(days=5))
    message = raised(alice, "low_credits")
    mail = mail_of(message, at=now + timedelta(days=8))
    assert mail.subject == "Credits are low: 18 credits left"
    assert "You have less than 20 % of your monthly credits left." in mail.body
    assert "What is left\n- Monthly credits: 18 credits\n- Next reset: 10 Apr 2025\n" in mail.body
    assert "- At this week’s pace: About 3 days\n" in mail.body
    assert "You can wait until 10 Apr 2025, when your monthly credits are reset, or buy more now." in mail.body
    assert "Buy credits:\nhttp://127.0.0.1:8000/settings/billing/buy/\n" in mail.body


def test_without_a_week_of_use_a_warning_invents_no_pace(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 96, now)
    mail = mail_of(raised(alice, "low_credits"))
    assert mail.subject == "Credits are very low: 4 credits left"
    assert "less than 5 % of your monthly credits" in mail.body
    assert "- At this week’s pace: Not enough data yet" in mail.body


def test_a_warning_says_what_is_left_when_it_is_sent(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 85, now)
    use(alice, 4, now)
    mail = mail_of(raised(alice, "low_credits"))
    assert mail.subject == "Credits are low: 11 credits left"
    assert "- Monthly credits: 11 credits" in mail.body


def test_out_of_credits(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 100, now)
    mail = mail_of(raised(alice, "low_credits"))
    assert mail.subject == "You are out of credits"
    assert "Your credits are used up. Free features go on; everything else waits for more credits." in mail.body


def test_a_refusal_with_credits_left_says_so(alice: User, mail_of: MailOf, now: datetime) -> None:
    with pytest.raises(InsufficientCredits):
        use(alice, 120, now)
    mail = mail_of(raised(alice, "low_credits"))
    assert mail.subject == "Not enough credits: 100 left"
    assert "Something needed more credits than you have." in mail.body


def test_what_is_set_aside_is_not_called_used_up(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 60, now)
    metering.hold(wallet=alice.wallet, feature="flux-pro", quantity=2, key="two images", now=now)
    with pytest.raises(InsufficientCredits):
        use(alice, 1, now)
    mail = mail_of(raised(alice, "low_credits"))
    assert "- Set aside for running work: 40 credits" in mail.body
    assert "All that is left, 40 credits, is set aside for work that is running." in mail.body


def test_a_reset_sums_up_the_cycle_that_ended(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 40, now, feature="dall-e-3-standard")
    use(alice, 10, now)
    give(alice.wallet, 1_000_000, now=now)
    settlement.settle(wallet_id=alice.wallet.pk, now=RESET)
    mail = mail_of(raised(alice, "cycle_reset"), at=RESET)
    assert mail.subject == "Your 100 credits for this month are ready"
    assert "100 monthly credits can be used until 10 May 2025." in mail.body
    assert (
        "The cycle that ended\n- DALL-E 3 Standard: 40 credits\n- GPT-4o Mini: 10 credits\n"
        "- Used together: 50 credits\n- Expired, unused: 50 credits\n\n"
        "What is there now\n- Monthly credits: 100 credits\n- Bought credits: 1,000 credits\n"
        "- Next reset: 10 May 2025\n"
    ) in mail.body
    assert "Credits that you bought are still there: they never expire." in mail.body


def test_a_reset_names_five_features_and_adds_the_others_up(alice: User, mail_of: MailOf, now: datetime) -> None:
    for number, feature in enumerate(
        ["gpt-4o-mini", "gpt-4o", "claude-3.5-sonnet", "o1-preview", "web-search", "pdf-summary", "stable-diffusion"]
    ):
        quantity = 1_000 if number < 4 else 1
        metering.charge(wallet=alice.wallet, feature=feature, quantity=quantity, key=feature, now=now)
    settlement.settle(wallet_id=alice.wallet.pk, now=RESET)
    body = mail_of(raised(alice, "cycle_reset"), at=RESET).body
    table = body.partition("The cycle that ended\n")[2].partition("\n\n")[0]
    assert table.count("\n") == 7
    assert "- O1 Preview: 15 credits\n" in table
    assert "- Other features: 4 credits\n- Used together: 49 credits\n- Expired, unused: 51 credits" in table


def test_a_reset_after_a_quiet_cycle(alice: User, mail_of: MailOf) -> None:
    settlement.settle(wallet_id=alice.wallet.pk, now=RESET)
    body = mail_of(raised(alice, "cycle_reset"), at=RESET).body
    assert "You used no credits in the cycle that ended." in body
    assert "- Expired, unused: 100 credits" in body


def test_a_receipt_says_what_was_bought_for_how_much_and_what_there_is_now(
    alice: User, tell: Tell, mail_of: MailOf, now: datetime
) -> None:
    give(alice.wallet, 1_000_000, now=now, key="bought", cents=10_00, payment="pi_1")
    purchase = Purchase.objects.get()
    mail = mail_of(tell("pack_receipt", purchase=purchase.pk))
    assert mail.subject == "Receipt: 1,000 credits for $10"
    assert (
        f"- Credits: 1,000 credits\n- Price: $10\n- Paid on: 10 Mar 2025\n- Receipt number: {purchase.pk}\n"
        "- New balance: 1,100 credits\n"
    ) in mail.body
    card_receipt = f"http://127.0.0.1:8000/settings/billing/purchases/{purchase.pk}/receipt/"
    assert f"Open the card receipt:\n{card_receipt}" in mail.body
    assert f'<a href="{card_receipt}">Open the card receipt</a>' in page_of(mail)
    assert "so it is always sent" in mail.body


def test_a_receipt_for_nothing_paid_by_card_has_no_card_receipt(
    alice: User, tell: Tell, mail_of: MailOf, now: datetime
) -> None:
    give(alice.wallet, 1_000_000, now=now, key="bought", cents=10_00)
    assert "card receipt" not in mail_of(tell("pack_receipt", purchase=Purchase.objects.get().pk)).body


def test_a_plan_that_began(alice: User, mail_of: MailOf, now: datetime) -> None:
    give(alice.wallet, 1_000_000, now=now)
    pro(alice, now)
    mail = mail_of(raised(alice, "plan_started"))
    assert mail.subject == "Pro has begun"
    assert "You are on Pro now. 5,000 monthly credits are in your wallet." in mail.body
    assert (
        "- Price: $29 a month\n- Monthly credits: 5,000 credits\n- Chatbots: 5\n- Support: Priority\n"
        "- Renews on: 10 Apr 2025\n"
    ) in mail.body
    assert "The 1,000 credits that you bought are still there and never expire." in mail.body


def test_an_unlimited_contract_that_began(alice: User, mail_of: MailOf, now: datetime) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    body = mail_of(raised(alice, "plan_started")).body
    assert "You are on Enterprise now. Your use of AI models and features is unlimited." in body
    assert "- Price: By contract\n- Monthly credits: Unlimited\n- Chatbots: Unlimited\n- Support: Dedicated\n" in body


def test_a_plan_that_will_end(alice: User, tell: Tell, mail_of: MailOf, now: datetime) -> None:
    pro(alice, now)
    mail = mail_of(tell("plan_changed", plan="pro", change="cancelling", ends_at=RESET.isoformat()))
    assert mail.subject == "Pro ends on 10 Apr 2025"
    assert (
        "You have cancelled Pro. Nothing more is charged, and everything stays as it is until 10 Apr 2025."
        " Then you are on Free with 100 credits a month." in mail.body
    )
    assert "If you have more than 1 chatbot then, the newest are paused; none is deleted." in mail.body


def test_a_plan_that_goes_on_after_all(alice: User, tell: Tell, mail_of: MailOf, now: datetime) -> None:
    pro(alice, now)
    mail = mail_of(tell("plan_changed", plan="pro", change="resumed", ends_at=RESET.isoformat()))
    assert mail.subject == "Pro goes on"
    assert "Your cancellation is withdrawn: Pro goes on, and the next payment is due around 10 Apr 2025." in mail.body
    assert "- Renews on: 10 Apr 2025" in mail.body


def test_a_plan_that_ended_says_what_it_left(alice: User, mail_of: MailOf, now: datetime) -> None:
    pro(alice, now)
    for name in ("First", "Second"):
        Chatbot.objects.create(wallet=alice.wallet, name=name, model_id="gpt-4o-mini", created_at=now)
    give(alice.wallet, 1_000_000, now=now)
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=RESET)
    mail = mail_of(raised(alice, "plan_ended"), at=RESET)
    assert mail.subject == "Pro has ended"
    assert "Pro has ended. You are on Free now, with 100 credits each month, and nothing more is charged." in mail.body
    assert (
        "The 1,000 credits that you bought are still there and never expire. 1 of your chatbots is paused" in mail.body
    )


def test_a_payment_that_failed_says_what_happens_next_and_how_to_mend_it(
    alice: User, tell: Tell, mail_of: MailOf, now: datetime
) -> None:
    pro(alice, now)
    give(alice.wallet, 1_000_000, now=now)
    mail = mail_of(tell("payment_failed", plan="pro", period_ends_at=RESET.isoformat()))
    assert mail.subject == "Your payment for Pro failed"
    assert (
        "Until it succeeds there are no new monthly credits. The 1,000 credits that you bought stay usable."
        in mail.body
    )
    assert "If no attempt succeeds, Pro ends and you are on Free." in mail.body
    assert "- Price: $29 a month\n- Paid until: 10 Apr 2025\n" in mail.body
    assert "Choose a card:\nhttp://127.0.0.1:8000/settings/billing/plans/\n" in mail.body


def test_an_answer_of_our_support_brings_the_question_along(
    alice: User, stella: User, mail_of: MailOf, now: datetime
) -> None:
    question = support.ask(
        wallet=alice.wallet, topic="", subject="A <strange> charge", message="What is it?\n\nI know\nnothing.", now=now
    )
    text = "A video & its sound.\n\nSee the receipt:\nit has both."
    support.answer(request_id=question.pk, text=text, actor=stella, now=now)
    mail = mail_of(raised(alice, "support_answer"))
    assert mail.subject == "Our support has answered: A <strange> charge"
    assert f"Hello Alice,\n\n{text}\n\nRead the answer:\nhttp://127.0.0.1:8000/support/\n" in mail.body
    assert "On 10 Mar 2025 you asked: A <strange> charge\n\nWhat is it?\n\nI know\nnothing." in mail.body
    assert "This mail answers a request of yours, so it is always sent." in mail.body
    page = page_of(mail)
    assert "<p>A video &amp; its sound.</p>" in page
    assert "See the receipt:<br>it has both." in page
    assert "A &lt;strange&gt; charge" in page


def test_a_file_that_is_ready_leads_to_its_page(alice: User, tell: Tell, mail_of: MailOf) -> None:
    facts = {"export": 7, "title": "Statement, March 2025", "format": "CSV"}
    mail = mail_of(tell("export", size=12_600_000, expires_at="2025-03-17T09:30:00+00:00", **facts))
    assert mail.subject == "Your export is ready: Statement, March 2025"
    assert "The file that you asked for is ready. Log in to download it; nobody else can." in mail.body
    assert (
        "- What: Statement, March 2025\n- Format: CSV\n- Size: 12.0 MB\n- Kept until: 17 Mar 2025\n\n"
        "Download the file:\nhttp://127.0.0.1:8000/settings/billing/export/files/7/\n"
    ) in mail.body
    assert "This mail is about a file that you asked for, so it is always sent." in mail.body


def test_a_file_that_failed_says_so(alice: User, tell: Tell, mail_of: MailOf) -> None:
    mail = mail_of(tell("export", export=7, title="Statement, March 2025", format="CSV"))
    assert mail.subject == "Your export couldn’t be written: Statement, March 2025"
    assert "Try again:\nhttp://127.0.0.1:8000/settings/billing/export/\n" in mail.body


def test_the_page_says_what_the_text_says(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 85, now)
    mail = mail_of(raised(alice, "low_credits"))
    page = page_of(mail)
    assert "<h1>Credits are low: 15 credits left</h1>" in page
    assert "<caption>What is left</caption>" in page
    assert '<th scope="row">Monthly credits</th><td>15 credits</td>' in page
    assert '<p class="action"><a href="http://127.0.0.1:8000/settings/billing/buy/">Buy credits</a></p>' in page
    assert "Hello Alice," in page


def test_days_are_those_of_the_reader(alice: User, mail_of: MailOf, now: datetime) -> None:
    alice.time_zone = "America/New_York"
    alice.save()
    use(alice, 85, now)
    assert "- Next reset: 9 Apr 2025" in mail_of(raised(alice, "low_credits")).body


def test_a_zone_that_this_machine_doesn_t_know_counts_as_utc(alice: User, mail_of: MailOf, now: datetime) -> None:
    use(alice, 85, now)
    type(alice.wallet).objects.filter(pk=alice.wallet.pk).update(time_zone="Mars/Olympus")
    assert "- Next reset: 10 Apr 2025" in mail_of(raised(alice, "low_credits")).body


def test_a_name_stays_a_name(alice: User, tell: Tell, mail_of: MailOf) -> None:
    alice.name = "Alice\r\nBcc: everybody@example.com\n\n<b>Boss</b>"
    alice.save()
    mail = mail_of(tell("welcome"))
    assert "Hello Alice Bcc: everybody@example.com <b>Boss</b>,\n" in mail.body
    assert "&lt;b&gt;Boss&lt;/b&gt;" in page_of(mail)
    assert mail.recipients() == ["alice@example.com"]
    assert "Bcc" not in mail.message()


def test_a_plan_s_name_can_t_reach_the_headers(alice: User, tell: Tell, mail_of: MailOf, now: datetime) -> None:
    Plan.objects.filter(pk="pro").update(name="Pro\r\nBcc: everybody@example.com")
    pro(alice, now)
    mail = mail_of(raised(alice, "plan_started"))
    assert mail.subject == "Pro Bcc: everybody@example.com has begun"
    assert mail.message()["Bcc"] is None


def test_somebody_without_a_name_is_greeted_without_one(alice: User, tell: Tell, mail_of: MailOf) -> None:
    alice.name = ""
    alice.save()
    assert mail_of(tell("welcome")).body.startswith("Hello,\n\nYour wallet is ready.")


def pro(user: User, now: datetime) -> None:
    """Put somebody on Pro until 10 April."""
    begin_paid_cycle(
        wallet_id=user.wallet.pk, plan="pro", starts_at=now, ends_at=RESET, business_key=f"line at {now}", now=now
    )
    user.wallet.refresh_from_db()
