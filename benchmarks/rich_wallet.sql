-- The books of one busy wallet: months of charges, chatbots, workflow runs, holds and imports, as its owner would have
-- caused them. Parameters: wallet, entries, months, began, now, allowance, pack; chatbots is an array of three ids.
-- What an entry is follows from its number, so that the same size always has the same books.

CREATE TEMPORARY TABLE rich_cycle ON COMMIT DROP AS
SELECT number AS cycle, (number - 1) * %(entries)s / %(months)s + 1 AS first, number * %(entries)s / %(months)s AS last,
    %(began)s + make_interval(months => number::int - 1) AS starts_at,
    %(began)s + make_interval(months => number::int) AS ends_at,
    nextval(pg_get_serial_sequence('billing_grant', 'id')) AS grant_id
FROM generate_series(1, %(months)s::bigint) AS number;

-- Numbers from 0 to 999 choose a use: from `low` on, up to the next row's.
CREATE TEMPORARY TABLE rich_use ON COMMIT DROP AS
SELECT use.*, lead(low, 1, 2001) OVER (ORDER BY low) - 1 AS high, price.id AS price_id, price.millicredits, price.per
FROM (VALUES
    (0, 'gpt-4o-mini', 'gpt-4o-mini', 900, 'app'),
    (300, 'gpt-4o', 'gpt-4o', 1100, 'app'),
    (450, 'claude-3.5-sonnet', 'claude-3.5-sonnet', 1300, 'app'),
    (550, 'gpt-4o', 'gpt-4o', 700, 'api_key:1'),
    (600, 'o1-preview', 'o1-preview', 1500, 'api_key:2'),
    (620, 'stable-diffusion', 'stable-diffusion', 1, 'app'),
    (660, 'dall-e-3-standard', 'dall-e-3-standard', 1, 'app'),
    (680, 'dall-e-3-hd', 'dall-e-3-hd', 1, 'app'),
    (690, 'web-search', 'web-search', 1, 'api_key:1'),
    (720, 'pdf-summary', 'pdf-summary', 1, 'app'),
    (740, 'video-generation', 'video-generation', 7, 'app'),
    (750, 'analytics', 'analytics', 1, 'app'),
    (760, 'chatbot-message', 'gpt-4o-mini', 600, 'chatbot:' || (%(chatbots)s::bigint[])[1]),
    (860, 'chatbot-message', 'gpt-4o', 500, 'chatbot:' || (%(chatbots)s::bigint[])[2]),
    (930, 'chatbot-message', 'claude-3.5-sonnet', 400, 'chatbot:' || (%(chatbots)s::bigint[])[3]),
    (940, 'workflow-execution', 'workflow-execution', 1, 'workflow:weekly-report'),
    (970, 'workflow-execution', 'workflow-execution', 1, 'workflow:digest'),
    -- out of their reach: what is used twice
    (2000, 'custom-training', 'custom-training', 1, 'api_key:9')
) AS use (low, feature, priced_as, least_quantity, source)
LEFT JOIN LATERAL (
    SELECT * FROM billing_featureprice WHERE feature_id = use.priced_as AND starts_at <= %(began)s
    ORDER BY starts_at DESC LIMIT 1
) AS price ON true;

CREATE TEMPORARY TABLE rich_entry ON COMMIT DROP AS
WITH numbered AS (
    SELECT cycle.cycle, cycle.grant_id, sequence,
        cycle.starts_at + (least(cycle.ends_at, %(now)s) - cycle.starts_at)
            * ((sequence - first)::float / greatest(last - first, 1)) AS moment,
        CASE
            WHEN sequence = first THEN 'grant'
            WHEN sequence = last AND cycle < %(months)s THEN 'expiry'
            WHEN sequence = 2 THEN 'pack'
            WHEN mod(sequence, 20) = 10 AND sequence > first AND sequence + 1 < last THEN 'hold'
            WHEN mod(sequence, 20) = 11 AND sequence - 1 > first AND sequence < last
                THEN CASE WHEN mod(sequence / 20, 10) = 0 THEN 'release' ELSE 'capture' END
            ELSE 'charge'
        END AS kind,
        CASE
            WHEN mod(sequence, 20) IN (10, 11) THEN 300
            WHEN sequence IN (5, %(entries)s / 2) THEN 2000
            ELSE mod(sequence * 7919, 1000)
        END AS chosen
    FROM rich_cycle AS cycle, generate_series(cycle.first, cycle.last) AS sequence
), used AS (
    SELECT numbered.*, use.feature, use.priced_as, use.source, use.price_id, use.millicredits, use.per,
        CASE kind WHEN 'hold' THEN 4000 WHEN 'release' THEN 4000
            ELSE use.least_quantity + CASE WHEN use.least_quantity > 1 THEN mod(sequence * 31, 500) ELSE 0 END
        END AS quantity
    FROM numbered LEFT JOIN rich_use AS use ON kind NOT IN ('grant', 'expiry', 'pack') AND chosen BETWEEN low AND high
), priced AS (
    SELECT used.*, CASE
        WHEN feature = 'workflow-execution' THEN (  -- its lines, below: tokens and a search
            SELECT sum(((CASE feature WHEN 'gpt-4o-mini' THEN 1000 + mod(sequence, 700) ELSE 1 END) * millicredits
                + per - 1) / per) FROM rich_use AS line WHERE line.low IN (0, 690))
        ELSE (quantity * millicredits + per - 1) / per
    END AS worth FROM used
)
SELECT sequence, cycle, moment, (moment AT TIME ZONE 'UTC')::date AS posted_on, feature, priced_as, source, price_id,
    quantity, CASE kind WHEN 'pack' THEN 'grant' ELSE kind END AS kind,
    CASE kind WHEN 'pack' THEN %(pack_grant)s ELSE grant_id END AS grant_id,
    CASE kind WHEN 'grant' THEN %(allowance)s WHEN 'pack' THEN %(pack)s WHEN 'charge' THEN -worth
        WHEN 'hold' THEN -worth WHEN 'release' THEN worth WHEN 'capture' THEN held.amount - worth ELSE 0
    END AS available_change,
    CASE kind WHEN 'hold' THEN worth WHEN 'release' THEN -worth WHEN 'capture' THEN -held.amount ELSE 0 END AS held_change,
    CASE WHEN kind IN ('charge', 'capture') THEN worth ELSE 0 END AS cost,
    CASE WHEN kind IN ('hold', 'release', 'capture') THEN %(first_hold)s + sequence / 20 END AS hold_id,
    CASE WHEN kind = 'charge' AND mod(sequence, 100) = 33 THEN mod(sequence, 97) ELSE 0 END::int AS days_before
FROM priced
CROSS JOIN (
    SELECT (4000 * millicredits + per - 1) / per FROM rich_use WHERE low = 300
) AS held (amount);

-- What is left of a cycle's allowance expires with it.
UPDATE rich_entry SET available_change = -left_over.amount FROM (
    SELECT cycle, sum(available_change + held_change)::bigint AS amount FROM rich_entry
    WHERE grant_id <> %(pack_grant)s GROUP BY cycle
) AS left_over
WHERE rich_entry.kind = 'expiry' AND rich_entry.cycle = left_over.cycle;

INSERT INTO billing_grant (
    id, wallet_id, source, amount, remaining, effective_at, expires_at, opened_at, closed_at, business_key)
SELECT grant_id, %(wallet)s, 'allowance', %(allowance)s, CASE WHEN cycle < %(months)s THEN 0 END, starts_at, ends_at,
    starts_at, CASE WHEN cycle < %(months)s THEN ends_at END, 'allowance:benchmark:' || cycle
FROM rich_cycle
UNION ALL
SELECT %(pack_grant)s, %(wallet)s, 'purchase', %(pack)s, %(pack)s, moment, NULL, moment, NULL, 'benchmark:pack'
FROM rich_entry WHERE sequence = 2;

INSERT INTO billing_purchase (
    wallet_id, business_key, pack_id, grant_id, cents, stripe_payment_intent_id, stripe_invoice_id, stripe_session_id,
    paid_at, fulfilled_at)
SELECT wallet_id, business_key, (SELECT min(code) FROM billing_pack), id, 1000, '', '', '', opened_at, opened_at
FROM billing_grant WHERE id = %(pack_grant)s;

INSERT INTO billing_hold (
    id, wallet_id, status, feature_id, priced_as_id, price_id, quantity, amount, unlimited, source, grant_id, opened_at,
    expires_at, closed_at)
SELECT opened.hold_id, %(wallet)s, CASE closed.kind WHEN 'capture' THEN 'captured' ELSE 'released' END, opened.feature,
    opened.priced_as, opened.price_id, opened.quantity, opened.held_change, false, opened.source, opened.grant_id,
    opened.moment, closed.moment + interval '15 minutes', closed.moment
FROM rich_entry AS opened JOIN rich_entry AS closed ON closed.sequence = opened.sequence + 1
WHERE opened.kind = 'hold';

INSERT INTO billing_ledgerentry (
    wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after, feature_id, priced_as_id,
    quantity, price_id, source, detail, grant_id, hold_id, cycle, effective_at, posted_at, posted_on, used_on, key,
    request_hash)
SELECT %(wallet)s, sequence, kind, available_change, held_change, cost, 0, sum(available_change) OVER (ORDER BY sequence),
    feature, priced_as, quantity, price_id, coalesce(source, ''),
    CASE WHEN feature = 'workflow-execution' THEN jsonb_build_object('workflow', split_part(source, ':', 2))
        WHEN kind IN ('charge', 'capture') AND priced_as IN ('gpt-4o', 'gpt-4o-mini')
            THEN jsonb_build_object('input_tokens', quantity - quantity / 3, 'output_tokens', quantity / 3) END,
    CASE WHEN available_change = 0 AND held_change = 0 THEN NULL ELSE grant_id END, hold_id, cycle, moment, moment,
    posted_on, CASE WHEN kind IN ('charge', 'capture') THEN posted_on - days_before END,
    CASE WHEN kind IN ('charge', 'hold') THEN 'rich:' || sequence END,
    CASE WHEN kind IN ('charge', 'hold', 'capture') THEN md5(sequence::text) END
FROM rich_entry ORDER BY sequence;

INSERT INTO billing_usageline (wallet_id, entry_id, position, name, feature_id, quantity, price_id, cost)
SELECT entry.wallet_id, entry.id, line.position, line.name, line.feature, line.quantity, use.price_id,
    coalesce((line.quantity * use.millicredits + use.per - 1) / use.per, 0)
FROM billing_ledgerentry AS entry
CROSS JOIN LATERAL (VALUES
    (1, 'Write', 'gpt-4o-mini', 1000 + mod(entry.sequence, 700), 0), (2, 'Look up', 'web-search', 1, 690),
    (3, 'Send', NULL, NULL, NULL)
) AS line (position, name, feature, quantity, low)
LEFT JOIN rich_use AS use ON use.low = line.low
WHERE entry.wallet_id = %(wallet)s AND entry.feature_id = 'workflow-execution' ORDER BY entry.id, line.position;

INSERT INTO billing_dailyusage (wallet_id, used_on, cycle, feature_id, priced_as_id, source, quantity, cost, uses)
SELECT %(wallet)s, used_on, cycle, feature_id, priced_as_id, source, sum(quantity), sum(cost), sum(uses)
FROM (
    SELECT used_on, cycle, feature_id, priced_as_id, source, quantity, 1 AS uses,
        CASE WHEN feature_id = 'workflow-execution' THEN 0 ELSE cost END AS cost
    FROM billing_ledgerentry WHERE wallet_id = %(wallet)s AND kind IN ('charge', 'capture')
    UNION ALL
    SELECT entry.used_on, entry.cycle, entry.feature_id, line.feature_id, entry.source, line.quantity, 0, line.cost
    FROM billing_usageline AS line JOIN billing_ledgerentry AS entry ON entry.id = line.entry_id
    WHERE line.wallet_id = %(wallet)s AND line.feature_id IS NOT NULL
) AS used
GROUP BY used_on, cycle, feature_id, priced_as_id, source;

UPDATE billing_wallet SET sequence = %(entries)s, available = newest.available_after, held = 0,
    last_posted_at = newest.posted_at, last_posted_on = newest.posted_on, head_grant_id = this.grant_id,
    head_left = newest.available_after - %(pack)s, next_due_at = this.ends_at, cycle = this.cycle,
    cycle_started_at = this.starts_at, cycle_ends_at = this.ends_at
FROM rich_cycle AS this, billing_ledgerentry AS newest
WHERE billing_wallet.id = %(wallet)s AND this.cycle = %(months)s
    AND newest.wallet_id = %(wallet)s AND newest.sequence = %(entries)s;
