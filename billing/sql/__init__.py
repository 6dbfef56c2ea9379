"""PostgreSQL's own language, in one place. Migrations load these files; a changed file needs a new migration."""

from functools import cache
from pathlib import Path


@cache
def read(name: str) -> str:
    """Return the text of `<name>.sql` beside this module."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
