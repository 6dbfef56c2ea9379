"""`manage.py import_usage`: past usage goes through the real charge, once, and every line is accounted for."""

import csv
import json
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from billing.management import usage_import
from billing.management.usage_log import Broken, CsvLog, JsonLinesLog, Occurrences
from billing.models import DailyUsage, LedgerEntry, Wallet
from billing.services import subscriptions
from billing.tests.people import books, give

SAMPLE = Path(settings.BASE_DIR) / "sandbox/sample_data/usage.csv"
CALLS, TOKENS, COST = 321, 381_524, 1_907_620
HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"


@pytest.fixture
def now() -> datetime:
    """The command asks the real clock, so these people have just signed up."""
    return timezone.now()


@pytest.fixture
def unlimited(alice: User, now: datetime) -> Wallet:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=None, now=now)
    return alice.wallet


def run(file: Path, *, wallet: str | None = "alice@example.com", feature: str | None = "gpt-4o", **options) -> str:
    """Import a file and return what the command printed."""
    told = StringIO()
    options = {"at": "TIMESTAMP", "quantity": "ContextTokens+GeneratedTokens"} | options
    call_command("import_usage", str(file), wallet=wallet, feature=feature, stdout=told, **options)
    return told.getvalue()


def figures(output: str) -> dict[str, tuple[str, ...]]:
    """Return the summary's first lines: what, how many lines, how many credits."""
    return {
        line[:15].strip(): tuple(line[15:].replace("credits", "").split())
        for line in output.splitlines()
        if line[:1].isalpha() and line[15:16] == " "
    }


def write(folder: Path, text: str | bytes, name: str = "log.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_every_call_of_the_sample_is_charged_to_the_last_digit(unlimited: Wallet) -> None:
    output = run(SAMPLE)
    assert figures(output) == {
        "Lines read": ("321",),
        "Charged": ("321", "1,907.62"),
        "Charged before": ("0", "0"),
        "Refused": ("0", "0"),
        "Broken": ("0",),
    }
    assert "gpt-4o: 321 uses, 381,524 tokens, 1,907.62 credits" in output
    charged = LedgerEntry.objects.filter(wallet=unlimited, kind="charge")
    assert (charged.count(), sum(entry.quantity for entry in charged), sum(entry.cost for entry in charged)) == (
        CALLS,
        TOKENS,
        COST,
    )
    day = DailyUsage.objects.get(wallet=unlimited)
    assert (day.used_on, day.source, day.uses, day.quantity, day.cost) == (
        date(2025, 11, 3),
        "import",
        CALLS,
        TOKENS,
        COST,
    )


def test_the_tokens_in_and_out_are_kept_on_the_entry(unlimited: Wallet) -> None:
    days = [timezone.now().date()]
    run(SAMPLE)
    days.append(timezone.now().date())
    entry = unlimited.entries.filter(kind="charge").earliest("sequence")
    assert (entry.detail, entry.quantity, entry.source) == ({"input_tokens": 597, "output_tokens": 149}, 746, "import")
    assert entry.used_on == date(2025, 11, 3)
    assert entry.posted_on in days


def test_the_same_file_twice_charges_once(unlimited: Wallet) -> None:
    run(SAMPLE)
    before = books(unlimited)
    assert figures(run(SAMPLE)) == {
        "Lines read": ("321",),
        "Charged": ("0", "0"),
        "Charged before": ("321", "1,907.62"),
        "Refused": ("0", "0"),
        "Broken": ("0",),
    }
    assert books(unlimited) == before


def test_a_file_that_grew_charges_what_is_new(unlimited: Wallet, tmp_path: Path) -> None:
    lines = SAMPLE.read_text().splitlines(keepends=True)
    assert figures(run(write(tmp_path, "".join(lines[:101]))))["Charged"] == ("100", "512.61")
    # Saved elsewhere meanwhile: a byte-order mark and other line ends change nothing of what a line says.
    grown = write(tmp_path, b"\xef\xbb\xbf" + "".join(lines).replace("\n", "\r\n").encode())
    found = figures(run(grown))
    assert (found["Charged"], found["Charged before"]) == (("221", "1,395.01"), ("100", "512.61"))


def test_equal_lines_are_uses_of_their_own(unlimited: Wallet, tmp_path: Path) -> None:
    file = write(tmp_path, HEADER + "2025-01-02 03:04:05,900,100\n" * 3)
    assert figures(run(file))["Charged"] == ("3", "15")
    assert figures(run(file))["Charged before"] == ("3", "15")


def test_with_too_few_credits_charged_and_refused_are_the_whole_and_it_never_goes_below_zero(
    alice: User, now: datetime
) -> None:
    wallet = alice.wallet
    give(wallet, 900_000, now=now)
    output = run(SAMPLE)
    found = figures(output)
    charged, refused = (int(found[name][1].replace(".", "").replace(",", "")) for name in ("Charged", "Refused"))
    assert charged + refused == COST
    assert int(found["Charged"][0]) + int(found["Refused"][0]) == CALLS
    wallet.refresh_from_db()
    assert wallet.available == 1_000_000 - charged
    assert min(entry.available_after for entry in wallet.entries.all()) >= 0
    assert {notice.level for notice in wallet.notices.all()} >= {1, 3}
    assert "refused: This needs" in output
    assert "more; --refused FILE writes them all." in output
    before = books(wallet)
    again = figures(run(SAMPLE))
    assert (again["Charged before"], again["Refused"]) == (found["Charged"], found["Refused"])
    assert books(wallet) == before


def test_after_buying_a_pack_the_same_command_charges_the_rest(alice: User, now: datetime) -> None:
    run(SAMPLE)
    give(alice.wallet, 5_000_000, now=now)
    run(SAMPLE)
    assert sum(cost for _, _, _, cost in books(alice.wallet)) == COST


def test_a_file_with_every_line_that_was_not_charged(alice: User, tmp_path: Path) -> None:
    refused = tmp_path / "refused.csv"
    output = run(SAMPLE, refused=refused)
    rows = list(csv.DictReader(refused.read_text().splitlines()))
    assert len(rows) == int(figures(output)["Refused"][0])
    assert rows[0].keys() == {"line", "outcome", "credits", "reason"}
    assert {row["outcome"] for row in rows} == {"refused"}
    assert "more; all are in the file." in output


def test_a_dry_run_foretells_and_changes_nothing(alice: User, now: datetime) -> None:
    run(SAMPLE, quantity="ContextTokens")  # the same lines stand for another request now
    before = books(alice.wallet)
    assert "already stands for another request" in run(SAMPLE, dry_run=True)
    assert books(alice.wallet) == before


def test_a_dry_run_says_what_the_real_one_does(alice: User, now: datetime) -> None:
    give(alice.wallet, 300_000, now=now)
    foretold = run(SAMPLE, dry_run=True)
    assert books(alice.wallet) == [("grant", 100_000, 0, 0), ("grant", 300_000, 0, 0)]
    assert not alice.wallet.notices.exists()
    assert foretold.replace("To charge", "Charged  ") == run(SAMPLE) + "Nothing was changed: this was a dry run.\n"
    assert figures(run(SAMPLE, dry_run=True))["To charge"] == ("0", "0")


def test_a_dry_run_counts_on_what_time_has_brought(db: None) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    person = User.objects.create_user("old@example.com", joined_at=long_ago)
    assert int(figures(run(SAMPLE, wallet="old@example.com", dry_run=True))["To charge"][0]) > 0
    assert Wallet.objects.get(owner=person).sequence == 1


def test_a_suspended_wallet_refuses_every_line_and_says_so(alice: User, now: datetime) -> None:
    Wallet.objects.filter(owner=alice).update(suspended_at=now)
    for dry_run in (True, False):
        output = run(SAMPLE, dry_run=dry_run)
        assert figures(output)["Refused"] == ("321", "1,907.62")
        assert "suspended" in output


def test_a_limit_above_which_its_owner_is_asked_stops_no_line(unlimited: Wallet, alice: User, now: datetime) -> None:
    give(alice.wallet, 2 * COST, now=now)
    Wallet.objects.filter(owner=alice).update(unlimited=False, confirm_above=0)
    for dry_run in (True, False):
        assert figures(run(SAMPLE, dry_run=dry_run))["Refused"][0] == "0"


def test_each_broken_line_is_named_and_the_others_are_charged(unlimited: Wallet, tmp_path: Path) -> None:
    lines = [
        b"2025-01-02 03:04:05,900,100\n",
        b"\n",
        b"2025-01-02 03:04:05,many,100\n",
        b"2025-01-02 03:04:05,-5,100\n",
        b"2025-01-02 03:04:05,1.5,100\n",
        b"2025-01-02 03:04:05,,100\n",
        b"2025-01-02 03:04:05,900\n",
        b"2025-01-02 03:04:05,900,100,7\n",
        b"yesterday,900,100\n",
        b"1969-01-02 03:04:05,900,100\n",
        b"2999-01-02 03:04:05,900,100\n",
        b"2025-01-02 03:04:05,0,0\n",
        b"2025-01-02 03:04:05,9223372036854775807,9223372036854775807\n",
        b"2025-01-02 03:04:05,99999999999999999999,1\n",
        b"2025-01-02 03:04:05,\xff\xfe,100\n",
        b'2025-01-02 03:04:05,"900"x,100\n',
        b"2025-01-02 03:04:06,900,100\n",
    ]
    output = run(write(tmp_path, HEADER.encode() + b"".join(lines)))
    assert figures(output)["Charged"] == ("2", "10")
    assert figures(output)["Broken"] == ("14",)
    assert [line.strip().split(" broken: ")[0] for line in output.splitlines() if " broken: " in line] == [
        f"line {number}" for number in range(4, 18)
    ]
    for reason in (
        "“ContextTokens” is not a whole number: 'many'",
        "“ContextTokens” is missing",
        "2 cells where the header has 3",
        "4 cells where the header has 3",
        "“TIMESTAMP” is not a date and time like 2025-11-16 18:15:46: 'yesterday'",
        "“TIMESTAMP” is before 1970",
        "occurred_at lies in the future",
        "A quantity is a whole number of at least 1.",
        "more than the books can hold",
        "not in UTF-8",
        "not CSV",
    ):
        assert reason in output


def test_a_quoted_line_break_is_part_of_its_record_and_of_the_line_count(unlimited: Wallet, tmp_path: Path) -> None:
    text = 'TIMESTAMP,note,n\n2025-01-02 03:04:05,"two\nlines",1000\n2025-01-02 03:04:05,"x\ny",none\n'
    output = run(write(tmp_path, text), quantity="n")
    assert figures(output)["Charged"] == ("1", "5")
    assert "line 4 broken: “n” is not a whole number: 'none'" in output


def test_a_quote_that_never_closes_is_one_broken_line(unlimited: Wallet, tmp_path: Path) -> None:
    output = run(write(tmp_path, HEADER + '2025-01-02 03:04:05,900,100\n2025-01-02 03:04:05,"900,100\n'))
    assert figures(output)["Charged"] == ("1", "5")
    assert "line 3 broken: not CSV" in output


def test_a_time_without_a_zone_is_read_in_the_named_one(unlimited: Wallet, tmp_path: Path) -> None:
    text = HEADER + "2025-06-01 00:30:00,900,100\n2025-06-01T00:30:00+00:00,900,100\n"
    run(write(tmp_path, text), time_zone="Europe/Paris")
    days = [entry.used_on for entry in unlimited.entries.filter(kind="charge").order_by("sequence")]
    assert days == [date(2025, 5, 31), date(2025, 6, 1)]


def test_columns_can_name_the_wallet_and_the_feature(unlimited: Wallet, bob: User, tmp_path: Path) -> None:
    rows = [
        "who,what,when,much",
        "alice@example.com,gpt-4o,2025-01-02 03:04:05,1000",
        "Bob@Example.com,web-search,2025-01-02 03:04:05,2",
        "nobody@example.com,gpt-4o,2025-01-02 03:04:05,1000",
        "bob@example.com,gpt-7,2025-01-02 03:04:05,1000",
        "bob@example.com,gpt-4o-mini,2025-01-02 03:04:05,1000",
    ]
    output = run(
        write(tmp_path, "\n".join(rows)),
        wallet=None,
        feature=None,
        wallet_column="who",
        feature_column="what",
        at="when",
        quantity="much",
    )
    assert figures(output)["Charged"] == ("3", "16")
    assert "line 4 broken: nobody has a wallet as 'nobody@example.com'" in output
    assert "line 5 broken: There is no feature “gpt-7”." in output
    assert [(entry.feature_id, entry.cost) for entry in bob.wallet.entries.filter(kind="charge")] == [
        ("web-search", 10_000),
        ("gpt-4o-mini", 1_000),
    ]


def test_json_lines_are_read_too(unlimited: Wallet, tmp_path: Path) -> None:
    records = [
        json.dumps({"at": "2025-01-02T03:04:05Z", "tokens": 1_000, "extra": {"a": [1]}}),
        "",
        json.dumps({"at": "2025-01-02T03:04:05Z", "tokens": "2000"}),
        json.dumps({"at": "2025-01-02T03:04:05Z", "tokens": 2.5}),
        json.dumps({"at": "2025-01-02T03:04:05Z", "tokens": True}),
        json.dumps({"at": "2025-01-02T03:04:05Z"}),
        "[1]",
        "{",
        '{"at": "2025-01-02T03:04:05Z", "tokens": 1000, "bad": "\\ud800"}',
    ]
    file = write(tmp_path, "\n".join(records), "log.jsonl")
    output = run(file, at="at", quantity="tokens")
    assert figures(output)["Charged"] == ("2", "15")
    assert [line.split()[1] for line in output.splitlines() if " broken: " in line] == ["4", "5", "6", "7", "8", "9"]
    reordered = write(tmp_path, '{"extra":{"a":[1]},"tokens":1000,"at":"2025-01-02T03:04:05Z"}', "other.jsonl")
    assert figures(run(reordered, at="at", quantity="tokens"))["Charged before"] == ("1", "5")


def test_chatbot_messages_name_their_model(unlimited: Wallet) -> None:
    output = run(SAMPLE, feature="chatbot-message", priced_as="gpt-4o-mini", source="chatbot:old")
    assert "chatbot-message: 321 uses, 381,524 tokens, 381.524 credits" in output
    assert DailyUsage.objects.get(wallet=unlimited).source == "chatbot:old"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wallet": "alise@example.com"}, "Nobody has a wallet as “alise@example.com”.*alice@example.com"),
        ({"wallet": None}, "either --wallet or --wallet-column"),
        ({"wallet_column": "TIMESTAMP"}, "either --wallet or --wallet-column"),
        ({"feature": "gpt-5"}, "no feature “gpt-5”.*There are: gpt-4o-mini, gpt-4o"),
        ({"feature": "chatbot-message"}, "name it in priced_as"),
        ({"feature": "workflow-execution"}, "charged by its nodes"),
        ({"feature_column": "TIMESTAMP"}, "either --feature or --feature-column"),
        ({"at": "when"}, "no column “when”.*It has: TIMESTAMP, ContextTokens, GeneratedTokens"),
        ({"quantity": "a+GeneratedTokens+b"}, "no column “a”, “b”"),
        ({"time_zone": "Mars"}, "not a time zone"),
        ({"source": "a\nb"}, "control characters"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(alice: User, options: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=f"(?s){message}"):
        run(SAMPLE, **options)
    assert books(alice.wallet) == [("grant", 100_000, 0, 0)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.txt", b"x", "--format csv or --format jsonl"),
        ("log.csv", b"", "no header"),
        ("log.csv", b"\n\n", "no header"),
        ("log.jsonl", b"\n", "no JSON object in its first line"),
        ("log.csv", HEADER.encode("utf-16"), "UTF-16"),
        ("log.csv", b"a,b,a\n", "twice: a"),
        ("log.csv", b'"a\n', "header can't be read"),
    ],
)
def test_a_file_that_is_no_log_is_refused(alice: User, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(write(tmp_path, content, name))


def test_files_that_cannot_be_opened_are_named(alice: User, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: No such file"):
        run(tmp_path / "missing.csv")
    with pytest.raises(CommandError, match="can't be written"):
        run(SAMPLE, refused=tmp_path / "missing" / "refused.csv")


def test_a_stopped_import_goes_on_where_it_was(unlimited: Wallet, tmp_path: Path) -> None:
    rows = "".join(f"2025-01-02 03:04:05,{number},1\n" for number in range(1, 1_201))
    file = write(tmp_path, HEADER + rows)
    calls = []

    def stop_at_the_second_batch(wallet, charges, now):
        calls.append(len(charges))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return usage_import.charge_for_real(wallet, charges, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("billing.management.commands.import_usage.charge_for_real", stop_at_the_second_batch)
        with pytest.raises(CommandError, match="The same command goes on where this one was"):
            run(file)
    assert calls == [500, 500]
    found = figures(run(file))
    assert (found["Charged before"][0], found["Charged"][0]) == ("500", "700")


def test_reading_keeps_nothing_of_a_long_file(tmp_path: Path) -> None:
    file = write(tmp_path, "a,b\n" + "1,2\n" * 50_000)
    with file.open("rb") as opened:
        log = CsvLog(opened)
        records = iter(log)
        next(records)
        assert log.position < 100
        assert sum(1 for _ in records) == 49_999
        assert log.position == file.stat().st_size
    occurrences = Occurrences()
    assert [occurrences.count(digest) for digest in (b"x", b"y", b"x")] == [1, 1, 2]
    occurrences.close()


def test_a_first_line_that_is_no_object_leaves_no_columns(tmp_path: Path) -> None:
    with write(tmp_path, "7\n").open("rb") as opened:
        log = JsonLinesLog(opened)
        assert (log.columns, list(log)) == ([], [Broken(1, "not a JSON object")])
