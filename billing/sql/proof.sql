-- Every row returned is a difference: rule, wallet, where, expected, found. No row is the proof.
-- Parameter: a wallet's id, or NULL for all of them.

WITH wallet AS (
    SELECT * FROM billing_wallet WHERE %(wallet)s::bigint IS NULL OR id = %(wallet)s::bigint
),
entry AS (
    SELECT entry.* FROM billing_ledgerentry AS entry
    WHERE %(wallet)s::bigint IS NULL OR entry.wallet_id = %(wallet)s::bigint
),
booked AS (
    SELECT wallet_id, sum(available_change)::bigint AS available, sum(held_change)::bigint AS held,
        count(*) AS entries, min(sequence) AS first_sequence, max(sequence) AS last_sequence
    FROM entry GROUP BY wallet_id
),
-- What each entry did to each grant: a single grant stands on the entry, several in its shares.
share AS (
    SELECT wallet_id, grant_id, hold_id, kind, available_change AS left_change, held_change
    FROM entry WHERE grant_id IS NOT NULL
    UNION ALL
    SELECT entry.wallet_id, share.grant_id, entry.hold_id, entry.kind, share.left_change, share.held_change
    FROM billing_entryshare AS share JOIN entry ON entry.id = share.entry_id
),
shares_of_grant AS (
    SELECT grant_id, sum(left_change)::bigint AS remaining,
        sum(left_change) FILTER (WHERE kind = 'grant')::bigint AS granted,
        -sum(left_change + held_change) FILTER (WHERE kind <> 'grant')::bigint AS gone,
        -sum(left_change) FILTER (WHERE kind = 'clawback')::bigint AS taken_back
    FROM share GROUP BY grant_id
),
grants AS (
    SELECT grant_row.id, grant_row.wallet_id, grant_row.amount, grant_row.opened_at, grant_row.closed_at,
        grant_row.source, grant_row.business_key, grant_row.clawback_target, grant_row.taken_back,
        CASE WHEN grant_row.id = wallet.head_grant_id THEN wallet.head_left ELSE grant_row.remaining END AS remaining,
        (grant_row.remaining IS NULL) AS is_marked_head, (grant_row.id = wallet.head_grant_id) IS TRUE AS is_head
    FROM billing_grant AS grant_row JOIN wallet ON wallet.id = grant_row.wallet_id
),
open_hold AS (
    SELECT hold.wallet_id, hold.id, hold.amount FROM billing_hold AS hold JOIN wallet ON wallet.id = hold.wallet_id
    WHERE hold.status = 'open'
),
kept_of_grant AS (
    SELECT share.grant_id, sum(share.held_change)::bigint AS held
    FROM share JOIN open_hold ON open_hold.id = share.hold_id GROUP BY share.grant_id
),
held_by_entries AS (
    SELECT entry.hold_id, sum(entry.held_change)::bigint AS held FROM entry
    WHERE entry.hold_id IS NOT NULL GROUP BY entry.hold_id
),
chained AS (
    SELECT wallet_id, sequence, available_after, posted_at, posted_on, cycle,
        sum(available_change) OVER (PARTITION BY wallet_id ORDER BY sequence) AS running,
        lag(posted_at) OVER (PARTITION BY wallet_id ORDER BY sequence) AS posted_before,
        lag(posted_on) OVER (PARTITION BY wallet_id ORDER BY sequence) AS posted_on_before,
        lag(cycle) OVER (PARTITION BY wallet_id ORDER BY sequence) AS cycle_before
    FROM entry
),
metered AS (
    SELECT entry.wallet_id, entry.used_on, entry.cycle, entry.feature_id, entry.priced_as_id, entry.source,
        entry.quantity, entry.uses, entry.cost
    FROM (
        SELECT wallet_id, used_on, cycle, feature_id, priced_as_id, source, quantity, 1 AS uses,
            CASE WHEN feature_id = 'workflow-execution' THEN 0 ELSE cost END AS cost
        FROM entry WHERE kind IN ('charge', 'capture')
        UNION ALL
        SELECT entry.wallet_id, entry.used_on, entry.cycle, entry.feature_id, line.feature_id, entry.source,
            line.quantity, 0, line.cost
        FROM billing_usageline AS line JOIN entry ON entry.id = line.entry_id WHERE line.feature_id IS NOT NULL
    ) AS entry
),
metered_days AS (
    SELECT wallet_id, used_on, cycle, feature_id, priced_as_id, source,
        sum(quantity)::bigint AS quantity, sum(uses)::bigint AS uses, sum(cost)::bigint AS cost
    FROM metered GROUP BY wallet_id, used_on, cycle, feature_id, priced_as_id, source
),
purchase AS (
    SELECT sale.* FROM billing_purchase AS sale JOIN wallet ON wallet.id = sale.wallet_id
),
-- What went back of each payment: refunds that Stripe knows and that haven't failed, and what disputes have withdrawn.
returned AS (
    SELECT payment, sum(cents)::bigint AS cents FROM (
        SELECT stripe_payment_intent_id AS payment, cents FROM billing_refund
        WHERE stripe_refund_id IS NOT NULL AND status IN ('pending', 'requires_action', 'succeeded')
        UNION ALL
        SELECT stripe_payment_intent_id, withdrawn_cents FROM billing_dispute
    ) AS went_back GROUP BY payment
),
asked_back AS (
    SELECT grants.id, coalesce(max(
        CASE WHEN purchase.cents > 0 AND purchase.stripe_payment_intent_id <> ''
        THEN least(grants.amount, floor(grants.amount::numeric * coalesce(returned.cents, 0) / purchase.cents)) END), 0)::bigint AS target
    FROM grants LEFT JOIN purchase ON purchase.grant_id = grants.id
    LEFT JOIN returned ON returned.payment = purchase.stripe_payment_intent_id
    GROUP BY grants.id
),
days AS (
    SELECT wallet.id AS wallet_id, usage.used_on, usage.cycle, usage.feature_id, usage.priced_as_id, usage.source,
        usage.quantity, usage.uses, usage.cost
    FROM billing_dailyusage AS usage JOIN wallet ON wallet.id = usage.wallet_id
)

SELECT 'available is the sum of its entries' AS rule, wallet.id, '' AS place,
    coalesce(booked.available, 0) AS expected, wallet.available AS found
FROM wallet LEFT JOIN booked ON booked.wallet_id = wallet.id
WHERE wallet.available <> coalesce(booked.available, 0)
UNION ALL
SELECT 'held is the sum of its entries', wallet.id, '', coalesce(booked.held, 0), wallet.held
FROM wallet LEFT JOIN booked ON booked.wallet_id = wallet.id
WHERE wallet.held <> coalesce(booked.held, 0)
UNION ALL
SELECT 'available is what is left of its open grants', wallet.id, '', coalesce(left_of.total, 0), wallet.available
FROM wallet LEFT JOIN (
    SELECT wallet_id, sum(remaining)::bigint AS total FROM grants
    WHERE opened_at IS NOT NULL AND closed_at IS NULL GROUP BY wallet_id
) AS left_of ON left_of.wallet_id = wallet.id
WHERE wallet.available <> coalesce(left_of.total, 0)
UNION ALL
SELECT 'held is the sum of its open holds', wallet.id, '', coalesce(holds.total, 0), wallet.held
FROM wallet LEFT JOIN (SELECT wallet_id, sum(amount)::bigint AS total FROM open_hold GROUP BY wallet_id) AS holds
    ON holds.wallet_id = wallet.id
WHERE wallet.held <> coalesce(holds.total, 0)
UNION ALL
SELECT 'the sequence has no gap', wallet.id, '', wallet.sequence, coalesce(booked.entries, 0)
FROM wallet LEFT JOIN booked ON booked.wallet_id = wallet.id
WHERE coalesce(booked.entries, 0) <> wallet.sequence
    OR coalesce(booked.last_sequence, 0) <> wallet.sequence OR coalesce(booked.first_sequence, 1) <> 1
UNION ALL
SELECT 'every entry says what was available after it', wallet_id, 'entry ' || sequence, running::bigint, available_after
FROM chained WHERE running <> available_after
UNION ALL
SELECT 'the books never go back in time', wallet_id, 'entry ' || sequence, 0, 1
FROM chained WHERE posted_at < posted_before OR posted_on < posted_on_before OR cycle < cycle_before
UNION ALL
SELECT 'a grant''s remaining is the sum of its shares', grants.wallet_id, 'grant ' || grants.id,
    coalesce(shares_of_grant.remaining, 0), grants.remaining
FROM grants LEFT JOIN shares_of_grant ON shares_of_grant.grant_id = grants.id
WHERE coalesce(grants.remaining, -1) <> coalesce(shares_of_grant.remaining, 0)
UNION ALL
SELECT 'a started grant gave its whole amount, once', grants.wallet_id, 'grant ' || grants.id,
    CASE WHEN grants.opened_at IS NULL THEN 0 ELSE grants.amount END, coalesce(shares_of_grant.granted, 0)
FROM grants LEFT JOIN shares_of_grant ON shares_of_grant.grant_id = grants.id
WHERE coalesce(shares_of_grant.granted, 0) <> CASE WHEN grants.opened_at IS NULL THEN 0 ELSE grants.amount END
UNION ALL
SELECT 'a grant is left + held + gone', grants.wallet_id, 'grant ' || grants.id, grants.amount,
    grants.remaining + coalesce(kept_of_grant.held, 0) + coalesce(shares_of_grant.gone, 0)
FROM grants JOIN shares_of_grant ON shares_of_grant.grant_id = grants.id
LEFT JOIN kept_of_grant ON kept_of_grant.grant_id = grants.id
WHERE grants.opened_at IS NOT NULL
    AND grants.amount <> grants.remaining + coalesce(kept_of_grant.held, 0) + coalesce(shares_of_grant.gone, 0)
UNION ALL
SELECT 'only the head''s remaining stands on the wallet', wallet_id, 'grant ' || id, is_head::int, is_marked_head::int
FROM grants WHERE is_head <> is_marked_head
UNION ALL
SELECT 'an entry with several grants has shares that add up', entry.wallet_id, 'entry ' || entry.sequence,
    entry.available_change, coalesce(sum(share.left_change), 0)::bigint
FROM entry LEFT JOIN billing_entryshare AS share ON share.entry_id = entry.id
WHERE entry.grant_id IS NULL
GROUP BY entry.wallet_id, entry.id, entry.sequence, entry.available_change, entry.held_change
HAVING entry.available_change <> coalesce(sum(share.left_change), 0)
    OR entry.held_change <> coalesce(sum(share.held_change), 0)
UNION ALL
SELECT 'what holds keep of a hold''s entries is its amount while it is open, else nothing', hold.wallet_id,
    'hold ' || hold.id, CASE WHEN hold.status = 'open' THEN hold.amount ELSE 0 END, coalesce(held_by_entries.held, 0)
FROM billing_hold AS hold JOIN wallet ON wallet.id = hold.wallet_id
LEFT JOIN held_by_entries ON held_by_entries.hold_id = hold.id
WHERE coalesce(held_by_entries.held, 0) <> CASE WHEN hold.status = 'open' THEN hold.amount ELSE 0 END
UNION ALL
SELECT 'a charge costs what its price says', entry.wallet_id, 'entry ' || entry.sequence,
    ceil(entry.quantity::numeric * price.millicredits / price.per)::bigint, entry.cost
FROM entry JOIN billing_featureprice AS price ON price.id = entry.price_id
WHERE entry.kind IN ('charge', 'capture') AND entry.cost <> ceil(entry.quantity::numeric * price.millicredits / price.per)
UNION ALL
SELECT 'a line costs what its price says', line.wallet_id, 'entry ' || entry.sequence || ' line ' || line.position,
    ceil(line.quantity::numeric * price.millicredits / price.per)::bigint, line.cost
FROM billing_usageline AS line JOIN entry ON entry.id = line.entry_id
LEFT JOIN billing_featureprice AS price ON price.id = line.price_id
WHERE line.cost <> coalesce(ceil(line.quantity::numeric * price.millicredits / price.per), 0)
UNION ALL
SELECT 'what was used was paid for, but for what is uncovered', entry.wallet_id, 'entry ' || entry.sequence,
    entry.cost - entry.uncovered, -(entry.available_change + entry.held_change)
FROM entry LEFT JOIN billing_hold AS hold ON hold.id = entry.hold_id
WHERE entry.kind IN ('charge', 'capture')
    AND (entry.available_change <> 0 OR entry.held_change <> 0 OR hold.unlimited = false)
    AND entry.cost - entry.uncovered <> -(entry.available_change + entry.held_change)
UNION ALL
SELECT 'a workflow costs the sum of its lines', entry.wallet_id, 'entry ' || entry.sequence,
    coalesce(sum(line.cost), 0)::bigint, entry.cost
FROM entry LEFT JOIN billing_usageline AS line ON line.entry_id = entry.id
WHERE entry.feature_id = 'workflow-execution'
GROUP BY entry.wallet_id, entry.id, entry.sequence, entry.cost HAVING entry.cost <> coalesce(sum(line.cost), 0)
UNION ALL
SELECT 'daily usage is what its entries used', coalesce(days.wallet_id, metered_days.wallet_id),
    concat_ws(' ', coalesce(days.used_on, metered_days.used_on), coalesce(days.feature_id, metered_days.feature_id),
        coalesce(days.priced_as_id, metered_days.priced_as_id), coalesce(days.source, metered_days.source)),
    coalesce(metered_days.cost, 0), coalesce(days.cost, 0)
FROM days FULL JOIN metered_days USING (wallet_id, used_on, cycle, feature_id, priced_as_id, source)
WHERE (days.cost, days.quantity, days.uses) IS DISTINCT FROM
    (metered_days.cost, metered_days.quantity, metered_days.uses)
UNION ALL
SELECT 'every entry names rows that exist', entry.wallet_id, 'entry ' || entry.sequence, 0, 1
FROM entry
LEFT JOIN billing_grant AS grant_row ON grant_row.id = entry.grant_id AND grant_row.wallet_id = entry.wallet_id
LEFT JOIN billing_hold AS hold ON hold.id = entry.hold_id AND hold.wallet_id = entry.wallet_id
LEFT JOIN billing_feature AS feature ON feature.code = entry.feature_id
LEFT JOIN billing_featureprice AS price ON price.id = entry.price_id
LEFT JOIN billing_wallet AS owning ON owning.id = entry.wallet_id
WHERE owning.id IS NULL
    OR (entry.grant_id IS NOT NULL AND grant_row.id IS NULL) OR (entry.hold_id IS NOT NULL AND hold.id IS NULL)
    OR (entry.feature_id IS NOT NULL AND feature.code IS NULL) OR (entry.price_id IS NOT NULL AND price.id IS NULL)
UNION ALL
SELECT 'every grant for money has its payment', grants.wallet_id, 'grant ' || grants.id, 1, 0
FROM grants LEFT JOIN purchase ON purchase.grant_id = grants.id
WHERE purchase.id IS NULL AND (grants.source = 'purchase'
    OR grants.source = 'allowance' AND grants.business_key NOT LIKE 'allowance:%%')
UNION ALL
SELECT 'every payment has the grant it paid for', purchase.wallet_id, purchase.business_key, 1, 0
FROM purchase LEFT JOIN billing_grant AS grant_row ON grant_row.id = purchase.grant_id
    AND grant_row.wallet_id = purchase.wallet_id AND grant_row.business_key = purchase.business_key
LEFT JOIN billing_plan AS plan ON plan.code = purchase.plan_id
WHERE grant_row.id IS NULL AND NOT (purchase.grant_id IS NULL AND plan.code IS NOT NULL)
UNION ALL
SELECT 'what was taken back of a grant is the sum of its claw-backs', grants.wallet_id, 'grant ' || grants.id,
    coalesce(shares_of_grant.taken_back, 0), grants.taken_back
FROM grants LEFT JOIN shares_of_grant ON shares_of_grant.grant_id = grants.id
WHERE grants.taken_back <> coalesce(shares_of_grant.taken_back, 0)
UNION ALL
SELECT 'refunds and disputes ask back their part of a grant', grants.wallet_id, 'grant ' || grants.id,
    asked_back.target, grants.clawback_target
FROM grants JOIN asked_back ON asked_back.id = grants.id
WHERE grants.clawback_target <> asked_back.target
UNION ALL
SELECT 'nothing is left of a grant while more is asked back', grants.wallet_id, 'grant ' || grants.id, 0,
    grants.remaining
FROM grants WHERE grants.taken_back < grants.clawback_target AND grants.remaining > 0
UNION ALL
SELECT 'every paid Checkout of a pack has its purchase', checkout.wallet_id, checkout.thing || ' ' || checkout.id, 1, 0
FROM billing_checkout AS checkout JOIN wallet ON wallet.id = checkout.wallet_id
JOIN billing_stripeprice AS price ON price.id = checkout.price_id AND price.pack_id IS NOT NULL
LEFT JOIN purchase ON purchase.stripe_session_id = checkout.stripe_session_id
    AND purchase.wallet_id = checkout.wallet_id
WHERE checkout.status = 'complete' AND purchase.id IS NULL
UNION ALL
SELECT 'a pack gave what its price sold', checkout.wallet_id, purchase.business_key, price.amount, grant_row.amount
FROM billing_checkout AS checkout JOIN purchase ON purchase.stripe_session_id = checkout.stripe_session_id
JOIN billing_stripeprice AS price ON price.id = checkout.price_id
JOIN billing_grant AS grant_row ON grant_row.id = purchase.grant_id
WHERE price.amount <> grant_row.amount
UNION ALL
SELECT 'what was paid is granted once, to one wallet', purchase.wallet_id, purchase.business_key, 1, paid.purchases
FROM purchase JOIN (
    SELECT coalesce(nullif(stripe_session_id, ''), business_key) AS payment, count(*) AS purchases
    FROM billing_purchase WHERE stripe_session_id <> '' OR business_key LIKE 'invoice_line:%%'
    GROUP BY payment HAVING count(*) > 1
) AS paid ON paid.payment = coalesce(nullif(purchase.stripe_session_id, ''), purchase.business_key)
UNION ALL
SELECT 'what goes back goes back to the wallet that paid', money.wallet_id, money.place, 1, 0
FROM (
    SELECT wallet_id, 'refund ' || id AS place, stripe_payment_intent_id AS payment FROM billing_refund
    WHERE stripe_refund_id IS NOT NULL
    UNION ALL
    SELECT wallet_id, 'dispute ' || id, stripe_payment_intent_id FROM billing_dispute
) AS money JOIN wallet ON wallet.id = money.wallet_id
LEFT JOIN purchase ON purchase.stripe_payment_intent_id = money.payment AND purchase.wallet_id = money.wallet_id
WHERE purchase.id IS NULL
UNION ALL
SELECT 'a plan is paid for by its own wallet', wallet.id, payer.stripe_subscription_id, wallet.id, payer.wallet_id
FROM wallet JOIN billing_subscription AS subscription ON subscription.wallet_id = wallet.id
JOIN billing_stripesubscription AS payer ON payer.id = subscription.stripe_subscription_id
WHERE payer.wallet_id <> wallet.id
UNION ALL
SELECT 'what was returned is what its grant gave', part.wallet_id, 'return ' || part.charge_return_id,
    coalesce(grant_row.amount, 0), coalesce(sum(returned.amount), 0)::bigint
FROM billing_walletreturn AS part JOIN wallet ON wallet.id = part.wallet_id
LEFT JOIN billing_grant AS grant_row ON grant_row.id = part.grant_id AND grant_row.wallet_id = part.wallet_id
LEFT JOIN billing_returnedcharge AS returned ON returned.wallet_return_id = part.id
GROUP BY part.id, part.wallet_id, part.charge_return_id, part.amount, part.charges, grant_row.amount
HAVING part.amount <> coalesce(sum(returned.amount), 0) OR part.charges <> count(returned.id)
    OR coalesce(grant_row.amount, 0) <> part.amount
UNION ALL
SELECT 'every grant that returns charges names them', grants.wallet_id, 'grant ' || grants.id, 1, 0
FROM grants LEFT JOIN billing_walletreturn AS part ON part.grant_id = grants.id
WHERE grants.business_key LIKE 'adjustment:return:%%' AND part.id IS NULL
UNION ALL
SELECT 'no more is returned of a charge than was paid for it, to whom paid it', part.wallet_id,
    'entry ' || entry.sequence, -(entry.available_change + entry.held_change), sum(returned.amount)::bigint
FROM billing_returnedcharge AS returned JOIN billing_walletreturn AS part ON part.id = returned.wallet_return_id
JOIN wallet ON wallet.id = part.wallet_id JOIN billing_ledgerentry AS entry ON entry.id = returned.entry_id
LEFT JOIN billing_usageline AS line ON line.id = returned.line_id AND line.entry_id = returned.entry_id
GROUP BY part.wallet_id, entry.id, entry.wallet_id, entry.sequence, entry.available_change, entry.held_change
HAVING sum(returned.amount) > -(entry.available_change + entry.held_change) OR entry.wallet_id <> part.wallet_id
    OR bool_or(returned.amount > line.cost)
UNION ALL
SELECT 'every hold names a wallet that exists', hold.wallet_id, 'hold ' || hold.id, 1, 0
FROM billing_hold AS hold
WHERE (%(wallet)s::bigint IS NULL OR hold.wallet_id = %(wallet)s::bigint)
    AND NOT EXISTS (SELECT FROM billing_wallet WHERE id = hold.wallet_id)
ORDER BY 2, 1, 3
