HOLD=$(curl --silent "$CLEVER_URL/api/v1/holds" \
     --header "Authorization: Bearer $CLEVER_KEY" \
     --header "Clever-Wallet: $CLEVER_WALLET" \
     --header "Idempotency-Key: film-3" \
     --json '{"feature": "video-generation", "quantity": 20}' \
     | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')

curl --silent "$CLEVER_URL/api/v1/holds/$HOLD/capture" \
     --header "Authorization: Bearer $CLEVER_KEY" \
     --header "Clever-Wallet: $CLEVER_WALLET" \
     --json '{"quantity": 15}'
