"""Staff see on their first page whether the clockwork runs, and on the proof's page each of its tasks."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser
from billing import tasks
from billing.models import Heartbeat
from billing.services import clockwork
from billing.tests.admin.conftest import browser_of_stella

__all__ = ["browser_of_stella"]

PROOF = "/admin/billing/ledgerentry/proof/"
RUNS = "The clockwork runs: every periodic task ended well in time."


def page(browser: Client, url: str = "/admin/") -> str:
    return re.sub(r"\s+", " ", browser.get(url).content.decode())


def test_a_clockwork_that_runs_says_so(browser_of_stella: Client) -> None:
    tasks.write_heartbeat()
    assert RUNS in page(browser_of_stella)


def test_late_tasks_are_named_with_what_they_are_for(browser_of_stella: Client) -> None:
    tasks.write_heartbeat()
    tasks.settle_due_wallets()
    late = Heartbeat.objects.filter(pk__in=["settle_due_wallets", "prove_books"])
    late.update(beat_at=F("beat_at") - timedelta(hours=40))
    found = page(browser_of_stella)
    assert "The clockwork is late." in found
    assert "<code>settle_due_wallets</code>, which resets cycles" in found
    assert "last ended well 1 day, 16 hours ago" in found
    assert "<code>prove_books</code>, which checks every sum of the books: has not run yet." in found
    assert "sweep_messages" not in found
    assert RUNS not in found


def test_the_proof_s_page_lists_all_of_them(browser_of_stella: Client) -> None:
    tasks.write_heartbeat()
    tasks.settle_due_wallets()
    found = page(browser_of_stella, PROOF)
    for each in settings.PERIODIC_TASKS:
        assert f"<code>{each.task}</code>" in found
    assert "<td>Wallets settled: 1.</td>" in found
    assert found.count("<td>not yet</td>") == len(settings.PERIODIC_TASKS) - 2
    assert "<strong>late</strong>" not in found


def test_what_waits_too_long_is_counted_with_the_proof(browser_of_stella: Client, stella: User) -> None:
    found = re.sub(r"\s+", " ", browser_of_stella.post(PROOF).content.decode())
    assert clockwork.overdue() == {"wallets with something due": 1}
    assert "1 wallets with something due, for more than five minutes." in found


@pytest.mark.django_db
def test_who_may_not_see_the_books_is_not_told(stella: User) -> None:
    User.objects.filter(pk=stella.pk).update(is_superuser=False)
    browser = staff_browser(User.objects.get(pk=stella.pk))
    assert "clockwork" not in page(browser)
