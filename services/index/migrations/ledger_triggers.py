"""
Keep the ledger append-only, whoever asks: the triggers of the first migration, frozen with it.

Source: knowledge integrity 2.2.
"""

SQLITE_TRIGGERS = (
    "CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER entry_no_gap BEFORE INSERT ON entry WHEN NEW.idx <> (SELECT COALESCE(MAX(idx) + 1, 0) FROM entry) "
    "BEGIN SELECT RAISE(ABORT, 'the ledger has no gaps'); END",
    "CREATE TRIGGER pending_no_update BEFORE UPDATE ON pending BEGIN "
    "SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER pending_delete_moved BEFORE DELETE ON pending WHEN NOT EXISTS (SELECT 1 FROM entry e WHERE "
    "e.event_id = OLD.event_id AND e.entry = OLD.entry) "
    "BEGIN SELECT RAISE(ABORT, 'a pending entry leaves only into the log'); END",
    "CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload BEGIN "
    "SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER payload_only_expunge BEFORE UPDATE ON payload WHEN NOT (NEW.salt IS NULL AND NEW.value IS NULL AND "
    "NEW.event_id = OLD.event_id AND NEW.name = OLD.name AND NEW.commitment = OLD.commitment) "
    "BEGIN SELECT RAISE(ABORT, 'a payload field can only be expunged'); END",
    "CREATE TRIGGER object_head_no_delete BEFORE DELETE ON object_head BEGIN "
    "SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER object_head_forward BEFORE UPDATE ON object_head WHEN NEW.obj <> OLD.obj OR NEW.n <= OLD.n "
    "BEGIN SELECT RAISE(ABORT, 'a chain only grows'); END",
)

POSTGRES_TRIGGERS = (
    """
    CREATE FUNCTION huisu_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
    """,
    "CREATE TRIGGER entry_no_change BEFORE UPDATE OR DELETE ON entry FOR EACH ROW EXECUTE FUNCTION huisu_refuse()",
    "CREATE TRIGGER pending_no_update BEFORE UPDATE ON pending FOR EACH ROW EXECUTE FUNCTION huisu_refuse()",
    "CREATE TRIGGER payload_no_delete BEFORE DELETE ON payload FOR EACH ROW EXECUTE FUNCTION huisu_refuse()",
    "CREATE TRIGGER object_head_no_delete BEFORE DELETE ON object_head FOR EACH ROW EXECUTE FUNCTION huisu_refuse()",
    """
    CREATE FUNCTION huisu_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.idx <> (SELECT COALESCE(MAX(idx) + 1, 0) FROM entry) THEN
            RAISE EXCEPTION 'the ledger has no gaps';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER entry_no_gap BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION huisu_no_gap()",
    """
    CREATE FUNCTION huisu_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM entry e WHERE e.event_id = OLD.event_id AND e.entry = OLD.entry) THEN
            RAISE EXCEPTION 'a pending entry leaves only into the log';
        END IF;
        RETURN OLD;
    END $$
    """,
    "CREATE TRIGGER pending_delete_moved BEFORE DELETE ON pending FOR EACH ROW EXECUTE FUNCTION huisu_moved()",
    """
    CREATE FUNCTION huisu_only_expunge() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.salt IS NOT NULL OR NEW.value IS NOT NULL OR NEW.event_id <> OLD.event_id OR NEW.name <> OLD.name
           OR NEW.commitment <> OLD.commitment THEN
            RAISE EXCEPTION 'a payload field can only be expunged';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER payload_only_expunge BEFORE UPDATE ON payload FOR EACH ROW EXECUTE FUNCTION huisu_only_expunge()",
    """
    CREATE FUNCTION huisu_forward() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.obj <> OLD.obj OR NEW.n <= OLD.n THEN
            RAISE EXCEPTION 'a chain only grows';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER object_head_forward BEFORE UPDATE ON object_head FOR EACH ROW EXECUTE FUNCTION huisu_forward()",
    """
    CREATE FUNCTION huisu_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
    """,
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION huisu_refuse_truncate()"
        for table in ("entry", "pending", "payload", "object_head")
    ),
)
