"""P17, the staff's first page; P18, a deep page of a wallet's line of time against its first; P19, why a balance is."""

from contextlib import closing
from functools import partial

from django.conf import settings
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.second_step import staff_browser
from benchmarks import data, site
from benchmarks.contest import Figure, Rounds
from billing.models import LedgerEntry, Wallet
from billing.selectors import staff_timeline
from billing.selectors.staff_timeline import Cursor
from billing.selectors.staff_timeline_sources import SOURCES
from billing.services import figures

OK = 200
MOST_QUERIES = 20
LINE_MS = 300


def staff_pages(*, wallets: int, entries: int, rounds: int, requests: int) -> list[Figure]:
    """Measure whole pages among so many wallets and entries, all but one a wallet of one of them."""
    data.create_wallets(wallets, name="staff-pages")
    big = data.create_rich_wallet(entries=entries - wallets, name="staff-pages")
    figures.close_days(now=timezone.now())
    data.settle_down()
    stella = User.objects.create_superuser("staff@bench.example")
    home = reverse("admin:index")
    line = reverse("admin:billing_wallet_timeline", args=[big.pk])
    balance = reverse("admin:billing_wallet_balance", args=[big.pk])
    queries = _queries(stella, home)
    with site.running() as running, closing(running.connect()) as connection:
        browser = staff_browser(stella)
        cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
        ask = partial(site.milliseconds, connection, cookie=cookie, requests=requests, status=OK, htmx=False)
        turns = {
            "home": partial(ask, home),
            "first page": partial(ask, line),
            "deep page": partial(ask, f"{line}?before={_middle(big).text}"),
            "balance": partial(ask, balance),
        }
        found = Rounds(turns, rounds=rounds)
    among = f"{wallets:,} wallets, {entries:,} entries"
    return [
        _below("P17", f"staff's first page, {among}", found.median("home")),
        Figure(
            "P17", "staff's first page, queries", queries, "line", MOST_QUERIES, "", queries / MOST_QUERIES, 1,
            at_least=False,
        ),
        Figure(
            "P18", f"timeline of {entries - wallets:,} entries, the middle", found.median("deep page"), "page 1",
            found.median("first page"), "ms", found.ratio("deep page", "first page"), 1.3, at_least=False,
        ),
        _below("P19", f"why a balance is, {entries - wallets:,} entries", found.median("balance")),
    ]  # fmt: skip


def _below(code: str, work: str, milliseconds: float) -> Figure:
    return Figure(code, work, milliseconds, "line", LINE_MS, "ms", milliseconds / LINE_MS, 1, at_least=False)


def _middle(wallet: Wallet) -> Cursor:
    """Return where a page in the middle of the books begins."""
    [entries] = {source.place for source in SOURCES if source.kinds}
    entry = LedgerEntry.objects.get(wallet=wallet, sequence=wallet.sequence // 2)
    assert staff_timeline.read_cursor(Cursor(entry.posted_at, entries, entry.sequence).text) is not None
    return Cursor(entry.posted_at, entries, entry.sequence)


def _queries(user: User, path: str) -> int:
    """Return how many statements the page takes, once what a process keeps has been read."""
    browser = staff_browser(user, SERVER_NAME=settings.ALLOWED_HOSTS[0].lstrip("*.") or "127.0.0.1")
    browser.get(path)
    with CaptureQueriesContext(database) as captured:
        assert browser.get(path).status_code == OK
    return len(captured)
