"""P8: an export over gunicorn, against PostgreSQL's own COPY of the same rows, and the memory that it takes.

What counts of memory is what exports add to a worker that has served small ones: the product itself takes more.
"""

import time
from functools import partial
from pathlib import Path

import psutil
import psycopg
from django.db import connection
from django.urls import reverse

from benchmarks import data
from benchmarks.contest import Figure, Rounds
from benchmarks.site import Site, cookie_of, running

LEAST_SHARE, MOST_MEGABYTES = 0.5, 10
READ = 64 * 1024
RAW = "COPY (SELECT * FROM billing_ledgerentry WHERE wallet_id = {} ORDER BY sequence) TO STDOUT (FORMAT csv)"


def streamed(*, entries: int, rounds: int) -> list[Figure]:
    """Measure rows a second of a whole history, read by one client as fast as it comes."""
    wallet = data.create_rich_wallet(entries=entries, name="exports")
    data.settle_down()
    assert wallet.owner is not None
    cookie = cookie_of(wallet.owner)
    small = data.create_rich_wallet(entries=data.SMALLEST_RICH, name="small exports")
    assert small.owner is not None
    with running() as site:
        for ending in ("csv", "jsonl"):
            _rows_a_second(site, cookie_of(small.owner), ending, data.SMALLEST_RICH)
        before = _most_megabytes(site)
        turns = {
            "csv": partial(_rows_a_second, site, cookie, "csv", entries),
            "raw": partial(_raw_rows_a_second, wallet.pk, entries),
            "jsonl": partial(_rows_a_second, site, cookie, "jsonl", entries),
        }
        found = Rounds(turns, rounds=rounds)
        after = _most_megabytes(site)
    work = f"of {entries:,} entries"
    against = ("COPY of the rows", found.median("raw"), "rows a second")
    return [
        Figure("P8", f"CSV {work}", found.median("csv"), *against, found.ratio("csv", "raw"), LEAST_SHARE),
        Figure("P8", f"JSON Lines {work}", found.median("jsonl"), *against, found.ratio("jsonl", "raw"), 0),
        Figure("P8", f"exports {work}, memory", after, f"{before:.0f} MB before, plus", MOST_MEGABYTES, "MB",
               (after - before) / MOST_MEGABYTES, 1, at_least=False),
    ]  # fmt: skip


def _rows_a_second(site: Site, cookie: str, ending: str, entries: int) -> float:
    asked = site.connect()
    began = time.perf_counter()
    asked.request("GET", reverse("billing:export_file", args=["history", ending]), headers={"Cookie": cookie})
    lines = 0
    with asked.getresponse() as answer:
        assert answer.status == 200, f"{ending} answered {answer.status}"
        while chunk := answer.read(READ):
            lines += chunk.count(b"\n")
    seconds = time.perf_counter() - began
    asked.close()
    assert lines - (ending == "csv") == entries, f"{ending} has {lines:,} lines"
    return entries / seconds


def _raw_rows_a_second(wallet_id: int, entries: int) -> float:
    connection.ensure_connection()
    began = time.perf_counter()
    with psycopg.Cursor(connection.connection) as cursor, cursor.copy(RAW.format(int(wallet_id))) as rows:
        assert sum(1 for _ in rows) == entries
    return entries / (time.perf_counter() - began)


def _most_megabytes(site: Site) -> float:
    """Return the most memory that the worker ever had, by the kernel's account."""
    found = []
    for worker in psutil.Process(site.process.pid).children():
        status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
        found.append(int(status.partition("VmHWM:")[2].split()[0]) / 1_024)
    return max(found)
