-- As history_strand.sql, of usage that counts on one of `days` though it was posted on another one (decision 28).
--
-- An index has each day's entries in order. The nearest `count` of all days are on those days whose own nearest entries
-- are the nearest ones, so only these are gone through, however much was imported.

(SELECT %(arm)s::int, entry.sequence
FROM (
    SELECT counted.day
    FROM unnest(%(days)s::date[]) AS counted (day)
    CROSS JOIN LATERAL (
        SELECT sequence FROM billing_ledgerentry AS entry
        WHERE wallet_id = %(wallet)s AND used_on = counted.day AND used_on <> posted_on
            AND sequence >= %(start)s AND sequence < %(stop)s AND {conditions}
        ORDER BY sequence {order} LIMIT 1
    ) AS nearest
    WHERE EXISTS (SELECT FROM billing_ledgerentry WHERE wallet_id = %(wallet)s AND used_on <> posted_on)
    ORDER BY nearest.sequence {order} LIMIT %(count)s
) AS counted
CROSS JOIN LATERAL (
    SELECT sequence FROM billing_ledgerentry AS entry
    WHERE wallet_id = %(wallet)s AND used_on = counted.day AND used_on <> posted_on
        AND sequence >= %(start)s AND sequence < %(stop)s AND {conditions}
    ORDER BY sequence {order} LIMIT %(count)s
) AS entry)
