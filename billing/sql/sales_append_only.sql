-- What was paid stays written down as it was: refunds and disputes are rows of their own.

CREATE TRIGGER purchases_never_change BEFORE UPDATE OR DELETE ON billing_purchase
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER refunds_are_never_deleted BEFORE DELETE ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER disputes_are_never_deleted BEFORE DELETE ON billing_dispute
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER stripe_prices_are_never_deleted BEFORE DELETE ON billing_stripeprice
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();

CREATE TRIGGER purchases_are_never_emptied BEFORE TRUNCATE ON billing_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER refunds_are_never_emptied BEFORE TRUNCATE ON billing_refund
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER disputes_are_never_emptied BEFORE TRUNCATE ON billing_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
