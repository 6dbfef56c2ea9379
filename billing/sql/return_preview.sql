-- What returning would come to: wallets, charges, amount, wallets whose owners have left, wallets of staff, the largest
-- parts, and how many charges were returned before, with their amount.
-- Its charges are those of returnable_charges.sql. Parameters: its own, and how many of the largest are wanted.

WITH charge AS MATERIALIZED ({charges}),
part AS (
    SELECT charge.wallet_id, owner.id IS NULL AS has_left, coalesce(owner.is_staff, false) AS is_of_staff,
        owner.id IS NOT NULL AND NOT owner.is_staff AS gets_something,
        count(*) AS charges, sum(charge.amount)::bigint AS amount
    FROM charge
    JOIN billing_wallet AS wallet ON wallet.id = charge.wallet_id
    LEFT JOIN accounts_user AS owner ON owner.id = wallet.owner_id
    WHERE NOT charge.is_returned
    GROUP BY charge.wallet_id, owner.id, owner.is_staff
)
SELECT count(*) FILTER (WHERE gets_something),
    coalesce(sum(charges) FILTER (WHERE gets_something), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE gets_something), 0)::bigint,
    count(*) FILTER (WHERE has_left),
    count(*) FILTER (WHERE is_of_staff),
    coalesce((SELECT json_agg(json_build_array(wallet_id, charges, amount)) FROM (
        SELECT * FROM part WHERE gets_something ORDER BY amount DESC, wallet_id LIMIT %(largest)s
    ) AS largest), '[]'),
    (SELECT count(*) FROM charge WHERE is_returned),
    (SELECT coalesce(sum(amount), 0)::bigint FROM charge WHERE is_returned)
FROM part
