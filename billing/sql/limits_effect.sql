-- What two limits would have changed in a wallet's newest uses, of the given day or later: an answer above `tokens`
-- output tokens would have ended there, at the price it was made at; a use above `above` would have been asked about.
-- What was burned counts: an unlimited wallet's uses, and what no credits were left for, cost nobody anything.

WITH newest AS (
    SELECT -(available_change + held_change) AS burned, quantity, priced_as_id, price_id, detail
    FROM billing_ledgerentry
    WHERE wallet_id = %(wallet)s AND sequence > %(after)s AND kind IN ('charge', 'capture') AND used_on >= %(since)s
    ORDER BY sequence DESC
    LIMIT %(most)s
),
used AS (
    SELECT newest.burned, newest.quantity::numeric, price.millicredits::numeric, price.per::numeric,
        CASE WHEN model.unit = 'token' AND jsonb_typeof(newest.detail -> 'output_tokens') = 'number'
            THEN least(floor((newest.detail ->> 'output_tokens')::numeric), newest.quantity)
        END AS output_tokens
    FROM newest
    LEFT JOIN billing_feature AS model ON model.code = newest.priced_as_id
    LEFT JOIN billing_featureprice AS price ON price.id = newest.price_id
)
SELECT
    count(*),
    count(*) FILTER (WHERE burned > %(above)s),
    count(output_tokens),
    count(*) FILTER (WHERE output_tokens > %(tokens)s),
    coalesce(sum(greatest(0, burned - div((quantity - output_tokens + %(tokens)s) * millicredits + per - 1, per)))
        FILTER (WHERE output_tokens > %(tokens)s), 0)
FROM used
