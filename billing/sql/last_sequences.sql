-- For each moment, the number of a wallet's last entry that was posted by then; 0 where there is none.
--
-- `posted_at` never decreases (services/proof.py), so halving finds it among a million entries by reading two dozen.
-- OFFSET 0 keeps each of them from being read twice. Parameters: a wallet's id and an array of moments, answered in order.

WITH RECURSIVE search AS (
    SELECT moment, number, 0::bigint AS low, coalesce((
        SELECT sequence FROM billing_ledgerentry WHERE wallet_id = %(wallet)s ORDER BY sequence DESC LIMIT 1
    ), 0) AS high
    FROM unnest(%(moments)s::timestamptz[]) WITH ORDINALITY AS moments (moment, number)
    UNION ALL
    SELECT moment, number, CASE WHEN is_by_then THEN middle ELSE low END, CASE WHEN is_by_then THEN high ELSE middle - 1 END
    FROM (
        SELECT search.*, (low + high + 1) / 2 AS middle, (
            SELECT entry.posted_at <= search.moment
            FROM billing_ledgerentry AS entry WHERE wallet_id = %(wallet)s AND sequence = (low + high + 1) / 2
        ) AS is_by_then
        FROM search WHERE low < high OFFSET 0
    ) AS half
)
SELECT low FROM search WHERE low = high ORDER BY number
