"""Files that were asked for: where each of them stands, and which of them can be fetched."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import Export, Wallet
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, from_json
from billing.selectors.exports import FORMAT_NAMES

Status = Export.Status
MOST_LISTED = 10
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was asked for, with its words. `state` is waiting, writing, delayed, ready, failed or expired."""

    export: Export
    wanted: Wanted
    state: str

    @property
    def title(self) -> str:
        """What is in it."""
        return self.wanted.title

    @property
    def file_format(self) -> Format:
        """Its format."""
        return Format(self.export.file_format)

    @property
    def format_name(self) -> str:
        """What people call its format."""
        return FORMAT_NAMES[self.file_format]

    @property
    def file_name(self) -> str:
        """What it is called where it is saved."""
        return self.wanted.file_name(self.file_format)

    @property
    def is_unfinished(self) -> bool:
        """Whether somebody may wait for it."""
        return self.state in {"waiting", "writing", "delayed"}

    @property
    def percent(self) -> int:
        """How far it is; never all of it before it is ready."""
        written, lines = self.export.lines_written, self.export.lines
        return min(written * WHOLE // lines, WHOLE - 1) if lines else 0


def find(wallet: Wallet, export_id: int, *, now: datetime) -> Prepared | None:
    """Return one of the wallet's files, or None when it has no such file."""
    export = Export.objects.filter(wallet=wallet, pk=export_id).first()
    return _prepared(wallet, export, now=now) if export else None


def newest(wallet: Wallet, *, now: datetime) -> list[Prepared]:
    """Return the files that were asked for last."""
    exports = Export.objects.filter(wallet=wallet).order_by("-pk")[:MOST_LISTED]
    return [_prepared(wallet, export, now=now) for export in exports]


def _prepared(wallet: Wallet, export: Export, *, now: datetime) -> Prepared:
    return Prepared(export, from_json(wallet, export.what, export.asked), _state(export, now=now))


def _state(export: Export, *, now: datetime) -> str:
    is_over = export.expires_at is not None and export.expires_at <= now
    if export.status == Status.READY:
        return "expired" if is_over else "ready"
    if export.status == Status.REQUESTED:
        return "delayed" if export.attempts else "waiting"
    return str(export.status)
