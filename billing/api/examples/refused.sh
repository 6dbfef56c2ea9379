curl --silent "$CLEVER_URL/api/v1/charges" \
     --header "Authorization: Bearer $CLEVER_KEY" \
     --header "Clever-Wallet: $CLEVER_WALLET" \
     --header "Idempotency-Key: poster-17" \
     --json '{"feature": "dall-e-3-hd", "quantity": 2000}'
