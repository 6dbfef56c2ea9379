-- What used something, as selectors/sources.py calls it; sources: the names to look up, labels: those of kinds.

coalesce(
    %(sources)s::jsonb ->> source,
    CASE WHEN source LIKE 'chatbot:%%' THEN rtrim('Former chatbot ' || substr(source, 9)) END,
    CASE WHEN strpos(source, ':') BETWEEN 1 AND length(source) - 1
        THEN (%(labels)s::jsonb ->> split_part(source, ':', 1)) || ' ' || substr(source, strpos(source, ':') + 1) END,
    source
)
