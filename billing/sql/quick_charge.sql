-- The quick way of a charge: the head grant pays, so one wallet row changes, one entry is added and one usage row grows.
--
-- It answers only while nothing else can matter: nothing is due, the head can pay, the price is still in force, no
-- warning is crossed, nobody wants to be asked first, the wallet isn't suspended, the clock hasn't gone back by more than five minutes. Otherwise it
-- changes nothing and returns NULLs, and services/charges.py goes the plain way. A reused key raises unique_violation,
-- which must abort the statement: ON CONFLICT DO NOTHING would keep the lowered wallet without an entry.

CREATE OR REPLACE FUNCTION billing_quick_charge(
    p_wallet bigint, p_now timestamptz, p_occurred_at timestamptz,
    p_feature text, p_priced_as text, p_quantity bigint, p_price bigint, p_price_starts_at timestamptz, p_cost bigint,
    p_source text, p_detail jsonb, p_key text, p_request_hash text,
    OUT sequence bigint, OUT available_after bigint, OUT posted_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    w billing_wallet;
    v_paid bigint;
    v_posted_on date;
    v_used_on date;
BEGIN
    -- The lock in a statement of its own: on a busy wallet an UPDATE with all these conditions would be evaluated twice.
    SELECT * INTO w FROM billing_wallet WHERE id = p_wallet FOR NO KEY UPDATE;
    IF NOT FOUND OR w.suspended_at IS NOT NULL OR w.next_due_at <= p_now
        OR w.last_posted_at > p_now + interval '5 minutes'
        OR NOT (w.unlimited OR p_cost = 0 OR (
            w.head_left >= p_cost
            AND p_cost <= coalesce(w.confirm_above, p_cost)
            -- the level at which somebody must be told next: 20 %, 5 %, nothing left
            AND w.available + w.held - p_cost >= CASE w.warning_level
                WHEN 0 THEN greatest(w.low_below, 1)
                WHEN 1 THEN greatest(w.very_low_below, 1)
                WHEN 2 THEN 1 ELSE 0 END))
        -- still the price in force: no later one has started, and it was not a copy of one that never came to be
        OR p_price IS DISTINCT FROM (
            SELECT price.id FROM billing_featureprice AS price
            WHERE price.feature_id = p_priced_as AND price.starts_at BETWEEN p_price_starts_at AND p_now
            ORDER BY price.starts_at DESC LIMIT 1)
    THEN
        RETURN;
    END IF;

    v_paid := CASE WHEN w.unlimited THEN 0 ELSE p_cost END;
    sequence := w.sequence + 1;
    available_after := w.available - v_paid;
    posted_at := greatest(p_now, w.last_posted_at);
    v_posted_on := greatest(w.last_posted_on, (posted_at AT TIME ZONE w.time_zone)::date);
    UPDATE billing_wallet SET
        sequence = w.sequence + 1,
        available = available_after,
        head_left = w.head_left - v_paid,
        last_posted_at = posted_at,
        last_posted_on = v_posted_on
    WHERE id = p_wallet;

    v_used_on := coalesce((p_occurred_at AT TIME ZONE w.time_zone)::date, v_posted_on);
    INSERT INTO billing_ledgerentry (
        wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after,
        feature_id, priced_as_id, quantity, price_id, source, detail,
        grant_id, cycle, effective_at, posted_at, posted_on, used_on, key, request_hash)
    VALUES (
        p_wallet, w.sequence + 1, 'charge', -v_paid, 0, p_cost, 0, available_after,
        p_feature, p_priced_as, p_quantity, p_price, p_source, p_detail,
        CASE WHEN v_paid = 0 THEN NULL ELSE w.head_grant_id END, w.cycle,
        posted_at, posted_at, v_posted_on, v_used_on, p_key, p_request_hash);

    INSERT INTO billing_dailyusage AS usage
        (wallet_id, used_on, cycle, feature_id, priced_as_id, source, quantity, cost, uses)
    VALUES (p_wallet, v_used_on, w.cycle, p_feature, p_priced_as, p_source, p_quantity, p_cost, 1)
    ON CONFLICT ON CONSTRAINT one_row_per_day_and_kind_of_usage DO UPDATE SET
        quantity = usage.quantity + excluded.quantity, cost = usage.cost + excluded.cost, uses = usage.uses + 1;
END $$;
