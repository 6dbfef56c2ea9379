"""What a mutant is: one text of one file replaced by a mistake, and the test that must notice."""

from dataclasses import dataclass
from pathlib import Path


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
    def changes_the_schema(self) -> bool:
        """Whether it only shows in a database that is made with it."""
        return self.file.endswith(".sql") or "/migrations/" in self.file

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
