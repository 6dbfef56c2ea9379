"""Big exports in the browser: asked for, followed, fetched, and gone after a week."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import Export
from billing.selectors import exports as contents
from billing.selectors.copying import Format
from billing.services import exports
from billing.services.exports import LASTS
from billing.tests.exports.keeping import FULL, files, full_disk
from billing.tests.exports.reading import entries_of, from_csv
from billing.tests.pages.acts import charge
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import HTMX, words

__all__ = ["files", "full_disk"]

EXPORT = "/settings/billing/export/"
FILES = f"{EXPORT}files/"


@pytest.fixture(autouse=True)
def _big_is_more_than_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MOST_AT_ONCE", dict.fromkeys(Format, 2))


@pytest.fixture
def busy(alice: User, clock: Clock) -> User:
    """Alice has three entries."""
    for number in (1, 2):
        charge(alice, number, now=clock())
    return alice


def prepare(browser: Client, **changes: str) -> str:
    """Press the page's button and return where it leads."""
    page = browser.get(EXPORT, changes)
    form = re.search(rf'(?s)<form method="post" action="{FILES}".*?</form>', page.content.decode())
    assert form, "the page prepares nothing"
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))
    fields.pop("csrfmiddlewaretoken")
    answer = browser.post(FILES, fields)
    assert answer.status_code == 302
    return str(answer["Location"])


def write(clock: Clock) -> None:
    """Let a worker write what is due."""
    for export_id in exports.due(now=clock()):
        exports.write(export_id=export_id, clock=clock)


def test_a_big_file_is_prepared_followed_and_fetched(
    browser_of_alice: Client, busy: User, clock: Clock, files: Path
) -> None:
    page = browser_of_alice.get(EXPORT)
    assert "Big files are written in the background." in words(page)
    assert 'id="download"' not in page.content.decode()

    place = prepare(browser_of_alice)
    waiting = browser_of_alice.get(place)
    assert "Your file waits for its turn Statement, March 2025, CSV, 3 lines." in words(waiting)
    assert f'hx-get="{place}" hx-trigger="load delay:2s"' in waiting.content.decode()
    assert "<html" not in browser_of_alice.get(place, **HTMX).content.decode()
    assert "Statement, March 2025 CSV Waiting for its turn Follow" in words(browser_of_alice.get(EXPORT))

    write(clock)
    ready = browser_of_alice.get(place, **HTMX)
    assert "Your file is ready Statement, March 2025, CSV," in words(ready)
    assert "It is kept until 17 Mar 2025, 09:30." in words(ready)
    assert "hx-trigger" not in ready.content.decode()
    assert "kept until 17 Mar 2025, 09:30 Download" in words(browser_of_alice.get(EXPORT))

    answer = browser_of_alice.get(f"{place}download/")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="cleverai-statement-2025-03-01-to-2025-03-31.csv"' in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "no-store"
    assert [row["sequence"] for row in entries_of(from_csv(answer.streaming_content))] == [1, 2, 3]


def test_a_second_click_leads_to_the_same_file(browser_of_alice: Client, busy: User, files: Path) -> None:
    assert prepare(browser_of_alice) == prepare(browser_of_alice)
    assert prepare(browser_of_alice, format="jsonl") != prepare(browser_of_alice)


def test_the_filters_come_along(browser_of_alice: Client, busy: User, clock: Clock, files: Path) -> None:
    for feature in ("web-search", "gpt-4o", "flux-pro"):
        metering.charge(wallet=busy.wallet, feature=feature, quantity=1, key=feature, now=clock())
    place = prepare(browser_of_alice, what="usage", span="30d", source="app")
    assert "Usage, 9 Feb – 10 Mar 2025, filtered, CSV" in words(browser_of_alice.get(place))


def test_more_than_three_at_once_are_refused_in_words(browser_of_alice: Client, busy: User, files: Path) -> None:
    for file_format in ("csv", "jsonl", "xlsx"):
        prepare(browser_of_alice, format=file_format)
    place = prepare(browser_of_alice, span="custom", **{"from": "2025-03-09", "to": "2025-03-10"})
    assert place.startswith(f"{EXPORT}?")
    assert "3 of your files are still being written." in words(browser_of_alice.get(place))


def test_after_a_week_it_says_so_and_can_be_made_again(
    browser_of_alice: Client, busy: User, clock: Clock, files: Path
) -> None:
    place = prepare(browser_of_alice)
    write(clock)
    clock.now += LASTS
    for _ in range(2):
        answer = browser_of_alice.get(f"{place}download/", follow=True)
        assert answer.status_code == 410
        assert "This file is no longer kept Statement, March 2025, CSV. Its week ended on 17 Mar 2025." in words(answer)
        again = re.search(r'href="([^"]+)">Make it again', answer.content.decode())
        assert again
        exports.remove_expired(now=clock())
    assert "Statement, March 2025 CSV Expired" in words(browser_of_alice.get(EXPORT))
    assert "from=2025-03-01&amp;to=2025-03-31" in again[1]


def test_a_file_that_is_lost_is_told(browser_of_alice: Client, busy: User, clock: Clock, files: Path) -> None:
    place = prepare(browser_of_alice)
    write(clock)
    for file in files.iterdir():
        file.unlink()
    answer = browser_of_alice.get(f"{place}download/")
    assert answer.status_code == 410
    assert "It was lost where files are kept. Your books weren’t." in words(answer)


def test_trouble_is_told_while_it_lasts(browser_of_alice: Client, busy: User, clock: Clock, full_disk: Path) -> None:
    place = prepare(browser_of_alice)
    write(clock)
    assert "Something went wrong; the next attempt is at 09:31." in words(browser_of_alice.get(place))
    (full_disk / FULL).unlink()
    clock.moves(minutes=1)
    write(clock)
    assert "Your file is ready" in words(browser_of_alice.get(place))


def test_what_failed_for_good_is_told(browser_of_alice: Client, busy: User, clock: Clock, full_disk: Path) -> None:
    place = prepare(browser_of_alice)
    for _ in range(exports.ATTEMPTS):
        write(clock)
        clock.moves(hours=2)
    assert "The file couldn’t be written" in words(browser_of_alice.get(place))
    assert browser_of_alice.get(f"{place}download/")["Location"] == place


def test_bob_finds_nothing_of_it(
    browser_of_alice: Client, browser_of_bob: Client, busy: User, clock: Clock, files: Path
) -> None:
    place = prepare(browser_of_alice)
    write(clock)
    for address in (place, f"{place}download/", f"{FILES}{10**30}/"):
        assert browser_of_bob.get(address).status_code == 404
    assert "Statement, March 2025" not in words(browser_of_bob.get(EXPORT))


def test_nonsense_begins_nothing(browser_of_alice: Client, busy: User) -> None:
    answer = browser_of_alice.post(FILES, {"what": "usage", "feature": "gpt-9"})
    assert "was left out: feature “gpt-9”" in words(browser_of_alice.get(answer["Location"]))
    assert browser_of_alice.get(FILES).status_code == 405
    assert not Export.objects.exists()


def test_a_big_workbook_s_address_leads_to_the_page(browser_of_alice: Client, busy: User) -> None:
    answer = browser_of_alice.get(f"{EXPORT}statement.xlsx")
    assert answer["Location"].startswith(f"{EXPORT}?what=statement&format=xlsx&")
    assert browser_of_alice.get(f"{EXPORT}statement.csv").status_code == 200


def test_the_notification_leads_to_the_files(browser_of_alice: Client, busy: User, clock: Clock, files: Path) -> None:
    prepare(browser_of_alice)
    write(clock)
    page = words(browser_of_alice.get("/settings/billing/notifications/"))
    assert "Your export is ready: Statement, March 2025 New CSV," in page
    assert "It is kept until 17 Mar 2025." in page


def test_the_sum_of_a_day_needs_no_worker(browser_of_alice: Client, alice: User, clock: Clock) -> None:
    clock.now += timedelta(days=1)
    assert 'id="download"' in browser_of_alice.get(EXPORT).content.decode()
