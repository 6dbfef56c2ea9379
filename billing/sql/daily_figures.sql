-- What happened from `since` on, and before `until` if it isn't NULL, on each day by UTC that anything happened on
-- (models/figures.py).

SELECT (moment AT TIME ZONE 'UTC')::date AS day, sum(used)::bigint AS used, sum(sign_ups)::int AS sign_ups,
    sum(failed_payments)::int AS failed_payments, sum(pack_cents)::bigint AS pack_cents,
    sum(plan_cents)::bigint AS plan_cents
FROM (
    SELECT posted_at AS moment, cost AS used, 0 AS sign_ups, 0 AS failed_payments, 0 AS pack_cents, 0 AS plan_cents
    FROM billing_ledgerentry WHERE posted_at >= %(since)s AND kind IN ('charge', 'capture')
    UNION ALL
    SELECT joined_at, 0, 1, 0, 0, 0 FROM accounts_user WHERE joined_at >= %(since)s
    UNION ALL
    -- who has left since: their first entry is the sign-up's allowance, which is numbered 0 of its subscription
    SELECT entry.posted_at, 0, 1, 0, 0, 0
    FROM billing_wallet AS wallet
    JOIN billing_ledgerentry AS entry ON entry.wallet_id = wallet.id AND entry.sequence = 1
    JOIN billing_grant AS grants ON grants.id = entry.grant_id AND grants.business_key LIKE 'allowance:%%:0'
    WHERE wallet.owner_id IS NULL AND entry.posted_at >= %(since)s
    UNION ALL
    SELECT raised_at, 0, 0, 1, 0, 0 FROM billing_message WHERE raised_at >= %(since)s AND kind = 'payment_failed'
    UNION ALL
    SELECT fulfilled_at, 0, 0, 0,
        CASE WHEN pack_id IS NULL THEN 0 ELSE cents END, CASE WHEN pack_id IS NULL THEN cents ELSE 0 END
    FROM billing_purchase WHERE fulfilled_at >= %(since)s
) AS happened
WHERE %(until)s::timestamptz IS NULL OR moment < %(until)s::timestamptz
GROUP BY 1 ORDER BY 1
