-- A workflow's steps have names that a person gave them. They go when the person goes; nothing else of a line changes.

CREATE FUNCTION billing_refuse_change_but_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name = '' AND to_jsonb(NEW) - 'name' = to_jsonb(OLD) - 'name'
        AND EXISTS (SELECT FROM billing_wallet WHERE id = OLD.wallet_id AND owner_id IS NULL)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: a correction is a further row, never an edit', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

DROP TRIGGER usage_lines_never_change ON billing_usageline;
CREATE TRIGGER usage_lines_never_change BEFORE DELETE ON billing_usageline
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER usage_lines_change_by_forgetting_alone BEFORE UPDATE ON billing_usageline
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change_but_forgetting();
