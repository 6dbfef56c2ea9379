"""A statement has every entry of its days, and proves itself."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import accumulate
from pathlib import Path

import pytest
from django.db import transaction
from django.template.loader import render_to_string
from hypothesis import given, settings

from accounts.models import User
from billing import metering
from billing.models import Chatbot, Wallet
from billing.selectors import exports
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import custom
from billing.services import settlement
from billing.tests.exports.reading import (
    as_exported,
    entries_of,
    from_csv,
    from_jsonl,
    from_xlsx,
    in_credits,
    with_moments,
)
from billing.tests.lives import Life, Step, steps
from billing.tests.people import give, sign_up

READERS: dict[Format, Callable[[Iterable[bytes]], list[dict]]] = {
    Format.CSV: from_csv,
    Format.JSONL: from_jsonl,
    Format.XLSX: from_xlsx,
}
MARCH, APRIL = (date(2025, 3, 1), date(2025, 3, 31)), (date(2025, 4, 1), date(2025, 4, 30))
QUIET = (date(2025, 3, 12), date(2025, 3, 20))
every_format = pytest.mark.parametrize("file_format", READERS)


def statement(wallet: Wallet, first: date, last: date, file_format: Format = Format.CSV) -> bytes:
    wanted = Wanted(wallet, What.STATEMENT, custom(first, last))
    if file_format != Format.XLSX:
        return b"".join(exports.stream(wanted, file_format))
    file = io.BytesIO()
    exports.spreadsheet(wanted, file)
    return file.getvalue()


def rows(wallet: Wallet, first: date, last: date, file_format: Format = Format.CSV) -> list[dict]:
    return READERS[file_format]([statement(wallet, first, last, file_format)])


@pytest.fixture
def busy(alice: User, now: datetime) -> Wallet:
    """Alice's wallet after two days of everything, and a reset in April."""
    wallet, hour = alice.wallet, timedelta(hours=1)
    bot = Chatbot.objects.create(wallet=wallet, name="Ada", model_id="gpt-4o-mini", created_at=now)
    give(wallet, 50_500, now=now)
    detail: dict[str, object] = {"input_tokens": 1_842, "output_tokens": 611}
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=2_453, key="chat", detail=detail, now=now + hour)
    hold = metering.hold(wallet=wallet, feature="o1-preview", quantity=2_000, key="hold", now=now + 2 * hour)
    metering.charge(wallet=wallet, feature="analytics", quantity=1, key="free", now=now + 2 * hour)
    metering.capture(wallet=wallet, hold=hold, quantity=1_000, now=now + 2 * hour)
    metering.charge(
        wallet=wallet,
        feature="chatbot-message",
        priced_as="gpt-4o-mini",
        quantity=735,
        key="reply",
        source=bot.source,
        now=now + 3 * hour,
    )
    nodes = [metering.Node(name="News", feature="web-search", quantity=2), metering.Node(name="Every Monday")]
    metering.charge_workflow(wallet=wallet, workflow="weekly-report", nodes=nodes, key="run", now=now + 20 * hour)
    metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="still held", now=now + (24 * 21 + 14) * hour)
    settlement.settle(wallet_id=wallet.pk, now=datetime(2025, 4, 11, tzinfo=UTC))
    wallet.refresh_from_db()
    return wallet


@every_format
def test_it_lists_every_entry_of_its_days_as_the_books_have_it(busy: Wallet, file_format: Format) -> None:
    everything = rows(busy, MARCH[0], APRIL[1], file_format)
    entries = busy.entries.order_by("sequence")
    assert with_moments(entries_of(everything)) == as_exported(busy, entries)
    march = entries_of(rows(busy, *MARCH, file_format))
    assert [row["sequence"] for row in march] == list(
        entries.filter(posted_on__lte=MARCH[1]).values_list("sequence", flat=True)
    )


@every_format
def test_opening_and_changes_make_the_closing_balance(busy: Wallet, file_format: Format) -> None:
    for days in (MARCH, APRIL, (MARCH[0], APRIL[1]), (date(2025, 3, 11), date(2025, 3, 11))):
        opening, *entries, closing, control = rows(busy, *days, file_format)
        assert [opening["kind"], closing["kind"], control["kind"]] == ["opening", "closing", "control"]
        for balance, change in (("balance", "change"), ("held", "held_change")):
            running = accumulate((entry[change] for entry in entries), initial=opening[balance])
            assert list(running) == [opening[balance], *(entry[balance] for entry in entries)]
            assert opening[balance] + control[change] == closing[balance] == control[balance]
        assert control["quantity"] == len(entries) == closing["sequence"] - opening["sequence"]
        assert control["cost"] == sum(entry["cost"] for entry in entries)


def test_the_closing_balance_is_the_next_opening_balance(busy: Wallet) -> None:
    march, april = rows(busy, *MARCH), rows(busy, *APRIL)
    for name in ("sequence", "balance", "held"):
        assert march[-2][name] == april[0][name]
    assert march[-2]["held"] == 20
    assert april[-2]["held"] == 0
    assert (april[-2]["balance"], april[-2]["sequence"]) == (in_credits(busy.available), busy.sequence)


@every_format
def test_days_without_entries_are_a_valid_statement(busy: Wallet, file_format: Format) -> None:
    for days in (QUIET, (date(2024, 1, 1), date(2024, 12, 31)), (date(2990, 1, 1),) * 2):
        opening, closing, control = rows(busy, *days, file_format)
        assert opening["balance"] == closing["balance"] == control["balance"]
        assert opening["sequence"] == closing["sequence"]
        assert (control["quantity"], control["change"], control["what"]) == (0, 0, "Control sum of 0 entries")


def test_a_day_is_the_owners(db: None, now: datetime) -> None:
    kiran = sign_up("kiran", at=now, time_zone="Asia/Kathmandu")
    midnight = datetime(2025, 3, 31, 18, 15, tzinfo=UTC)
    for number, moment in enumerate((midnight - timedelta(microseconds=1), midnight)):
        metering.charge(wallet=kiran.wallet, feature="web-search", quantity=1, key=str(number), now=moment)
    (before,) = (row for row in rows(kiran.wallet, *MARCH) if row["kind"] == "charge")
    (after,) = (row for row in rows(kiran.wallet, *APRIL) if row["kind"] == "charge")
    assert (before["posted_at"], before["posted_on"]) == ("2025-03-31 23:59:59.999999+05:45", "2025-03-31")
    assert (after["posted_at"], after["posted_on"]) == ("2025-04-01 00:00:00+05:45", "2025-04-01")


def test_imported_usage_stands_on_the_day_it_was_posted(alice: User, now: datetime) -> None:
    earlier = now - timedelta(days=40)
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=1, key="old", occurred_at=earlier, now=now)
    row = rows(alice.wallet, *MARCH)[2]
    assert (row["reference"], row["posted_on"], row["counts_on"]) == ("old", "2025-03-10", "2025-01-29")


@given(drawn=steps)
@settings(max_examples=12)
@pytest.mark.django_db
def test_any_life_adds_up_in_every_format(now: datetime, drawn: list[Step]) -> None:
    with transaction.atomic():
        wallet = sign_up("lived", at=now, time_zone="America/St_Johns").wallet
        Life(wallet, now).run(drawn)
        expected = as_exported(wallet, wallet.entries.order_by("sequence"))
        for file_format in READERS:
            opening, *entries, closing, _ = rows(wallet, date(2025, 3, 1), date(2031, 1, 1), file_format)
            assert with_moments(entries) == expected
            assert (opening["balance"], closing["balance"]) == (0, in_credits(wallet.available))
            assert closing["held"] == in_credits(wallet.held)
        transaction.set_rollback(True)


class TestRecipes:
    """The recipes that the page gives, run on real files."""

    @pytest.fixture
    def check(self, busy: Wallet, tmp_path: Path) -> Callable[[str, bytes], subprocess.CompletedProcess[str]]:
        page = render_to_string("billing/_export_check.html")

        def run(name: str, content: bytes) -> subprocess.CompletedProcess[str]:
            recipe = unescape(page.partition(f'id="check-{name}">')[2].partition("</code>")[0])
            (tmp_path / f"statement.{name.replace('sums', 'csv')}").write_bytes(content)
            python = [sys.executable, "-c", recipe, "statement.csv"]
            command = python if name == "sums" else ["sh", "-c", recipe]
            return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603

        return run

    def test_the_sums(self, busy: Wallet, check: Callable) -> None:
        whole = statement(busy, *MARCH)
        assert check("sums", whole).stderr == ""
        changed = whole.replace(b"-12.265", b"-12.264")
        assert changed != whole
        assert "AssertionError" in check("sums", changed).stderr
        lines = whole.splitlines(keepends=True)
        assert "AssertionError" in check("sums", b"".join(lines[:4] + lines[5:])).stderr

    @pytest.mark.parametrize("file_format", [Format.CSV, Format.JSONL])
    def test_the_digest(self, busy: Wallet, file_format: Format, check: Callable) -> None:
        for days in (MARCH, (date(2024, 1, 1), date(2024, 1, 1))):
            content = statement(busy, *days, file_format)
            digest = READERS[file_format]([content])[-1]["reference"].removeprefix("sha256:")
            assert check(file_format, content).stdout.split() == [digest, "-"]
        assert from_xlsx([statement(busy, *days, Format.XLSX)])[-1] == from_csv([statement(busy, *days)])[-1]
        changed = statement(busy, *MARCH, file_format).replace(b"weekly-report", b"weekly_report")
        assert digest not in check(file_format, changed).stdout
