-- What was kept whole so far keeps what tells the event: whose words and addresses were in it is Stripe's to know.
UPDATE billing_stripeevent SET payload = jsonb_strip_nulls(jsonb_build_object(
    'id', payload -> 'id', 'object', payload -> 'object', 'type', payload -> 'type', 'created', payload -> 'created',
    'api_version', payload -> 'api_version', 'livemode', payload -> 'livemode',
    'data', jsonb_build_object('object', jsonb_build_object(
        'id', payload #> '{data,object,id}', 'object', payload #> '{data,object,object}',
        'status', payload #> '{data,object,status}', 'amount', payload #> '{data,object,amount}',
        'currency', payload #> '{data,object,currency}'))));
