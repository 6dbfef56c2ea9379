-- Writes down which charges of a wallet are returned; returns how many these are, and what they come to. Its charges
-- are those of returnable_charges.sql.

WITH marked AS (
    INSERT INTO billing_returnedcharge (wallet_return_id, entry_id, line_id, amount)
    SELECT %(wallet_return)s, entry_id, line_id, amount FROM ({charges}) AS charge WHERE NOT is_returned
    RETURNING amount
)
SELECT count(*), coalesce(sum(amount), 0)::bigint FROM marked
