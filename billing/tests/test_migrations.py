"""No migration makes anybody wait: an index on a table that is there already is built beside its traffic."""

from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from billing.indexes import BuildIndex

#: The last one before this was kept.
EARLIER = "0015_exports"
INDEX = models.Index(fields=["name"], name="visits_by_name")


def since_it_is_kept() -> list[Any]:
    found = MigrationLoader(None).disk_migrations
    return [found[key] for key in sorted(found) if key[0] == "billing" and key[1] > EARLIER]


@pytest.mark.parametrize("migration", since_it_is_kept(), ids=lambda migration: migration.name)
def test_indexes_of_tables_that_are_there_are_built_beside_traffic(migration: Any) -> None:
    operations = migration.operations
    new = {each.name_lower for each in operations if isinstance(each, migrations.CreateModel)}
    indexes = [
        each for each in operations if isinstance(each, migrations.AddIndex) and each.model_name_lower not in new
    ]
    assert [each.index.name for each in indexes if not isinstance(each, AddIndexConcurrently)] == []
    assert not (indexes and migration.atomic)
    statements = [str(each.sql) for each in operations if isinstance(each, migrations.RunSQL)]
    assert not [text for text in statements if "CREATE INDEX" in text and "CREATE INDEX CONCURRENTLY" not in text]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["nothing", "half", "whole"])
def test_an_index_that_was_left_half_built_is_built_anew(before: str) -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]
    without, with_it = ProjectState(), ProjectState()
    for state, indexes in ((without, []), (with_it, [INDEX])):
        state.add_model(ModelState("billing", "Visit", fields, {"indexes": indexes}))
    build = BuildIndex("visit", INDEX)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE billing_visit (id bigint PRIMARY KEY, name text NOT NULL)")
        try:
            if before != "nothing":
                cursor.execute("CREATE INDEX visits_by_name ON billing_visit (name)")
            if before == "half":
                cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'visits_by_name'::regclass")
            cursor.execute("SELECT to_regclass('visits_by_name')::oid")
            (earlier,) = cursor.fetchone() or (None,)
            with connection.schema_editor(atomic=False) as editor:
                build.database_forwards("billing", editor, without, with_it)
            cursor.execute("SELECT indexrelid, indisvalid FROM pg_index WHERE indexrelid = 'visits_by_name'::regclass")
            (found, is_valid) = cursor.fetchone() or (None, False)
            assert is_valid
            assert (found == earlier) == (before == "whole")
        finally:
            cursor.execute("DROP TABLE billing_visit")
