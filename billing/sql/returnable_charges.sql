-- What was really paid for a feature in a span of time and wasn't returned yet: a row per charge, or per line of a
-- workflow run. What moved no credits, as under an unlimited contract, paid nothing; neither did what is uncovered.
-- Parameters: feature, from_at, until, and a wallet's id, or NULL for all of them.

SELECT entry.wallet_id, entry.id AS entry_id, NULL::bigint AS line_id,
    -(entry.available_change + entry.held_change) AS amount
FROM billing_ledgerentry AS entry
WHERE entry.kind IN ('charge', 'capture')
    AND entry.feature_id <> 'workflow-execution'
    AND (entry.feature_id = %(feature)s OR entry.priced_as_id = %(feature)s)
    AND entry.posted_at >= %(from_at)s AND entry.posted_at < %(until)s
    AND (%(wallet)s::bigint IS NULL OR entry.wallet_id = %(wallet)s::bigint)
    AND entry.available_change + entry.held_change < 0
    AND NOT EXISTS (SELECT FROM billing_returnedcharge AS returned WHERE returned.entry_id = entry.id)
UNION ALL
SELECT entry.wallet_id, entry.id, line.id,
    floor(line.cost::numeric * -(entry.available_change + entry.held_change) / entry.cost)::bigint
FROM billing_ledgerentry AS entry JOIN billing_usageline AS line ON line.entry_id = entry.id
WHERE entry.kind IN ('charge', 'capture')
    AND entry.feature_id = 'workflow-execution'
    AND (line.feature_id = %(feature)s OR %(feature)s = 'workflow-execution')
    AND entry.posted_at >= %(from_at)s AND entry.posted_at < %(until)s
    AND (%(wallet)s::bigint IS NULL OR entry.wallet_id = %(wallet)s::bigint)
    AND entry.available_change + entry.held_change < 0 AND line.cost > 0
    AND NOT EXISTS (SELECT FROM billing_returnedcharge AS returned WHERE returned.line_id = line.id
        AND returned.entry_id = entry.id)
