"""The peer: django-hordak 2 on the same database, one root account a wallet, opened with a posting of its own."""

from django.db import connection

USAGE_ACCOUNT = "usage"

ACCOUNTS = """
    INSERT INTO hordak_account (
        uuid, name, code, full_code, type, is_bank_account, currencies, lft, rght, tree_id, level)
    SELECT gen_random_uuid(), name, NULL, NULL, type, false, '["USD"]', 1, 2,
        number + (SELECT coalesce(max(tree_id), 0) FROM hordak_account), 0
    FROM (
        SELECT 'EX' AS type, %(usage)s AS name, 0 AS number
        UNION ALL SELECT 'EQ', 'opening', 1
        UNION ALL SELECT 'AS', 'wallet ' || number, 1 + number FROM generate_series(1, %(count)s) AS number
    ) AS account ORDER BY number
"""
OPENINGS = """
    WITH opening AS (
        INSERT INTO hordak_transaction (uuid, timestamp, date, description)
        SELECT gen_random_uuid(), now(), now()::date, 'opening' FROM generate_series(1, %(count)s) RETURNING id
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY id) AS number FROM opening
    ), account AS (
        SELECT id, row_number() OVER (ORDER BY id) AS number FROM hordak_account WHERE name LIKE 'wallet %%'
    ), leg AS (
        SELECT numbered.id AS transaction_id, account.id AS account_id, 1000000 AS debit, NULL AS credit
        FROM numbered JOIN account USING (number)
        UNION ALL
        SELECT id, (SELECT id FROM hordak_account WHERE name = 'opening'), NULL, 1000000 FROM numbered
    )
    INSERT INTO hordak_leg (uuid, transaction_id, account_id, debit, credit, currency, description)
    SELECT gen_random_uuid(), transaction_id, account_id, debit, credit, 'USD', '' FROM leg
"""


def create(accounts: int) -> range:
    """Make the accounts with a balance each, and return the ids of those that stand for wallets."""
    with connection.cursor() as cursor:
        cursor.execute(ACCOUNTS, {"usage": USAGE_ACCOUNT, "count": accounts})
        cursor.execute(OPENINGS, {"count": accounts})
        cursor.execute("SELECT min(id), max(id) FROM hordak_account WHERE name LIKE 'wallet %'")
        first, last = cursor.fetchone()
    assert last - first + 1 == accounts
    return range(first, last + 1)
