"""Bars for server-rendered SVG: whole numbers on a scale of 1,000, so that no page needs an inline style."""

from collections.abc import Sequence
from dataclasses import dataclass

SCALE = 1_000
GAP = 6
NARROWEST = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a stacked bar; `series` numbers its colour, from 1."""

    start: int
    width: int
    series: int


def stacked(amounts: Sequence[int]) -> list[Segment]:
    """Return adjoining segments in proportion to the amounts, each wide enough to be seen; nothing for none."""
    total = sum(amounts)
    shown = [(series, amount) for series, amount in enumerate(amounts, start=1) if amount > 0]
    if not shown:
        return []
    room = SCALE - GAP * (len(shown) - 1)
    widths = [max(amount * room // total, NARROWEST) for _, amount in shown]
    widths[widths.index(max(widths))] += room - sum(widths)
    segments, start = [], 0
    for (series, _), width in zip(shown, widths, strict=True):
        segments.append(Segment(start, width, series))
        start += width + GAP
    return segments
