"""The table and the file that a run leaves."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from benchmarks.contest import Figure

FILE = Path(__file__).resolve().parent.parent / ".local" / "benchmarks.json"
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
COLUMNS = ("#", "work", "", "against", "", "ratio", "line", "")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = [COLUMNS, ("---", "---", "---:", "---", "---:", "---:", "---:", "---")]
    rows += [
        (
            figure.code,
            figure.work,
            f"{_number(figure.value)} {figure.unit}",
            figure.peer,
            f"{_number(figure.against)} {figure.unit}",
            f"{figure.ratio:.2f}",
            f"{'≥' if figure.at_least else '≤'} {figure.line:g}",
            "reached" if figure.reached else "missed",
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in (2, 4, 5, 6) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Return what the figures were measured on, read from PostgreSQL and the system."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(DURABLE)])
        settings = dict(cursor.fetchall())
    return {
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": version,
        "settings": settings,
        "load before": os.getloadavg()[0],
    }


def write(figures: Sequence[Figure], facts: dict[str, object]) -> None:
    """Write the run as JSON beside the sandbox's other files, which git ignores."""
    FILE.parent.mkdir(exist_ok=True)
    run = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "figures": [asdict(figure) | {"reached": figure.reached} for figure in figures],
    }
    FILE.write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
