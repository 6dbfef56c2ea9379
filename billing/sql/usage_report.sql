-- A wallet's usage over a span of days or in a cycle, beside what it is compared with: from its totals a day alone.
--
-- One statement, so that its figures are those of one moment and always add up. Every use lies in a stretch: "now" is
-- the span, "before" what it is compared with, "rest" the days of the cycle before that this one hasn't reached yet.
-- A run of a workflow counts as what it is, not as the models of its nodes: it is one entry in the books.
-- Answers one row of JSON: the most expensive rows and how many there are, what the shown ones consist of, the columns
-- of a chart (no day: on days outside the span), the days of both cycles, and what there is to filter by.

WITH spent AS (
    SELECT 'now' AS stretch, used_on, feature_id AS feature, priced_as_id AS priced_as, source, quantity, cost, uses,
        CASE WHEN used_on BETWEEN %(first)s::date AND %(last)s::date
            THEN date_trunc(%(per)s, used_on::timestamp)::date END AS start,
        CASE WHEN %(with_course)s THEN least(greatest(used_on, %(first)s::date), %(last)s::date) END AS day
    FROM billing_dailyusage
    WHERE wallet_id = %(wallet)s
        AND (cycle = %(cycle)s::int OR %(cycle)s::int IS NULL AND used_on BETWEEN %(first)s::date AND %(last)s::date)
    UNION ALL
    SELECT CASE WHEN %(is_part)s AND used_on > %(before_last)s::date THEN 'rest' ELSE 'before' END,
        used_on, feature_id, priced_as_id, source, quantity, cost, uses, NULL,
        CASE WHEN %(with_course)s THEN least(greatest(used_on, %(before_first)s::date), %(course_last)s::date) END
    FROM billing_dailyusage
    WHERE wallet_id = %(wallet)s AND (
        cycle = %(before_cycle)s::int
        OR %(before_cycle)s::int IS NULL AND used_on BETWEEN %(before_first)s::date AND %(before_last)s::date
    )
), used AS (
    SELECT stretch, start, day, feature, priced_as, source,
        sum(quantity) AS quantity, sum(cost) AS cost, sum(uses) AS uses
    FROM spent
    GROUP BY stretch, start, day, feature, priced_as, source
), told AS MATERIALIZED (
    SELECT *, CASE WHEN feature = ANY (%(runs)s) THEN feature ELSE priced_as END AS model,
        CASE WHEN feature = ANY (%(messages)s) THEN source ELSE '' END AS bot
    FROM used
), picked AS MATERIALIZED (
    SELECT *, CASE %(by)s WHEN 'feature' THEN feature WHEN 'model' THEN model ELSE source END AS key
    FROM told
    WHERE (%(feature)s = '' OR feature = %(feature)s)
        AND (%(model)s = '' OR model = %(model)s)
        AND (%(source)s = '' OR source = %(source)s)
), sums AS (
    SELECT key, priced_as,
        coalesce(sum(cost) FILTER (WHERE stretch = 'now'), 0) AS cost,
        coalesce(sum(uses) FILTER (WHERE stretch = 'now'), 0) AS uses,
        coalesce(sum(quantity) FILTER (WHERE stretch = 'now'), 0) AS quantity,
        coalesce(sum(cost) FILTER (WHERE stretch = 'before'), 0) AS cost_before,
        coalesce(sum(uses) FILTER (WHERE stretch = 'before'), 0) AS uses_before
    FROM picked
    WHERE stretch <> 'rest'
    GROUP BY key, priced_as
), rows AS MATERIALIZED (
    SELECT key, sum(cost) AS cost, sum(uses) AS uses, sum(cost_before) AS cost_before, sum(uses_before) AS uses_before,
        jsonb_object_agg(priced_as, quantity) FILTER (WHERE quantity > 0) AS quantities,
        row_number() OVER (ORDER BY sum(cost) DESC, sum(uses) DESC, sum(cost_before) DESC, key) AS place
    FROM sums
    GROUP BY key
), parts AS (
    SELECT place, feature, priced_as, bot, sum(picked.cost) AS cost, sum(quantity) AS quantity,
        row_number() OVER (PARTITION BY place ORDER BY sum(picked.cost) DESC, feature, priced_as, bot) AS position
    FROM picked JOIN rows USING (key)
    WHERE stretch = 'now' AND place <= %(most_rows)s
    GROUP BY place, feature, priced_as, bot
), columns AS (
    SELECT stretch, start,
        CASE WHEN rows.cost > 0 THEN least(place, %(most_series)s + 1) ELSE %(most_series)s + 1 END AS series,
        sum(picked.cost) AS cost, sum(picked.uses) AS uses
    FROM picked JOIN rows USING (key)
    WHERE stretch <> 'rest'
    GROUP BY 1, 2, 3
), course AS (
    SELECT stretch = 'now' AS is_now, day, sum(cost) AS cost
    FROM picked
    WHERE %(with_course)s
    GROUP BY 1, 2
), choices AS (
    SELECT feature, model, source,
        row_number() OVER (PARTITION BY grouping(feature, model, source)
            ORDER BY sum(cost) DESC, sum(uses) DESC, feature, model, source) AS place
    FROM told
    WHERE stretch = 'now'
    GROUP BY GROUPING SETS (feature, model, source)
)
SELECT jsonb_build_object(
    'count', (SELECT count(*) FROM rows),
    'rows', (
        SELECT jsonb_agg(jsonb_build_array(key, uses, cost, quantities, uses_before, cost_before) ORDER BY place)
        FROM rows WHERE place <= %(most_rows)s
    ),
    'parts', (
        SELECT jsonb_agg(jsonb_build_array(place, feature, priced_as, bot, quantity, cost) ORDER BY place, position)
        FROM parts WHERE position <= %(most_parts)s
    ),
    'columns', (SELECT jsonb_agg(jsonb_build_array(stretch, start, series, uses, cost)) FROM columns),
    'course', (SELECT jsonb_agg(jsonb_build_array(is_now, day, cost) ORDER BY day) FROM course),
    'choices', (
        SELECT jsonb_agg(jsonb_build_array(feature, model, source) ORDER BY place)
        FROM choices WHERE place <= %(most_choices)s
    )
)::text
