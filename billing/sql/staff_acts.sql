-- The ids of what staff's log has of a wallet, of its owner, and of what belongs to it. Parameters: the wallet's id, and
-- of which models, as app.model.

WITH wallet AS (SELECT id, owner_id FROM billing_wallet WHERE id = %s)
SELECT log.id
FROM (
    SELECT 'billing' AS app, 'wallet' AS model, id FROM wallet
    UNION ALL SELECT 'accounts', 'user', owner_id FROM wallet WHERE owner_id IS NOT NULL
    UNION ALL SELECT 'billing', 'purchase', billing_purchase.id FROM wallet JOIN billing_purchase ON wallet_id = wallet.id
    UNION ALL SELECT 'billing', 'refund', billing_refund.id FROM wallet JOIN billing_refund ON wallet_id = wallet.id
    UNION ALL SELECT 'billing', 'message', billing_message.id FROM wallet JOIN billing_message ON wallet_id = wallet.id
    UNION ALL SELECT 'billing', 'subscription', billing_subscription.id
    FROM wallet JOIN billing_subscription ON wallet_id = wallet.id
    UNION ALL SELECT 'billing', 'supportrequest', billing_supportrequest.id
    FROM wallet JOIN billing_supportrequest ON wallet_id = wallet.id
    UNION ALL SELECT 'billing', 'contractrequest', billing_contractrequest.id
    FROM wallet JOIN billing_contractrequest ON wallet_id = wallet.id
) AS mine
JOIN django_content_type AS type ON type.app_label = mine.app AND type.model = mine.model AND mine.app || '.' || mine.model = ANY(%s)
JOIN django_admin_log AS log ON log.content_type_id = type.id AND log.object_id = mine.id::text
