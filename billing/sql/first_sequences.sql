-- For each day, the number of a wallet's first entry posted on it or later; one more than its last where there is none.
--
-- Entries are numbered without gaps and `posted_on` never decreases (services/proof.py), so halving finds a day among
-- ten million entries by reading two dozen. OFFSET 0 keeps each of them from being read twice.
-- Parameters: a wallet's id and an array of days. Answers in the order of the days.

WITH RECURSIVE search AS (
    SELECT sought.number, sought.day, 1::bigint AS low,
        1 + coalesce((SELECT sequence FROM billing_wallet WHERE id = %(wallet)s), 0) AS high
    FROM unnest(%(days)s::date[]) WITH ORDINALITY AS sought (day, number)
    UNION ALL
    SELECT number, day, CASE WHEN is_earlier THEN middle + 1 ELSE low END, CASE WHEN is_earlier THEN high ELSE middle END
    FROM (
        SELECT search.*, (low + high) / 2 AS middle, day > (
            SELECT posted_on FROM billing_ledgerentry WHERE wallet_id = %(wallet)s AND sequence = (low + high) / 2
        ) AS is_earlier
        FROM search WHERE low < high OFFSET 0
    ) AS half
)
SELECT low FROM search WHERE low = high ORDER BY number
