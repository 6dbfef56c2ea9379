-- What was really paid for a feature in a span of time: a row per charge, or per line of a workflow run, and whether
-- it was returned. What moved no credits, as under an unlimited contract, paid nothing; neither did what is uncovered.
-- A workflow run is paid for as a whole, each line with its cost.
-- Parameters: feature, from_at, until, and a wallet's id, or NULL for all of them.

SELECT entry.wallet_id, entry.id AS entry_id, NULL::bigint AS line_id,
    -(entry.available_change + entry.held_change) AS amount,
    returned.id IS NOT NULL AS is_returned
FROM billing_ledgerentry AS entry
LEFT JOIN billing_returnedcharge AS returned ON returned.entry_id = entry.id
WHERE entry.kind IN ('charge', 'capture')
    AND entry.feature_id <> 'workflow-execution'
    AND (entry.feature_id = %(feature)s OR entry.priced_as_id = %(feature)s)
    AND entry.posted_at >= %(from_at)s AND entry.posted_at < %(until)s
    AND (%(wallet)s::bigint IS NULL OR entry.wallet_id = %(wallet)s::bigint)
    AND entry.available_change + entry.held_change < 0
UNION ALL
SELECT entry.wallet_id, entry.id, line.id, line.cost, returned.id IS NOT NULL
FROM billing_ledgerentry AS entry JOIN billing_usageline AS line ON line.entry_id = entry.id
LEFT JOIN billing_returnedcharge AS returned ON returned.entry_id = entry.id AND returned.line_id = line.id
WHERE entry.kind = 'charge'
    AND entry.feature_id = 'workflow-execution'
    AND (line.feature_id = %(feature)s OR %(feature)s = 'workflow-execution')
    AND entry.posted_at >= %(from_at)s AND entry.posted_at < %(until)s
    AND (%(wallet)s::bigint IS NULL OR entry.wallet_id = %(wallet)s::bigint)
    AND entry.available_change < 0 AND line.cost > 0
