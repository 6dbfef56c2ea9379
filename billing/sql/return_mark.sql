-- Writes down which charges of a wallet are returned. Its charges are those of returnable_charges.sql.

INSERT INTO billing_returnedcharge (wallet_return_id, entry_id, line_id, amount)
SELECT %(wallet_return)s, entry_id, line_id, amount FROM ({charges}) AS charge
