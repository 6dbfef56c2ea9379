"""`manage.py import_usage`: meter a log of past usage. billing/README.md has an example."""

import csv
import difflib
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.models import User
from accounts.time_zones import known_time_zones
from billing.errors import InvalidRequest, UnknownFeature
from billing.management.usage_import import (
    Problem,
    Rehearsal,
    Tally,
    UsageImport,
    Wanted,
    charge_for_real,
    find_wallet,
)
from billing.management.usage_log import CsvLog, JsonLinesLog, LogError, UsageLog
from billing.models import Wallet
from billing.selectors import catalog
from billing.selectors.catalog import Catalog
from billing.services.requests import checked
from billing.units import format_credits

FORMATS: dict[str, type[UsageLog]] = {"csv": CsvLog, "jsonl": JsonLinesLog}
FORMAT_OF = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
MOST_SHOWN = 20
MOST_NAMES = 5


class Command(BaseCommand):
    help = (
        "Meter a CSV or JSON Lines log of past usage through the real charge. A line is charged once, however often "
        "its file is imported; the usage counts on the day it happened, at today's price and from today's credits."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv with a header, or a .jsonl")
        parser.add_argument("--format", choices=sorted(FORMATS), help="where the file's name doesn't tell")
        parser.add_argument("--wallet", metavar="EMAIL", help="whose wallet pays")
        parser.add_argument("--wallet-column", metavar="COLUMN", help="or: the column with the e-mail address")
        parser.add_argument("--feature", metavar="CODE", help="what was used")
        parser.add_argument("--feature-column", metavar="COLUMN", help="or: the column with the feature's code")
        parser.add_argument("--priced-as", metavar="CODE", help="the chat model of chatbot messages")
        parser.add_argument("--at", required=True, metavar="COLUMN", help="when, in ISO 8601")
        parser.add_argument(
            "--quantity",
            "--tokens",
            required=True,
            metavar="COLUMN[+COLUMN]",
            help="how much, in the feature's base unit: a column, or the sum of several",
        )
        parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="of times that name none (UTC)")
        parser.add_argument("--source", default="import", help="what usage calls where it came from (import)")
        parser.add_argument("--refused", type=Path, metavar="FILE", help="write every line that wasn't charged there")
        parser.add_argument("--dry-run", action="store_true", help="price everything, change nothing")

    def handle(self, *, file: Path, dry_run: bool, refused: Path | None, **options: Any) -> None:
        prices = catalog.fresh()
        with ExitStack() as stack:
            opened = stack.enter_context(_opened(file))
            log = _log(opened, file, options["format"])
            wanted = _wanted(options, log, prices)
            problems = Problems(stack.enter_context(_writer(refused)))
            tally = Tally(report=problems.add)
            run = UsageImport(
                wanted=wanted,
                prices=prices,
                meter=Rehearsal(prices) if dry_run else charge_for_real,
                clock=timezone.now,
                tally=tally,
            )
            try:
                self._follow(run, log, os.fstat(opened.fileno()).st_size)
            except LogError as error:
                raise CommandError(str(error)) from None
            except KeyboardInterrupt:
                self._sum_up(tally, problems, prices, dry_run=dry_run)
                raise CommandError("Stopped. The same command goes on where this one was.") from None
            self._sum_up(tally, problems, prices, dry_run=dry_run)

    def _follow(self, run: UsageImport, log: UsageLog, size: int) -> None:
        console = Console(file=sys.stderr)
        columns = (TextColumn("Importing"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=size or None)
            for position in run.run(log):
                progress.update(task, completed=position)

    def _sum_up(self, tally: Tally, problems: "Problems", prices: Catalog, *, dry_run: bool) -> None:
        charged = list(tally.charged.values())
        rows = [
            ("Lines read", tally.lines, None),
            ("To charge" if dry_run else "Charged", sum(s.uses for s in charged), sum(s.cost for s in charged)),
            ("Charged before", tally.replayed.uses, tally.replayed.cost),
            ("Refused", tally.refused.uses, tally.refused.cost),
            ("Broken", tally.broken, None),
        ]
        for name, lines, cost in rows:
            credits_ = "" if cost is None else f"{format_credits(cost):>20} credits"
            self.stdout.write(f"{name:<15}{lines:>12,}{credits_}")
        for code, used in sorted(tally.charged.items()):
            unit = prices.unit_of(code)
            self.stdout.write(
                f"  {code}: {used.uses:,} uses, {used.quantity:,} {unit}s, {format_credits(used.cost)} credits"
            )
        for line in problems.lines():
            self.stdout.write(line)
        if dry_run:
            self.stdout.write("Nothing was changed: this was a dry run.")


class Problems:
    """The first lines that weren't charged, to show; all of them go to the file, if there is one."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._count = 0
        self._first: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Take note of a line that wasn't charged."""
        self._count += 1
        if len(self._first) < MOST_SHOWN:
            self._first.append(problem)
        if self._writer is not None:
            cost = "" if problem.cost is None else format_credits(problem.cost).replace(",", "")
            self._writer.writerow([problem.line, problem.outcome, cost, problem.reason])

    def lines(self) -> Iterator[str]:
        """Yield what the summary says about them."""
        for problem in sorted(self._first, key=lambda problem: problem.line):
            yield f"  line {problem.line:,} {problem.outcome}: {problem.reason}"
        if self._count > len(self._first):
            kept = "--refused FILE writes them all" if self._writer is None else "all are in the file"
            yield f"  … and {self._count - len(self._first):,} more; {kept}."


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}.") from None
    with file:
        yield file


@contextmanager
def _writer(path: Path | None) -> Iterator[Any]:
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from None
    with file:
        writer = csv.writer(file)
        writer.writerow(["line", "outcome", "credits", "reason"])
        yield writer


def _log(file: BinaryIO, path: Path, name: str | None) -> UsageLog:
    name = name or FORMAT_OF.get(path.suffix.lower())
    if name is None:
        raise CommandError(f"{path.name} doesn't tell its format. Say --format csv or --format jsonl.")
    try:
        log = FORMATS[name](file)
    except LogError as error:
        raise CommandError(str(error)) from None
    if not log.columns:
        raise CommandError(f"{path} has no {'header' if name == 'csv' else 'JSON object in its first line'}.")
    return log


def _wanted(options: dict[str, Any], log: UsageLog, prices: Catalog) -> Wanted:
    """Return what the options ask for; raises CommandError that names what there is instead."""
    for one, other in (("wallet", "wallet_column"), ("feature", "feature_column")):
        if (options[one] is None) == (options[other] is None):
            raise CommandError(f"Say either --{one} or --{other.replace('_', '-')}.")
    if options["time_zone"] not in known_time_zones():
        raise CommandError(f"“{options['time_zone']}” is not a time zone we know; one is called Europe/Paris.")
    quantity = options["quantity"]
    wanted = Wanted(
        wallet=_wallet(options["wallet"]),
        wallet_column=options["wallet_column"],
        feature=_feature(options["feature"], options["priced_as"], prices),
        feature_column=options["feature_column"],
        priced_as=options["priced_as"],
        at_column=options["at"],
        quantity_columns=[quantity] if quantity in log.columns else quantity.split("+"),
        zone=ZoneInfo(options["time_zone"]),
        source=_source(options["source"]),
    )
    if unknown := [column for column in wanted.columns() if column not in log.columns]:
        names = ", ".join(f"“{column}”" for column in unknown)
        raise CommandError(f"The file has no column {names}. It has: {', '.join(log.columns)}.")
    return wanted


def _wallet(email: str | None) -> Wallet | None:
    if email is None:
        return None
    wallet = find_wallet(email)
    if wallet is None:
        known = list(User.objects.filter(wallet__isnull=False).order_by("pk").values_list("email", flat=True)[:1_000])
        near = difflib.get_close_matches(email, known, n=MOST_NAMES, cutoff=0.5) or known[:MOST_NAMES]
        raise CommandError(f"Nobody has a wallet as “{email}”. There are, for example: {', '.join(near) or 'none'}.")
    return wallet


def _feature(code: str | None, priced_as: str | None, prices: Catalog) -> str | None:
    if code is None:
        return None
    try:
        prices.priced_feature(code, priced_as)
    except UnknownFeature as error:
        raise CommandError(f"{error} There are: {', '.join(prices.features)}.") from None
    return code


def _source(source: str) -> str:
    try:
        checked(kind="charge", asked=None, key="import", source=source, detail=None, now=timezone.now())
    except InvalidRequest as error:
        raise CommandError(str(error)) from None
    return source
