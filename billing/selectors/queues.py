"""How long what is to be done has been waiting: what an operator's alarms are set on."""

from datetime import timedelta

from django.db import connection

OLDEST = """
SELECT 'event' AS queue, now() - min(received_at) AS age FROM billing_stripeevent WHERE status = 'pending'
UNION ALL SELECT 'mail', now() - min(raised_at) FROM billing_message WHERE mail = 'waiting'
UNION ALL SELECT 'hold', now() - min(expires_at) FROM billing_hold WHERE status = 'open' AND expires_at < now()
UNION ALL SELECT 'reset', now() - min(next_due_at) FROM billing_wallet WHERE next_due_at < now()
UNION ALL SELECT 'export', now() - min(created_at) FROM billing_export WHERE next_attempt_at IS NOT NULL
UNION ALL SELECT 'refund', now() - min(requested_at) FROM billing_refund WHERE status = 'requested'
"""


def ages() -> dict[str, timedelta]:
    """Return for each kind of work how long the oldest has waited, by the database's clock; zero where nothing does.

    An event, mail, export or refund waits from its beginning on, a hold since its limit, and a reset (or whatever else
    a wallet's time changes) since it was due.
    """
    with connection.cursor() as cursor:
        cursor.execute(OLDEST)
        return {queue: max(age or timedelta(0), timedelta(0)) for queue, age in cursor.fetchall()}
