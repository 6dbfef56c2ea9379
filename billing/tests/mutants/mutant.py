"""What a mutant is: one text of one file replaced by a mistake, and the test that must notice."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from django.conf import settings

REPLACED = "CREATE OR REPLACE FUNCTION"


class Stage(Enum):
    """Where a mistake shows: in the code, queries included; in functions of the database; or in its migrations."""

    CODE = "code"
    FUNCTIONS = "functions"
    MIGRATIONS = "migrations"


class Outdated(Exception):
    """The text that a mutant replaces is not in its file exactly once: the mutant must follow the code."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: in `file`, `old` becomes `new`; `caught_by` is the id of the test that then fails."""

    name: str
    file: str
    old: str
    new: str
    caught_by: str

    @property
    def shows_in(self) -> Stage:
        """What has to be made with the mistake so that it shows, as little as possible."""
        if "/migrations/" in self.file:
            return Stage.MIGRATIONS
        if not self.file.endswith(".sql"):
            return Stage.CODE
        text = (Path(settings.BASE_DIR) / self.file).read_text(encoding="utf-8")
        if REPLACED in text:
            return Stage.FUNCTIONS
        return Stage.MIGRATIONS if "CREATE FUNCTION" in text else Stage.CODE

    def apply(self, tree: Path) -> None:
        """Make the mistake in a copy of the tree; raises Outdated."""
        path = tree / self.file
        path.write_text(self.applied(path.read_text(encoding="utf-8")), encoding="utf-8")

    def applied(self, text: str) -> str:
        """Return the file's text with the mistake in it; raises Outdated."""
        found = text.count(self.old)
        if found != 1:
            raise Outdated(f"“{self.name}”: its text is {found} times in {self.file}, not once.")
        return text.replace(self.old, self.new)
