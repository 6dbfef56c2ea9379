-- The quick way of holding and capturing, under the conditions that quick_charge.sql names: the head grant gives what is
-- held, and takes back what wasn't used. Both return NULLs, having changed nothing, when the plain way must be gone.

CREATE OR REPLACE FUNCTION billing_quick_hold(
    p_wallet bigint, p_now timestamptz, p_expires_at timestamptz,
    p_feature text, p_priced_as text, p_quantity bigint, p_price bigint, p_price_starts_at timestamptz, p_amount bigint,
    p_max_output_tokens bigint, p_source text, p_detail jsonb, p_key text, p_request_hash text,
    OUT hold_id bigint, OUT amount bigint, OUT grant_id bigint, OUT unlimited boolean, OUT opened_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    w record;
BEGIN
    UPDATE billing_wallet AS wallet SET
        sequence = wallet.sequence + 1,
        available = wallet.available - CASE WHEN wallet.unlimited THEN 0 ELSE p_amount END,
        held = wallet.held + CASE WHEN wallet.unlimited THEN 0 ELSE p_amount END,
        head_left = wallet.head_left - CASE WHEN wallet.unlimited THEN 0 ELSE p_amount END,
        next_due_at = least(wallet.next_due_at, greatest(p_now, wallet.last_posted_at) + (p_expires_at - p_now)),
        last_posted_at = greatest(p_now, wallet.last_posted_at),
        last_posted_on = greatest(
            wallet.last_posted_on, (greatest(p_now, wallet.last_posted_at) AT TIME ZONE wallet.time_zone)::date)
    WHERE wallet.id = p_wallet
        AND wallet.suspended_at IS NULL
        AND (wallet.next_due_at IS NULL OR wallet.next_due_at > p_now)
        AND wallet.last_posted_at <= p_now + interval '5 minutes'
        AND (wallet.unlimited OR (
            wallet.head_left >= p_amount AND p_amount <= coalesce(wallet.confirm_above, p_amount)))
        -- the granted quantity was worked out from this setting; NULL where it plays no part
        AND (p_max_output_tokens IS NULL OR wallet.max_output_tokens = p_max_output_tokens)
        AND p_price = (
            SELECT price.id FROM billing_featureprice AS price
            WHERE price.feature_id = p_priced_as AND price.starts_at BETWEEN p_price_starts_at AND p_now
            ORDER BY price.starts_at DESC LIMIT 1)
    RETURNING wallet.* INTO w;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    amount := CASE WHEN w.unlimited THEN 0 ELSE p_amount END;
    grant_id := CASE WHEN amount = 0 THEN NULL ELSE w.head_grant_id END;
    unlimited := w.unlimited;
    opened_at := w.last_posted_at;
    INSERT INTO billing_hold (
        wallet_id, status, feature_id, priced_as_id, price_id, quantity, amount, unlimited, source, grant_id,
        opened_at, expires_at)
    VALUES (
        p_wallet, 'open', p_feature, p_priced_as, p_price, p_quantity, amount, w.unlimited, p_source, grant_id,
        w.last_posted_at, w.last_posted_at + (p_expires_at - p_now))
    RETURNING id INTO hold_id;

    INSERT INTO billing_ledgerentry (
        wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after,
        feature_id, priced_as_id, quantity, price_id, source, detail,
        grant_id, hold_id, cycle, effective_at, posted_at, posted_on, key, request_hash)
    VALUES (
        p_wallet, w.sequence, 'hold', -amount, amount, 0, 0, w.available,
        p_feature, p_priced_as, p_quantity, p_price, p_source, p_detail,
        grant_id, hold_id, w.cycle, w.last_posted_at, w.last_posted_at, w.last_posted_on, p_key, p_request_hash);
END $$;


CREATE OR REPLACE FUNCTION billing_quick_capture(
    p_wallet bigint, p_hold bigint, p_now timestamptz, p_quantity bigint, p_cost bigint, p_detail jsonb,
    p_request_hash text,
    OUT sequence bigint, OUT available_after bigint, OUT posted_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
    w billing_wallet;
    h billing_hold;
    v_posted_on date;
BEGIN
    -- The wallet's lock first, in a statement of its own: the hold must be read after the lock was given.
    SELECT * INTO w FROM billing_wallet WHERE id = p_wallet FOR NO KEY UPDATE;
    IF NOT FOUND OR w.next_due_at <= p_now OR w.last_posted_at > p_now + interval '5 minutes' THEN
        RETURN;
    END IF;
    SELECT * INTO h FROM billing_hold WHERE id = p_hold AND wallet_id = p_wallet FOR NO KEY UPDATE;
    IF NOT FOUND OR h.status <> 'open' THEN
        RETURN;
    END IF;
    IF NOT h.unlimited AND (
        h.grant_id IS DISTINCT FROM w.head_grant_id OR h.grant_id IS NULL OR p_cost > h.amount
        OR (NOT w.unlimited AND p_cost > 0 AND w.available + w.held - p_cost < CASE w.warning_level
            WHEN 0 THEN greatest(w.low_below, 1)
            WHEN 1 THEN greatest(w.very_low_below, 1)
            WHEN 2 THEN 1 ELSE 0 END))
    THEN
        RETURN;
    END IF;

    sequence := w.sequence + 1;
    posted_at := greatest(p_now, w.last_posted_at);
    v_posted_on := greatest(w.last_posted_on, (posted_at AT TIME ZONE w.time_zone)::date);
    available_after := w.available + CASE WHEN h.unlimited THEN 0 ELSE h.amount - p_cost END;
    UPDATE billing_wallet SET
        sequence = w.sequence + 1,
        available = available_after,
        held = held - h.amount,
        head_left = head_left + (available_after - w.available),
        last_posted_at = posted_at,
        last_posted_on = v_posted_on
    WHERE id = p_wallet;
    UPDATE billing_hold SET status = 'captured', closed_at = posted_at WHERE id = p_hold;

    INSERT INTO billing_ledgerentry (
        wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after,
        feature_id, priced_as_id, quantity, price_id, source, detail,
        grant_id, hold_id, cycle, effective_at, posted_at, posted_on, used_on, request_hash)
    VALUES (
        p_wallet, w.sequence + 1, 'capture', available_after - w.available, -h.amount, p_cost, 0, available_after,
        h.feature_id, h.priced_as_id, p_quantity, h.price_id, h.source, p_detail,
        h.grant_id, p_hold, w.cycle, posted_at, posted_at, v_posted_on, v_posted_on, p_request_hash);

    INSERT INTO billing_dailyusage AS usage
        (wallet_id, used_on, cycle, feature_id, priced_as_id, source, quantity, cost, uses)
    VALUES (p_wallet, v_posted_on, w.cycle, h.feature_id, h.priced_as_id, h.source, p_quantity, p_cost, 1)
    ON CONFLICT ON CONSTRAINT one_row_per_day_and_kind_of_usage DO UPDATE SET
        quantity = usage.quantity + excluded.quantity, cost = usage.cost + excluded.cost, uses = usage.uses + 1;
END $$;
