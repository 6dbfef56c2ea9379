curl --silent "$CLEVER_URL/api/v1/quotes" \
     --header "Authorization: Bearer $CLEVER_KEY" \
     --json '{"feature": "gpt-4o", "quantity": 2453}'
