-- What returning would come to: wallets, charges, amount, wallets whose owners have left, and the largest parts.
-- Its charges are those of returnable_charges.sql. Parameters: its own, and how many of the largest are wanted.

WITH charge AS MATERIALIZED ({charges}),
part AS (
    SELECT charge.wallet_id, wallet.owner_id IS NULL AS has_left, count(*) AS charges,
        sum(charge.amount)::bigint AS amount
    FROM charge JOIN billing_wallet AS wallet ON wallet.id = charge.wallet_id
    GROUP BY charge.wallet_id, wallet.owner_id
)
SELECT count(*) FILTER (WHERE NOT has_left), coalesce(sum(charges) FILTER (WHERE NOT has_left), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE NOT has_left), 0)::bigint, count(*) FILTER (WHERE has_left),
    coalesce((SELECT json_agg(json_build_array(wallet_id, charges, amount)) FROM (
        SELECT * FROM part WHERE NOT has_left ORDER BY amount DESC, wallet_id LIMIT %(largest)s
    ) AS largest), '[]')
FROM part
