"""Column charts as plain numbers for server-rendered SVG: one drawing for wide places, one for narrow ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.selectors.usage import Day

TOP, BOTTOM = 8, 22
ROUND_STEPS = (1, 2, 3, 4, 6, 8)
LEAST_TOP = 10


@dataclass(frozen=True, slots=True)
class Size:
    """How large a drawing is, and how many days its axis can name."""

    width: int
    height: int
    left: int
    most_labels: int


WIDE = Size(width=760, height=220, left=52, most_labels=8)
NARROW = Size(width=320, height=200, left=44, most_labels=4)


@dataclass(frozen=True, slots=True)
class Block:
    """A series' part of a column."""

    y: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Column:
    """A day's column; `label` is set where the axis names the day."""

    day: date
    cost: int
    x: float
    middle: float
    is_labelled: bool
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line of the grid, at a round amount of millicredits."""

    y: float
    amount: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing in its own units, which are its view box's."""

    width: int
    height: int
    left: int
    baseline: int
    column_width: float
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


def columns(days: Sequence[Day], size: Size) -> Chart:
    """Return a chart of stacked columns, one a day, below a round maximum."""
    width, height, left = size.width, size.height, size.left
    top = round_up(max((day.cost for day in days), default=0))
    baseline = height - BOTTOM
    step = (width - left) / max(len(days), 1)
    column_width = min(step * 0.68, 28)
    every = -(-len(days) // size.most_labels) or 1
    drawn = []
    for number, day in enumerate(days):
        x = left + number * step + (step - column_width) / 2
        blocks = _blocks(day, baseline, (baseline - TOP) / top)
        is_labelled = number % every == 0
        drawn.append(Column(day.day, day.cost, round(x, 2), round(x + column_width / 2, 2), is_labelled, blocks))
    lines = tuple(Line(round(baseline - (baseline - TOP) * part / 2, 2), top * part // 2) for part in (1, 2))
    return Chart(width, height, left, baseline, round(column_width, 2), tuple(drawn), lines)


def round_up(amount: int) -> int:
    """Return the next number with one digit and zeros that is not below `amount` millicredits and halves well."""
    scale = LEAST_TOP
    while True:
        for step in ROUND_STEPS:
            if step * scale >= amount:
                return step * scale
        scale *= 10


def _blocks(day: Day, baseline: int, per_millicredit: float) -> tuple[Block, ...]:
    blocks = []
    y = float(baseline)
    for series, cost in enumerate(day.costs, start=1):
        if cost:
            height = cost * per_millicredit
            y -= height
            blocks.append(Block(round(y, 2), round(max(height - 1, 0.5), 2), series))
    return tuple(blocks)
