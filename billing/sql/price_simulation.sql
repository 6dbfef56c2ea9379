-- What a feature's charges since a moment would have cost at another price, charge by charge, each rounded up as a
-- charge is: one row of JSON. Workflow runs count by their lines. Wallets that burned nothing, as under an unlimited
-- contract, are counted apart. Within a cycle the difference is carried on from entry to entry: a wallet would have
-- run out where it is more than was available after an entry.
-- Parameters: feature, millicredits, per, since, and how many rows of each list are wanted.

WITH used AS MATERIALIZED (
    SELECT entry.wallet_id, entry.id AS entry_id, entry.cost AS cost_then,
        ceil(entry.quantity::numeric * %(millicredits)s::bigint / %(per)s::bigint) AS cost_now,
        entry.available_change + entry.held_change < 0 OR entry.uncovered > 0
            OR (entry.cost = 0 AND NOT wallet.unlimited) AS burns
    FROM billing_ledgerentry AS entry JOIN billing_wallet AS wallet ON wallet.id = entry.wallet_id
    WHERE entry.kind IN ('charge', 'capture') AND entry.posted_at >= %(since)s
        AND entry.priced_as_id = %(feature)s AND entry.feature_id <> 'workflow-execution'
    UNION ALL
    SELECT entry.wallet_id, entry.id, line.cost,
        ceil(line.quantity::numeric * %(millicredits)s::bigint / %(per)s::bigint),
        entry.available_change + entry.held_change < 0 OR entry.uncovered > 0
            OR (entry.cost = 0 AND NOT wallet.unlimited)
    FROM billing_ledgerentry AS entry JOIN billing_wallet AS wallet ON wallet.id = entry.wallet_id
    JOIN billing_usageline AS line ON line.entry_id = entry.id
    WHERE entry.kind IN ('charge', 'capture') AND entry.posted_at >= %(since)s
        AND entry.feature_id = 'workflow-execution' AND line.feature_id = %(feature)s
),
differing AS (
    SELECT wallet_id, entry_id, sum(cost_now - cost_then) AS more FROM used WHERE burns GROUP BY wallet_id, entry_id
),
part AS MATERIALIZED (
    SELECT wallet_id, count(*) AS uses, sum(cost_then) AS cost_then, sum(cost_now) AS cost_now
    FROM used WHERE burns GROUP BY wallet_id
),
-- What is used on top expires no more: the difference grows with each use and shrinks by what expires, never below zero.
summed AS (
    SELECT entry.wallet_id, entry.cycle, entry.sequence, entry.available_after,
        sum(coalesce(differing.more, 0) + CASE WHEN entry.kind = 'expiry' THEN entry.available_change ELSE 0 END)
            OVER (PARTITION BY entry.wallet_id, entry.cycle ORDER BY entry.sequence) AS total
    FROM billing_ledgerentry AS entry JOIN part ON part.wallet_id = entry.wallet_id AND part.cost_now > part.cost_then
    LEFT JOIN differing ON differing.entry_id = entry.id
    WHERE entry.posted_at >= %(since)s
),
course AS (
    SELECT wallet_id, available_after - total + least(0, min(total)
        OVER (PARTITION BY wallet_id, cycle ORDER BY sequence)) AS would_be_left
    FROM summed
),
short AS MATERIALIZED (
    SELECT wallet_id, -min(would_be_left) AS missing FROM course GROUP BY wallet_id HAVING min(would_be_left) < 0
),
by_plan AS (
    SELECT plan.name, plan.position, count(*) AS wallets, sum(part.cost_then) AS cost_then, sum(part.cost_now) AS cost_now,
        count(short.wallet_id) AS run_out
    FROM part LEFT JOIN billing_subscription AS subscription ON subscription.wallet_id = part.wallet_id
    LEFT JOIN billing_plan AS plan ON plan.code = subscription.plan_id LEFT JOIN short ON short.wallet_id = part.wallet_id
    GROUP BY plan.name, plan.position
)
SELECT json_build_object(
    'uses', (SELECT coalesce(sum(uses), 0) FROM part),
    'wallets', (SELECT count(*) FROM part),
    'affected', (SELECT count(*) FROM part WHERE cost_then <> cost_now),
    'cost_then', (SELECT coalesce(sum(cost_then), 0) FROM part),
    'cost_now', (SELECT coalesce(sum(cost_now), 0) FROM part),
    'unlimited', (SELECT count(DISTINCT wallet_id) FROM used WHERE NOT burns),
    'run_out', (SELECT count(*) FROM short),
    'missing', (SELECT coalesce(json_agg(json_build_array(wallet_id, missing)), '[]') FROM (
        SELECT * FROM short ORDER BY missing DESC, wallet_id LIMIT %(rows)s) AS worst),
    'increases', (SELECT coalesce(json_agg(json_build_array(wallet_id, uses, cost_then, cost_now)), '[]') FROM (
        SELECT * FROM part WHERE cost_now > cost_then ORDER BY cost_now - cost_then DESC, wallet_id LIMIT %(rows)s
    ) AS biggest),
    'plans', (SELECT coalesce(json_agg(json_build_array(name, wallets, cost_then, cost_now, run_out) ORDER BY position), '[]')
        FROM by_plan)
)
