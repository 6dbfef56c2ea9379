curl --silent "$CLEVER_URL/api/v1/balance" \
     --header "Authorization: Bearer $CLEVER_KEY" \
     --header "Clever-Wallet: $CLEVER_WALLET"
