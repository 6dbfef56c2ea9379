"""Indexes that a migration builds on a busy table while everybody goes on reading and writing."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STATE = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class BuildIndex(AddIndexConcurrently):
    """Add an index beside traffic; its migration must say `atomic = False`.

    An index that is whole already is kept, and one that was left half-built is built anew: whoever starts a migration
    again gets what is missing. It waits for as long as it has to, since nobody waits behind it.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Build the index unless it is there."""
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(STATE, [self.index.name])
            found = cursor.fetchone()
            if found == (True,):
                return
            cursor.execute("SET lock_timeout = 0")
        if found is not None:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {schema_editor.quote_name(self.index.name)}")
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        schema_editor.execute("SET lock_timeout TO DEFAULT")
