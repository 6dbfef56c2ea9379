-- Writes down to which wallets a return has something to give: not to staff's own. Its charges are those of
-- returnable_charges.sql.

INSERT INTO billing_walletreturn (charge_return_id, wallet_id, status, charges, amount, attempts, error)
SELECT %(charge_return)s, charge.wallet_id, 'waiting', 0, 0, 0, ''
FROM ({charges}) AS charge
JOIN billing_wallet AS wallet ON wallet.id = charge.wallet_id
JOIN accounts_user AS owner ON owner.id = wallet.owner_id
WHERE NOT charge.is_returned
    AND NOT owner.is_staff
GROUP BY charge.wallet_id
