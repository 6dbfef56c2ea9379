-- The newest entries of one strand of a wallet's history (selectors/strands.py), or the oldest where the order says so.
--
-- `starts` and `stops` are stretches of the books, in which a strand by day finds what counts on the day of its posting.
-- The conditions are those of history_conditions.sql.

(SELECT %(arm)s::int, entry.sequence
FROM unnest(%(starts)s::bigint[], %(stops)s::bigint[]) AS stretch (start, stop)
CROSS JOIN LATERAL (
    SELECT sequence FROM billing_ledgerentry AS entry
    WHERE wallet_id = %(wallet)s AND sequence >= stretch.start AND sequence < stretch.stop
        AND (NOT %(by_day)s OR used_on IS NULL OR used_on = posted_on) AND {conditions}
    ORDER BY sequence {order} LIMIT %(count)s
) AS entry)
