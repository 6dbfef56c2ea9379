-- What an entry of a strand must be. A parameter that is empty is no condition: constants fold, so that what is left is
-- what one index has in order.

(%(kind)s = '' OR %(kind)s = 'usage' AND kind IN ('charge', 'capture')
    OR %(kind)s = 'set-aside' AND kind IN ('hold', 'release')
    OR %(kind)s NOT IN ('usage', 'set-aside') AND kind = %(kind)s)
AND (%(feature)s = '' OR feature_id = %(feature)s)
AND (%(priced_as)s = '' OR priced_as_id = %(priced_as)s AND priced_as_id <> feature_id)
AND (%(source)s = '' OR source = %(source)s)
AND (%(step)s = '' OR EXISTS (
    SELECT FROM billing_usageline AS line WHERE line.entry_id = entry.id AND line.feature_id = %(step)s))
