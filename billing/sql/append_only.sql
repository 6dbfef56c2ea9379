-- History is added to, never edited: the database refuses what no code path should ever try.

CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a further row, never an edit', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- A test database is emptied between tests, by TRUNCATE alone and only where its name says that it is one.
CREATE FUNCTION billing_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() NOT LIKE 'test\_%' THEN
        RAISE EXCEPTION '% is append-only: it can''t be emptied', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_entries_never_change BEFORE UPDATE OR DELETE ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER entry_shares_never_change BEFORE UPDATE OR DELETE ON billing_entryshare
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER usage_lines_never_change BEFORE UPDATE OR DELETE ON billing_usageline
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER prices_are_never_edited BEFORE UPDATE ON billing_featureprice
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER prices_in_force_are_never_deleted BEFORE DELETE ON billing_featureprice
    FOR EACH ROW WHEN (OLD.starts_at <= now()) EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER features_are_never_deleted BEFORE DELETE ON billing_feature
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();

CREATE TRIGGER ledger_entries_are_never_emptied BEFORE TRUNCATE ON billing_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER entry_shares_are_never_emptied BEFORE TRUNCATE ON billing_entryshare
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER usage_lines_are_never_emptied BEFORE TRUNCATE ON billing_usageline
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER prices_are_never_emptied BEFORE TRUNCATE ON billing_featureprice
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_truncate();
