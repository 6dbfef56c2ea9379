-- A charge that was returned stays returned: the row that says so is never changed.

CREATE TRIGGER returned_charges_never_change BEFORE UPDATE OR DELETE ON billing_returnedcharge
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER returned_charges_are_never_emptied BEFORE TRUNCATE ON billing_returnedcharge
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
