-- Puts an event of Stripe's into the inbox and returns its row's id; returns nothing for one that is there already.

INSERT INTO billing_stripeevent (
    stripe_event_id, type, object_id, api_version, payload, via, status, attempts, next_attempt_at, error,
    occurred_at, received_at
) VALUES (
    %(stripe_event_id)s, %(type)s, %(object_id)s, %(api_version)s, %(payload)s, %(via)s, 'pending', 0, %(now)s, '',
    %(occurred_at)s, %(now)s
)
ON CONFLICT (stripe_event_id) DO NOTHING
RETURNING id
