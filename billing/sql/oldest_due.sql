-- For each kind of work that waits: since when its oldest row is due, how long that is, and how many were given up.
-- Every arm reads one end of an index that has only what waits.

SELECT word, oldest_at, now() - oldest_at AS age, given_up
FROM (
    SELECT 'event' AS word, (SELECT min(received_at) FROM billing_stripeevent WHERE status = 'pending') AS oldest_at,
        (SELECT count(*) FROM billing_stripeevent WHERE status = 'failed') AS given_up
    UNION ALL
    SELECT 'mail', (SELECT min(next_attempt_at) FROM billing_message WHERE mail = 'waiting' AND next_attempt_at <= now()),
        (SELECT count(*) FROM billing_message WHERE mail = 'failed')
    UNION ALL
    SELECT 'hold', (SELECT min(expires_at) FROM billing_hold WHERE status = 'open' AND expires_at <= now()), 0
    UNION ALL
    SELECT 'reset', (SELECT min(next_due_at) FROM billing_wallet WHERE next_due_at <= now()), 0
    UNION ALL
    SELECT 'export', (SELECT min(next_attempt_at) FROM billing_export WHERE next_attempt_at <= now()),
        (SELECT count(*) FROM billing_export WHERE status = 'failed')
) AS work
