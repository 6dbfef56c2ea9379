-- How many charges of a wallet can be returned, and what they come to. Its charges are those of returnable_charges.sql.

SELECT count(*), coalesce(sum(amount), 0)::bigint FROM ({charges}) AS charge
