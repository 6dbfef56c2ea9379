-- A wallet's entries as exports list them, oldest first: amounts in credits, moments in the session's time zone.
--
-- Names are looked up in small objects that are read once, not joined: joins could cost the order of the entries, and
-- sorting a million of them would keep the first line waiting for the last.
-- Parameters: wallet; the range of sequence numbers, first to last; kinds, feature, model, source, cycle, first_day and
-- last_day (of what counts on them), each NULL for all; held_before: the millicredits held before the first entry, NULL
-- where nobody asks for what is held; origins, sources and labels: what sources of grants and of usage are called; guarded:
-- the code points before which a text gets an apostrophe, so that no spreadsheet takes it for a formula.

WITH numbered_price AS (
    SELECT number, millicredits, per
    FROM generate_series(1, (SELECT max(id) FROM billing_featureprice)) AS number
        LEFT JOIN billing_featureprice AS price ON price.id = number
),
named AS MATERIALIZED (
    SELECT
        (SELECT jsonb_object_agg(code, CASE WHEN ascii(name) = ANY (%(guarded)s) THEN '''' ELSE '' END || name)
            FROM billing_feature) AS features,
        (SELECT jsonb_object_agg(code, CASE WHEN pricing = 'model' THEN 'token' ELSE unit END) FROM billing_feature)
            AS units,
        (SELECT array_agg(coalesce(millicredits, 0) ORDER BY number) FROM numbered_price) AS amounts,
        (SELECT array_agg(coalesce(per, 0) ORDER BY number) FROM numbered_price) AS pers,
        (SELECT jsonb_object_agg(id, %(origins)s::jsonb ->> source) FROM billing_grant WHERE wallet_id = %(wallet)s)
            AS grants
),
entry AS (
    SELECT *,
        (SELECT features FROM named) ->> feature_id AS used,
        CASE WHEN kind IN ('grant', 'expiry', 'adjustment')
            THEN coalesce((SELECT grants FROM named) ->> grant_id::text, 'Credits') END AS origin,
        CASE WHEN feature_id IS NOT NULL THEN {source_name} END AS source_name,
        detail -> 'input_tokens' AS tokens_in,
        detail -> 'output_tokens' AS tokens_out
    FROM billing_ledgerentry AS entry
    WHERE wallet_id = %(wallet)s AND sequence BETWEEN %(first)s AND %(last)s
        AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
        AND (%(feature)s::text IS NULL OR feature_id = %(feature)s)
        AND (%(model)s::text IS NULL OR feature_id = %(model)s OR priced_as_id = %(model)s OR EXISTS (
            SELECT FROM billing_usageline AS line WHERE line.entry_id = entry.id AND line.feature_id = %(model)s))
        AND (%(source)s::text IS NULL OR source = %(source)s)
        AND (%(cycle)s::integer IS NULL OR cycle = %(cycle)s)
        AND (%(first_day)s::date IS NULL OR coalesce(used_on, posted_on) >= %(first_day)s)
        AND (%(last_day)s::date IS NULL OR coalesce(used_on, posted_on) <= %(last_day)s)
)
SELECT
    sequence,
    posted_at,
    posted_on,
    coalesce(used_on, posted_on) AS counts_on,
    kind,
    CASE kind
        WHEN 'charge' THEN used
        WHEN 'capture' THEN used
        WHEN 'hold' THEN 'Set aside for ' || used
        WHEN 'release' THEN 'Returned from ' || used
        WHEN 'grant' THEN origin
        WHEN 'expiry' THEN origin || ' expired'
        WHEN 'adjustment' THEN CASE WHEN available_change > 0 THEN origin ELSE 'Taken by CleverAI' END
        WHEN 'clawback' THEN CASE
            WHEN available_change > 0 THEN 'Given back: payment restored' ELSE 'Taken back: payment returned' END
    END AS what,
    feature_id AS feature,
    priced_as_id AS model,
    CASE WHEN ascii(source) = ANY (%(guarded)s) THEN '''' || source ELSE nullif(source, '') END AS source,
    CASE WHEN ascii(source_name) = ANY (%(guarded)s) THEN '''' || source_name ELSE source_name END AS source_name,
    quantity,
    (SELECT units FROM named) ->> priced_as_id AS unit,
    trim_scale((SELECT amounts FROM named)[price_id] * 0.001) AS price,
    (SELECT pers FROM named)[price_id] AS price_per,
    trim_scale(cost * 0.001) AS cost,
    trim_scale(available_change * 0.001) AS change,
    CASE held_change WHEN 0 THEN 0 ELSE trim_scale(held_change * 0.001) END AS held_change,
    trim_scale(available_after * 0.001) AS balance,
    CASE WHEN %(held_before)s::bigint IS NOT NULL THEN trim_scale(
        (%(held_before)s::bigint + sum(held_change) OVER (ORDER BY sequence ROWS UNBOUNDED PRECEDING)) * 0.001
    ) END AS held,
    CASE uncovered WHEN 0 THEN 0 ELSE trim_scale(uncovered * 0.001) END AS uncovered,
    cycle,
    CASE WHEN ascii(key) = ANY (%(guarded)s) THEN '''' || key ELSE key END AS reference,
    CASE WHEN jsonb_typeof(tokens_in) = 'number' THEN tokens_in END AS input_tokens,
    CASE WHEN jsonb_typeof(tokens_out) = 'number' THEN tokens_out END AS output_tokens
FROM entry
ORDER BY sequence
