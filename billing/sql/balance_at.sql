-- What a wallet's entries up to number `last` come to, from the entries alone: for the entries of a kind and for what
-- they did to each grant, apart before the cycle that began with number `first` and in it.
--
-- A single grant stands on the entry, several in its shares. Parameters: a wallet's id, `first` and `last`.

SELECT entry.sequence >= %(first)s AS is_in_cycle, entry.kind, entry.grant_id, false AS is_of_shares, count(*) AS entries,
    sum(entry.available_change)::bigint AS available, sum(entry.held_change)::bigint AS held,
    sum(entry.cost)::bigint AS cost, sum(entry.uncovered)::bigint AS uncovered
FROM billing_ledgerentry AS entry
WHERE entry.wallet_id = %(wallet)s AND entry.sequence <= %(last)s
GROUP BY 1, 2, 3
UNION ALL
SELECT entry.sequence >= %(first)s, entry.kind, share.grant_id, true, count(*),
    sum(share.left_change)::bigint, sum(share.held_change)::bigint, 0, 0
FROM billing_ledgerentry AS entry JOIN billing_entryshare AS share ON share.entry_id = entry.id
WHERE entry.wallet_id = %(wallet)s AND entry.sequence <= %(last)s AND entry.grant_id IS NULL
    AND (entry.available_change <> 0 OR entry.held_change <> 0)
GROUP BY 1, 2, 3
