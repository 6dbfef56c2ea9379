"""Bars for server-rendered SVG: whole numbers on a scale of 1,000, so that no page needs an inline style."""

from collections.abc import Sequence
from dataclasses import dataclass

SCALE = 1_000
GAP = 6
NARROWEST = 8
HEIGHT, LOWEST = 100, 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a stacked bar; `series` numbers its colour, from 1."""

    start: int
    width: int
    series: int


@dataclass(frozen=True, slots=True)
class Spark:
    """A column of a small drawing without an axis."""

    start: int
    width: int
    top: int
    height: int


def sparks(amounts: Sequence[int]) -> list[Spark]:
    """Return a column an amount, 1,000 wide and 100 high together; what is not nothing can be seen."""
    step = SCALE // max(len(amounts), 1)
    highest = max(amounts, default=0)
    heights = [max(amount * HEIGHT // highest, LOWEST) if amount else 1 for amount in amounts]
    return [Spark(number * step, step * 3 // 4, HEIGHT - height, height) for number, height in enumerate(heights)]


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
