-- Many charges of one wallet in one round trip. The same conditions as billing_quick_charge, for all of them together:
-- what they cost in sum, every price they use. It returns the wallet as it was before them, and the caller counts on
-- from there; or NULLs, and each is then answered by itself.

CREATE OR REPLACE FUNCTION billing_quick_charges(
    p_wallet bigint, p_now timestamptz,
    p_features text[], p_priced_as text[], p_quantities bigint[], p_prices bigint[], p_price_starts timestamptz[],
    p_costs bigint[], p_sources text[], p_details jsonb[], p_keys text[], p_request_hashes text[],
    p_occurred_at timestamptz[],
    OUT sequence_before bigint, OUT available_before bigint, OUT posted_at timestamptz, OUT is_unlimited boolean
) LANGUAGE plpgsql AS $$
DECLARE
    w billing_wallet;
    v_total bigint := (SELECT sum(cost) FROM unnest(p_costs) AS cost);
    v_posted_at timestamptz;
    v_posted_on date;
BEGIN
    SELECT * INTO w FROM billing_wallet WHERE id = p_wallet FOR NO KEY UPDATE;
    IF NOT FOUND OR w.suspended_at IS NOT NULL OR w.next_due_at <= p_now
        OR w.last_posted_at > p_now + interval '5 minutes'
        OR NOT (w.unlimited OR v_total = 0 OR (
            w.head_left >= v_total
            AND (w.confirm_above IS NULL OR w.confirm_above >= ALL (p_costs))
            AND w.available + w.held - v_total >= CASE w.warning_level
                WHEN 0 THEN greatest(w.low_below, 1)
                WHEN 1 THEN greatest(w.very_low_below, 1)
                WHEN 2 THEN 1 ELSE 0 END))
        OR EXISTS (
            SELECT FROM (
                SELECT DISTINCT feature, price, starts_at
                FROM unnest(p_priced_as, p_prices, p_price_starts) AS item(feature, price, starts_at)) AS used
            WHERE used.price IS DISTINCT FROM (
                SELECT price.id FROM billing_featureprice AS price
                WHERE price.feature_id = used.feature AND price.starts_at BETWEEN used.starts_at AND p_now
                ORDER BY price.starts_at DESC LIMIT 1))
    THEN
        RETURN;
    END IF;

    v_posted_at := greatest(p_now, w.last_posted_at);
    v_posted_on := greatest(w.last_posted_on, (v_posted_at AT TIME ZONE w.time_zone)::date);
    UPDATE billing_wallet SET
        sequence = sequence + cardinality(p_costs),
        available = available - CASE WHEN unlimited THEN 0 ELSE v_total END,
        head_left = head_left - CASE WHEN unlimited THEN 0 ELSE v_total END,
        last_posted_at = v_posted_at,
        last_posted_on = v_posted_on
    WHERE id = p_wallet;

    INSERT INTO billing_ledgerentry (
        wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after,
        feature_id, priced_as_id, quantity, price_id, source, detail,
        grant_id, cycle, effective_at, posted_at, posted_on, used_on, key, request_hash)
    SELECT
        p_wallet, w.sequence + item.number, 'charge', CASE WHEN w.unlimited THEN 0 ELSE -item.cost END, 0, item.cost, 0,
        w.available - CASE WHEN w.unlimited THEN 0 ELSE sum(item.cost) OVER (ORDER BY item.number) END,
        item.feature, item.priced_as, item.quantity, item.price, item.source, item.detail,
        CASE WHEN w.unlimited OR item.cost = 0 THEN NULL ELSE w.head_grant_id END, w.cycle,
        v_posted_at, v_posted_at, v_posted_on,
        coalesce((item.occurred_at AT TIME ZONE w.time_zone)::date, v_posted_on), item.key, item.request_hash
    FROM unnest(p_features, p_priced_as, p_quantities, p_prices, p_costs, p_sources, p_details, p_keys,
                p_request_hashes, p_occurred_at) WITH ORDINALITY
        AS item(feature, priced_as, quantity, price, cost, source, detail, key, request_hash, occurred_at, number);

    INSERT INTO billing_dailyusage AS usage
        (wallet_id, used_on, cycle, feature_id, priced_as_id, source, quantity, cost, uses)
    SELECT p_wallet, coalesce((item.occurred_at AT TIME ZONE w.time_zone)::date, v_posted_on), w.cycle,
        item.feature, item.priced_as, item.source, sum(item.quantity), sum(item.cost), count(*)
    FROM unnest(p_features, p_priced_as, p_sources, p_quantities, p_costs, p_occurred_at)
        AS item(feature, priced_as, source, quantity, cost, occurred_at)
    GROUP BY 2, 4, 5, 6
    ON CONFLICT ON CONSTRAINT one_row_per_day_and_kind_of_usage DO UPDATE SET
        quantity = usage.quantity + excluded.quantity, cost = usage.cost + excluded.cost,
        uses = usage.uses + excluded.uses;

    sequence_before := w.sequence;
    available_before := w.available;
    posted_at := v_posted_at;
    is_unlimited := w.unlimited;
END $$;
