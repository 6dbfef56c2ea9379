"""Many approve at once, and one splits an amount over many clicks at once: each act is done once, within limits."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from billing.admin.act_pages import carry_out
from billing.admin.adjustments import Adjust
from billing.admin.forms import AdjustmentForm, ReasonForm
from billing.admin.proposals import Approve
from billing.errors import MeteringError
from billing.models import Proposal, StaffAct
from billing.tests.people import books, sign_up
from billing.tests.races.together import run_together

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _clock(now: datetime) -> Iterator[None]:
    """Keep the acts' clock at `now`."""
    with patch("django.utils.timezone.now", return_value=now):
        yield


def adjust(actor: User, user: User, amount: str, key: str) -> bool:
    """Go through an adjustment of one form; return whether it was done rather than proposed."""
    deed = Adjust(user.wallet)
    form = AdjustmentForm({"amount": amount, "reason": "Goodwill", "expires_at": ""})
    assert form.is_valid()
    seen = deed.look(deed.answers(form)).effect
    return carry_out(deed, form, key=key, seen=seen, actor=actor).done is not None


def test_eight_approvers_at_once_do_it_once(stella: User, alice: User, now: datetime) -> None:
    assert not adjust(stella, alice, "6000", "form")
    proposal = Proposal.objects.get()
    approvers = [sign_up(f"owner{number}", at=now, is_staff=True, is_superuser=True) for number in range(8)]

    def approve(approver: User) -> str:
        deed, form = Approve(Approve.rows().get(pk=proposal.pk)), ReasonForm({"reason": "Yes"})
        assert form.is_valid()
        seen = "6000000 False"
        try:
            result = carry_out(deed, form, key=str(approver.pk), seen=seen, actor=approver)
        except MeteringError as error:
            return str(error)
        return "Done." if result.is_new else ""

    ends = run_together(approve, approvers)
    assert ends.count("Done.") == 1
    assert sum("already: approved" in end for end in ends) == 7
    assert books(alice.wallet, after=1) == [("grant", 6_000_000, 0, 0)]
    proposal.refresh_from_db()
    assert proposal.decided_by in approvers
    assert StaffAct.objects.filter(act="adjustment", proposal=proposal).count() == 1
    assert LogEntry.objects.filter(change_message__startswith="Approved proposal").count() == 1


def test_an_amount_split_over_many_clicks_at_once_stays_within_the_limit(
    stella: User, alice: User, settings: Any
) -> None:
    settings.STAFF_LIMIT_CREDITS = 100
    outcomes = run_together(lambda number: adjust(stella, alice, "30", f"form-{number}"), range(8))
    assert sorted(outcomes) == [False] * 5 + [True] * 3
    assert books(alice.wallet, after=1) == [("grant", 30_000, 0, 0)] * 3
    assert Proposal.objects.count() == 5


def test_a_click_that_comes_eight_times_at_once_is_one(stella: User, alice: User) -> None:
    assert run_together(lambda _: adjust(stella, alice, "30", "form"), range(8)) == [True] * 8
    assert books(alice.wallet, after=1) == [("grant", 30_000, 0, 0)]
    assert StaffAct.objects.count() == LogEntry.objects.count() == 1
