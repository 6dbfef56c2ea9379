-- What the entries posted from `since` on, and before `until` if it isn't NULL, did to the credits of each lot on each
-- day by UTC (models/figures.py). Sorted, so that two writers of the same days never wait for each other in a circle.

WITH entry AS MATERIALIZED (
    SELECT id, (posted_at AT TIME ZONE 'UTC')::date AS day, kind, grant_id, available_change + held_change AS change
    FROM billing_ledgerentry
    WHERE posted_at >= %(since)s AND (%(until)s::timestamptz IS NULL OR posted_at < %(until)s::timestamptz)
        AND (available_change <> 0 OR held_change <> 0)
), moved AS (
    SELECT day, kind, grant_id, sum(change) AS change FROM (
        SELECT day, kind, grant_id, change FROM entry WHERE grant_id IS NOT NULL
        UNION ALL
        SELECT entry.day, entry.kind, share.grant_id, share.left_change + share.held_change
        FROM entry JOIN billing_entryshare AS share ON share.entry_id = entry.id WHERE entry.grant_id IS NULL
    ) AS share GROUP BY day, kind, grant_id
), lots AS (
    SELECT moved.day, moved.kind, moved.change, grants.source, coalesce(purchase.plan_id, '') AS plan,
        CASE WHEN purchase.pack_id IS NULL THEN 0 ELSE purchase.cents END AS cents,
        CASE WHEN purchase.pack_id IS NULL THEN 0 ELSE grants.amount END AS amount
    FROM moved JOIN billing_grant AS grants ON grants.id = moved.grant_id
    LEFT JOIN billing_purchase AS purchase ON purchase.grant_id = grants.id
)
SELECT day, source, plan, cents, amount,
    coalesce(sum(change) FILTER (WHERE kind = 'grant'), 0)::bigint AS given,
    coalesce(-sum(change) FILTER (WHERE kind IN ('charge', 'capture')), 0)::bigint AS spent,
    coalesce(-sum(change) FILTER (WHERE kind = 'expiry'), 0)::bigint AS expired,
    coalesce(-sum(change) FILTER (WHERE kind IN ('clawback', 'adjustment')), 0)::bigint AS taken
FROM lots GROUP BY day, source, plan, cents, amount ORDER BY day, source, plan, cents, amount
