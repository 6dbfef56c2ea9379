-- For each day, the number of a wallet's first entry posted on it or later, and for each cycle that of its first entry;
-- one more than the wallet's last where there is none.
--
-- Entries are numbered without gaps, and neither `posted_on` nor `cycle` ever decreases (services/proof.py), so halving
-- finds a day among ten million entries by reading two dozen. OFFSET 0 keeps each of them from being read twice.
-- Parameters: a wallet's id, an array of days and one of cycles. Answers days first, each in its order.

WITH RECURSIVE sought AS (
    SELECT day, NULL::int AS cycle, number FROM unnest(%(days)s::date[]) WITH ORDINALITY AS days (day, number)
    UNION ALL
    SELECT NULL, cycle, number FROM unnest(%(cycles)s::int[]) WITH ORDINALITY AS cycles (cycle, number)
), search AS (
    SELECT day, cycle, number, 1::bigint AS low,
        1 + coalesce((SELECT sequence FROM billing_wallet WHERE id = %(wallet)s), 0) AS high
    FROM sought
    UNION ALL
    SELECT day, cycle, number,
        CASE WHEN is_earlier THEN middle + 1 ELSE low END, CASE WHEN is_earlier THEN high ELSE middle END
    FROM (
        SELECT search.*, (low + high) / 2 AS middle, (
            SELECT coalesce(entry.posted_on < search.day, entry.cycle < search.cycle)
            FROM billing_ledgerentry AS entry WHERE wallet_id = %(wallet)s AND sequence = (low + high) / 2
        ) AS is_earlier
        FROM search WHERE low < high OFFSET 0
    ) AS half
)
SELECT low FROM search WHERE low = high ORDER BY day IS NULL, number
