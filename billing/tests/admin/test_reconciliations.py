"""Staff read what reconciliations found, and have one done now."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app
from django.test import Client

from billing.models import ReconciliationRun

pytestmark = pytest.mark.django_db
URL = "/admin/billing/reconciliationrun/"
FINDING = "Grant 7 of wallet 3 (checkout_session:cs_1) has no purchase."


@pytest.fixture
def runs(now: datetime) -> list[ReconciliationRun]:
    """A run that found something, one that found nothing, and one that was broken off."""
    hour = timedelta(hours=1)
    return [
        ReconciliationRun.objects.create(
            started_at=now - 2 * hour,
            finished_at=now - 2 * hour,
            counts={"events seen": 1_204, "events missed": 2},
            findings=[FINDING],
        ),
        ReconciliationRun.objects.create(started_at=now - hour, finished_at=now - hour),
        ReconciliationRun.objects.create(started_at=now, findings=["Stripe couldn't be asked to the end: <busy>"]),
    ]


def page_of(browser: Client, run: ReconciliationRun) -> str:
    return browser.get(f"{URL}{run.pk}/change/").content.decode()


def test_the_list_says_what_each_went_through(browser_of_stella: Client, runs: list[ReconciliationRun]) -> None:
    answer = browser_of_stella.get(URL)
    assert answer.context["cl"].result_list == runs[::-1]
    page = answer.content.decode()
    assert "1,204 events seen, 2 events missed" in page
    assert "Not to the end" in page
    found = browser_of_stella.get(f"{URL}?findings=yes").context["cl"].result_list
    assert found == [runs[2], runs[0]]


def test_a_run_says_in_words_what_is_left_for_a_person(
    browser_of_stella: Client, runs: list[ReconciliationRun]
) -> None:
    found, agreed, broken = (page_of(browser_of_stella, run) for run in runs)
    assert FINDING in found
    assert "1,204" in found
    assert "agree" not in found
    assert "Our books and Stripe&#x27;s agree." in agreed.replace("Stripe's", "Stripe&#x27;s")
    assert "It was broken off." in broken
    assert "&lt;busy&gt;" in broken


def test_stella_has_one_done_now(
    browser_of_stella: Client, runs: list[ReconciliationRun], django_capture_on_commit_callbacks: Any
) -> None:
    assert f"{URL}now/" in browser_of_stella.get(URL).content.decode()
    with patch.object(current_app, "send_task") as send, django_capture_on_commit_callbacks(execute=True):
        asked = browser_of_stella.get(f"{URL}now/").content.decode()
        send.assert_not_called()
        page = browser_of_stella.post(f"{URL}now/", follow=True).content.decode()
    assert send.call_args.args == ("billing.tasks.reconcile_with_stripe",)
    assert "twice is harmless" in asked
    assert "A worker begins in a moment." in page


def test_nobody_without_the_right_has_one_done(
    browser_of_rita: Client, browser_of_bob: Client, runs: list[ReconciliationRun]
) -> None:
    assert f"{URL}now/" not in browser_of_rita.get(URL).content.decode()
    assert browser_of_rita.post(f"{URL}now/").status_code == 403
    assert browser_of_bob.post(f"{URL}now/", follow=True).status_code == 403
    assert Client().post(f"{URL}now/").status_code == 302


def test_the_proof_says_what_the_last_one_found(browser_of_stella: Client, runs: list[ReconciliationRun]) -> None:
    proof = "/admin/billing/ledgerentry/proof/"
    page = browser_of_stella.post(proof).content.decode()
    assert "and was broken off" in page
    assert "&lt;busy&gt;" in page
    runs[2].delete()
    assert "It left nothing to a person." in browser_of_stella.post(proof).content.decode()
    ReconciliationRun.objects.all().delete()
    assert "There was no reconciliation with Stripe yet." in browser_of_stella.post(proof).content.decode()
