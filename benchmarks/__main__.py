"""python -m benchmarks [--long] [P1 P2 …]: measure on an empty database, print a table and write JSON."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import django
from django.core.management import call_command

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

GROUPS = {
    "metering": {"P1", "P3", "P4", "P12"},
    "hot": {"P2"},
    "api": {"P5"},
    "big wallet": {"P6", "P7"},
    "poll": {"P9"},
    "exports": {"P8"},
    "webhooks": {"P10"},
    "demo": {"P11"},
    "midnight": {"P13", "P14"},
    "freshness": {"P15", "P16"},
    "staff": {"P17", "P18", "P19"},
    "pooling": {"P20"},
}


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    wanted = set(options.codes) or set().union(*GROUPS.values())
    django.setup()
    call_command("migrate", verbosity=0)
    from benchmarks import report  # noqa: PLC0415 - Django must be set up first

    facts = report.machine()
    figures = []
    for group, measure in _measures(long=options.long).items():
        if wanted & GROUPS[group]:
            print(f"Measuring {', '.join(sorted(GROUPS[group]))} …", file=sys.stderr, flush=True)
            figures += measure()
    figures.sort(key=lambda figure: int(figure.code[1:]))
    print(report.table(figures))
    report.write(figures, facts)
    return 0


def _measures(*, long: bool) -> dict[str, Callable[[], list]]:
    from benchmarks import (  # noqa: PLC0415 - Django must be set up first
        api,
        big_wallet,
        demo,
        exports,
        freshness,
        metering,
        midnight,
        poll,
        pooling,
        staff_pages,
        webhooks,
    )

    wallets, rounds, seconds, requests = (1_000_000, 11, 10, 1_000) if long else (100_000, 7, 3, 200)
    return {
        "metering": lambda: metering.many_wallets(wallets=wallets, rounds=rounds, seconds=seconds),
        "hot": lambda: metering.hot_wallet(rounds=rounds, seconds=seconds),
        "api": lambda: api.charges_over_http(wallets=wallets // 10, rounds=rounds, requests=requests * 2),
        "big wallet": lambda: big_wallet.big_wallet(entries=wallets * 10, rounds=rounds, requests=requests // 10),
        "poll": lambda: poll.unchanged_balance(rounds=rounds, requests=requests),
        "exports": lambda: exports.streamed(entries=1_000_000 if long else 300_000, rounds=rounds),
        "webhooks": lambda: webhooks.stored_and_fulfilled(
            rounds=rounds, seconds=seconds, buyers=requests // 10, samples=100 if long else 24
        ),
        "demo": demo.cold_and_warm,
        "freshness": lambda: freshness.header_and_idle_tab(samples=100 if long else 24, requests=requests * 5),
        "pooling": lambda: pooling.through_pgbouncer(wallets=wallets // 10, rounds=rounds, seconds=seconds),
        "midnight": lambda: midnight.due_wallets(wallets=wallets // 5),
        "staff": lambda: staff_pages.staff_pages(
            wallets=wallets, entries=wallets * 10, rounds=rounds, requests=max(requests // 40, 1)
        ),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast CleverAI Credits is.")
    parser.add_argument("--long", action="store_true", help="ten times the wallets, and longer rounds")
    parser.add_argument("codes", nargs="*", metavar="P1", help="only these, and what is measured together with them")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
