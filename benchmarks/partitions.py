"""The entries in hash partitions by wallet, tried on a copy: what inserting and reading then costs.

    python -m sandbox run --temporary -- python -m benchmarks.partitions [ROWS]

Two empty copies of the table, one whole and one in partitions, get the same indexes and the same rows, in turns. Then
both are asked what pages, charges and proofs ask. Nothing of the product's own tables changes.
"""

import os
import re
import statistics
import sys
import time
from collections.abc import Sequence

import django
from django.core.management import call_command
from django.db import DatabaseError, connection

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

PARTITIONS = 16
WALLETS = 10_000
ROUNDS = 10
TIMES = 300
SOURCE = "billing_ledgerentry"
WHOLE, PARTED = "entries_whole", "entries_parted"
#: Of each unique key, the first is what a partitioned table wants in it.
PRIMARY_KEY = "(wallet_id, id)"

ROWS = """
    INSERT INTO {table} (wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after,
        feature_id, quantity, price_id, source, grant_id, cycle, effective_at, posted_at, posted_on, used_on, key,
        request_hash)
    SELECT wallet, %(first)s + turn, 'charge', -1000, 0, 1000, 0, 5000000, 'gpt-4o', 200, 1, 'app', wallet, 1,
        moment, moment, moment::date, moment::date, 'key:' || wallet || ':' || %(first)s + turn, md5(wallet::text)
    FROM generate_series(1, %(turns)s) AS turn, generate_series(1, %(wallets)s) AS wallet,
        LATERAL (SELECT timestamptz '2026-01-01' + make_interval(hours => (%(first)s + turn)::int)) AS at (moment)
"""
READS = {
    "a page of history": "SELECT * FROM {table} WHERE wallet_id = %(wallet)s ORDER BY sequence DESC LIMIT 50",
    "an entry by its key": "SELECT * FROM {table} WHERE wallet_id = %(wallet)s AND key = %(key)s",
    "a feature's entries": "SELECT * FROM {table} WHERE wallet_id = %(wallet)s AND feature_id = 'gpt-4o'"
    " ORDER BY sequence DESC LIMIT 50",
    "an entry by its id alone": "SELECT * FROM {table} WHERE id = %(id)s",
}
INSERT = """
    INSERT INTO {table} (wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after,
        source, cycle, effective_at, posted_at, posted_on, key)
    VALUES (%(wallet)s, %(sequence)s, 'charge', -1, 0, 1, 0, 5, 'app', 1, now(), now(), now()::date, %(key)s)
"""


def main(arguments: Sequence[str]) -> int:
    rows = int(arguments[0]) if arguments else 1_000_000
    django.setup()
    call_command("migrate", verbosity=0)
    _create()
    _refer_and_repeat()
    _fill(rows)
    _ask(rows)
    _insert_singly()
    return 0


def _create() -> None:
    """Make both copies, with every index of the table; say which would not go."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {WHOLE} (LIKE {SOURCE} INCLUDING ALL)")
        parts = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY INCLUDING STORAGE"
        cursor.execute(f"CREATE TABLE {PARTED} (LIKE {SOURCE} {parts}) PARTITION BY HASH (wallet_id)")
        for number in range(PARTITIONS):
            cursor.execute(
                f"CREATE TABLE {PARTED}_{number} PARTITION OF {PARTED}"
                f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            )
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisunique FROM pg_index"
            " WHERE indrelid = %s::regclass ORDER BY 1",
            [SOURCE],
        )
        for name, definition, is_unique in cursor.fetchall():
            copied = re.sub(r"INDEX \S+ ON \S+", f"INDEX {name[:50]}_p ON {PARTED}", definition)
            try:
                cursor.execute(copied)
            except DatabaseError as error:
                print(f"{name}: {str(error).splitlines()[0]}")
            else:
                print(f"{name}: goes{', unique with the wallet in it' if is_unique else ''}")
        cursor.execute(f"ALTER TABLE {PARTED} ADD PRIMARY KEY {PRIMARY_KEY}")
        cursor.execute(f"CREATE INDEX {PARTED}_by_id ON {PARTED} (id)")


def _refer_and_repeat() -> None:
    """Print what becomes of a reference by id alone, and under which name a repeated key is refused."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"CREATE TABLE entries_line (entry_id bigint REFERENCES {PARTED} (id))")
        except DatabaseError as error:
            print("a reference by id alone:", str(error).splitlines()[0])
        cursor.execute(
            f"CREATE TABLE entries_line (wallet_id bigint, entry_id bigint,"
            f" FOREIGN KEY (wallet_id, entry_id) REFERENCES {PARTED} (wallet_id, id))"
        )
        print("a reference by wallet and id: goes")
        try:
            for sequence in (1, 2):
                cursor.execute(INSERT.format(table=PARTED), {"wallet": 7, "sequence": -sequence, "key": "twice"})
        except DatabaseError as error:
            print("a repeated key is refused by:", error.__cause__.diag.constraint_name)


def _fill(rows: int) -> None:
    """Insert the rows in turns, and print how many a second went into each."""
    turns = rows // WALLETS // ROUNDS
    seconds: dict[str, list[float]] = {WHOLE: [], PARTED: []}
    with connection.cursor() as cursor:
        for number in range(ROUNDS):
            for table in (WHOLE, PARTED):
                began = time.perf_counter()
                parameters = {"first": number * turns, "turns": turns, "wallets": WALLETS}
                cursor.execute(ROWS.format(table=table), parameters)
                seconds[table].append(time.perf_counter() - began)
        cursor.execute(f"VACUUM ANALYZE {WHOLE}")
        cursor.execute(f"VACUUM ANALYZE {PARTED}")
        for table, each in seconds.items():
            cursor.execute(f"SELECT count(*) FROM {table}")
            (count,) = cursor.fetchone()
            print(f"{table}: {count:,} rows, {turns * WALLETS / statistics.median(each):,.0f} a second")
    ratios = [whole / parted for whole, parted in zip(seconds[WHOLE], seconds[PARTED], strict=True)]
    print(f"rows a second, partitioned to whole: {statistics.median(ratios):.2f}")


def _ask(rows: int) -> None:
    """Ask both in turns, and print how long each answer took, with the plans."""
    for what, question in READS.items():
        taken: dict[str, list[float]] = {WHOLE: [], PARTED: []}
        with connection.cursor() as cursor:
            for number in range(TIMES):
                wallet = 1 + number * 7 % WALLETS
                for table in (WHOLE, PARTED):
                    parameters = {"wallet": wallet, "key": f"key:{wallet}:3", "id": 1 + number * 997 % rows}
                    began = time.perf_counter()
                    cursor.execute(question.format(table=table), parameters)
                    cursor.fetchall()
                    taken[table].append(time.perf_counter() - began)
            whole, parted = (statistics.median(taken[table]) * 1_000 for table in (WHOLE, PARTED))
            print(f"\n{what}: {whole:.3f} ms whole, {parted:.3f} ms partitioned, {parted / whole:.2f}")
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) " + question.format(table=PARTED), parameters)
            plan = [line for (line,) in cursor.fetchall()]
            print("\n".join(f"    {line}" for line in plan[:4]), f"\n    … {len(plan)} lines")
            print("    partitions read:", sum("Scan" in line and PARTED in line for line in plan))


def _insert_singly() -> None:
    """Insert rows one by one, each its own transaction, in turns."""
    taken: dict[str, list[float]] = {WHOLE: [], PARTED: []}
    with connection.cursor() as cursor:
        for number in range(TIMES * 10):
            for table in (WHOLE, PARTED):
                parameters = {"wallet": 1 + number * 7 % WALLETS, "sequence": 10**6 + number, "key": f"single:{number}"}
                began = time.perf_counter()
                cursor.execute(INSERT.format(table=table), parameters)
                taken[table].append(time.perf_counter() - began)
    whole, parted = (statistics.median(taken[table]) * 1_000 for table in (WHOLE, PARTED))
    print(f"\none row, committed: {whole:.3f} ms whole, {parted:.3f} ms partitioned, {parted / whole:.2f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
