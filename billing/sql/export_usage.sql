-- A wallet's usage as exports list it: a line for each day, cycle, feature, model and source, amounts in credits.
--
-- A run of a workflow is its own model, as on the usage page; what its steps used has lines of its own, without uses.
-- Parameters: wallet; first_day and last_day, cycle, feature, model, source, each NULL for all; runs: the features that
-- are workflow runs; sources and labels: what sources are called; guarded: as in export_entries.sql.

SELECT
    'usage' AS kind,
    used_on AS day,
    feature_id AS feature,
    feature.name AS feature_name,
    model.code AS model,
    model.name AS model_name,
    CASE WHEN feature_id = ANY (%(runs)s) AND priced_as_id <> feature_id THEN priced_as_id END AS step,
    CASE WHEN ascii(source) = ANY (%(guarded)s) THEN '''' ELSE '' END || nullif(source, '') AS source,
    CASE WHEN ascii(source_name) = ANY (%(guarded)s) THEN '''' ELSE '' END || source_name AS source_name,
    quantity,
    CASE WHEN priced_as.pricing = 'model' THEN 'token' ELSE priced_as.unit END AS unit,
    uses,
    trim_scale(cost * 0.001) AS credits,
    cycle
FROM billing_dailyusage AS usage
CROSS JOIN LATERAL (SELECT {source_name} AS source_name) AS called
JOIN (
    SELECT code, pricing, unit, CASE WHEN ascii(name) = ANY (%(guarded)s) THEN '''' ELSE '' END || name AS name
    FROM billing_feature
) AS feature ON feature.code = feature_id
JOIN billing_feature AS priced_as ON priced_as.code = priced_as_id
JOIN (
    SELECT code, CASE WHEN ascii(name) = ANY (%(guarded)s) THEN '''' ELSE '' END || name AS name
    FROM billing_feature
) AS model ON model.code = CASE WHEN feature_id = ANY (%(runs)s) THEN feature_id ELSE priced_as_id END
WHERE wallet_id = %(wallet)s
    AND (%(cycle)s::integer IS NULL OR cycle = %(cycle)s)
    AND (%(first_day)s::date IS NULL OR used_on >= %(first_day)s)
    AND (%(last_day)s::date IS NULL OR used_on <= %(last_day)s)
    AND (%(feature)s::text IS NULL OR feature_id = %(feature)s)
    AND (%(model)s::text IS NULL OR model.code = %(model)s)
    AND (%(source)s::text IS NULL OR source = %(source)s)
ORDER BY used_on, cycle, feature_id, priced_as_id, source
