curl --silent "$CLEVER_URL/api/v1/charges" \
     --header "Authorization: Bearer $CLEVER_KEY" \
     --header "Clever-Wallet: $CLEVER_WALLET" \
     --header "Idempotency-Key: message-81f2" \
     --json '{"feature": "gpt-4o", "quantity": 2453,
              "detail": {"input_tokens": 1842, "output_tokens": 611}}'
