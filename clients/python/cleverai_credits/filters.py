"""Which days, and what of them: the filters of usage and history."""

from dataclasses import dataclass, fields
from datetime import date

WRITTEN = {"first": "from", "last": "to"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to look at; all of it, of this cycle or of all time, unless something narrows it.

    Days are those of the owner's calendar. `span` is a word: cycle, last-cycle, 7d, 30d, 90d, 12m; or `first` and
    `last` name the days. `model` is what a use was priced as; `kind`, for entries alone, is usage, added, set-aside,
    expired or adjusted. `limit` is how many come at a time, 200 at most.
    """

    span: str | None = None
    cycle: int | None = None
    first: date | None = None
    last: date | None = None
    feature: str | None = None
    model: str | None = None
    source: str | None = None
    kind: str | None = None
    limit: int | None = None

    def query(self, cursor: str | None) -> dict[str, str]:
        """Return the parameters of a page."""
        said = {WRITTEN.get(each.name, each.name): getattr(self, each.name) for each in fields(self)}
        return {name: str(value) for name, value in (said | {"cursor": cursor}).items() if value is not None}
