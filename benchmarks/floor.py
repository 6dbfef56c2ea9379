"""The floor: the least that charging can be, by hand with psycopg. No rules, no key, no usage, no answer."""

from django.db import connection

TABLES = """
    CREATE TABLE IF NOT EXISTS floor_balance (
        id bigint PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0)) WITH (fillfactor = 70);
    CREATE TABLE IF NOT EXISTS floor_movement (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, balance_id bigint NOT NULL, amount bigint NOT NULL,
        moved_at timestamptz NOT NULL DEFAULT now());
"""
LOWER = """
    WITH lowered AS (UPDATE floor_balance SET available = available - %s WHERE id = %s RETURNING id)
    INSERT INTO floor_movement (balance_id, amount) SELECT id, %s FROM lowered
"""


def create(ids: range) -> None:
    """Make the floor's tables, with a balance for each of these wallets."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute(
            "INSERT INTO floor_balance SELECT id, 9e15::bigint FROM generate_series(%s, %s) AS id", [ids[0], ids[-1]]
        )
