-- For each kind of work that waits: since when its oldest row does, how long that is, and how many were given up.
-- An event, mail, export, refund or farewell waits from its beginning on, however often it was tried; a hold since its limit; and
-- a wallet since something was due. Every arm reads an index that has only what waits, or a small table.

SELECT word, oldest_at, now() - oldest_at AS age, given_up
FROM (
    SELECT 'event' AS word, (SELECT min(received_at) FROM billing_stripeevent WHERE status = 'pending') AS oldest_at,
        (SELECT count(*) FROM billing_stripeevent WHERE status = 'failed') AS given_up
    UNION ALL
    SELECT 'mail', (SELECT min(raised_at) FROM billing_message WHERE mail = 'waiting'),
        (SELECT count(*) FROM billing_message WHERE mail = 'failed')
    UNION ALL
    SELECT 'hold', (SELECT min(expires_at) FROM billing_hold WHERE status = 'open' AND expires_at <= now()), NULL
    UNION ALL
    SELECT 'reset', (SELECT min(next_due_at) FROM billing_wallet WHERE next_due_at <= now()), NULL
    UNION ALL
    SELECT 'export', (SELECT min(created_at) FROM billing_export WHERE next_attempt_at IS NOT NULL),
        (SELECT count(*) FROM billing_export WHERE status = 'failed')
    UNION ALL
    SELECT 'refund', (SELECT min(requested_at) FROM billing_refund WHERE status = 'requested'), NULL
    UNION ALL
    SELECT 'farewell', (SELECT min(left_at) FROM billing_farewell WHERE finished_at IS NULL), NULL
) AS work
