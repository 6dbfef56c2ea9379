"""Charts as plain numbers for server-rendered SVG: one drawing for wide places, one for narrow ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from billing.selectors import steps
from billing.selectors.course import Course
from billing.selectors.usage_report import Column as Days
from billing.selectors.words import days_words

TOP, BOTTOM = 8, 22
ROUND_STEPS = (1, 2, 3, 4, 6, 8)
LEAST_TOP = 10
JANUARY = 1


@dataclass(frozen=True, slots=True)
class Size:
    """How large a drawing is, and how many places its axis can name."""

    width: int
    height: int
    left: int
    most_labels: int


WIDE = Size(width=760, height=220, left=52, most_labels=8)
NARROW = Size(width=320, height=200, left=44, most_labels=4)
SIZES = (WIDE, NARROW)


@dataclass(frozen=True, slots=True)
class Block:
    """A series' part of a column."""

    y: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Column:
    """The column of some days: `name` says which, `mark` is their short name where the axis has room for it."""

    name: str
    mark: str
    cost: int
    x: float
    middle: float
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line of the grid, at a round amount of millicredits."""

    y: float
    amount: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chart is drawn in, in the units of its view box; `lines` are below a round maximum."""

    width: int
    height: int
    left: int
    baseline: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked columns. `reach` is the width that belongs to a column with the gap around it."""

    frame: Frame
    column_width: float
    reach: float
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A day that the axis of a course names."""

    x: float
    number: int


@dataclass(frozen=True, slots=True)
class CourseChart:
    """Two lines, as the points of polylines, and where the one of this cycle ends."""

    frame: Frame
    this: str
    last: str
    x: float
    y: float
    marks: tuple[Mark, ...]


def columns(days: Sequence[Days], step: str, size: Size) -> Chart:
    """Return a chart of stacked columns, one for each step of the days, below a round maximum."""
    frame, per_millicredit = _frame(max((some.cost for some in days), default=0), size)
    reach = (size.width - size.left) / max(len(days), 1)
    column_width = min(reach * 0.68, 28)
    every = -(-len(days) // size.most_labels) or 1
    drawn = []
    for number, some in enumerate(days):
        x = size.left + number * reach + (reach - column_width) / 2
        mark = _mark(some.first, step, is_first=not number) if number % every == 0 else ""
        blocks = _blocks(some, frame.baseline, per_millicredit)
        middle = round(x + column_width / 2, 2)
        drawn.append(Column(days_words(some.first, some.last), mark, some.cost, round(x, 2), middle, blocks))
    return Chart(frame, round(column_width, 2), round(reach, 2), tuple(drawn))


def lines(course: Course, size: Size) -> CourseChart:
    """Return a chart of two cycles, from nothing at the left to what each took at its end."""
    highest = max(max(day.this or 0, day.last or 0) for day in course.days)
    frame, per_millicredit = _frame(highest, size)
    reach = (size.width - size.left) / len(course.days)
    this, last = [(float(size.left), float(frame.baseline))], [(float(size.left), float(frame.baseline))]
    for day in course.days:
        for points, amount in ((this, day.this), (last, day.last)):
            if amount is not None:
                points.append((size.left + day.number * reach, frame.baseline - amount * per_millicredit))
    every = -(-len(course.days) // size.most_labels) or 1
    marks = (Mark(round(size.left + day.number * reach, 2), day.number) for day in course.days[every - 1 :: every])
    x, y = this[-1]
    return CourseChart(frame, _points(this), _points(last), round(x, 2), round(y, 2), tuple(marks))


def round_up(amount: int) -> int:
    """Return the next number with one digit and zeros that is not below `amount` millicredits and halves well."""
    scale = LEAST_TOP
    while True:
        for step in ROUND_STEPS:
            if step * scale >= amount:
                return step * scale
        scale *= 10


def _frame(highest: int, size: Size) -> tuple[Frame, float]:
    """Return the frame and how high a millicredit is in it."""
    top, baseline = round_up(highest), size.height - BOTTOM
    grid = tuple(Line(round(baseline - (baseline - TOP) * part / 2, 2), top * part // 2) for part in (1, 2))
    return Frame(size.width, size.height, size.left, baseline, grid), (baseline - TOP) / top


def _blocks(some: Days, baseline: int, per_millicredit: float) -> tuple[Block, ...]:
    blocks = []
    y = float(baseline)
    for series, cost in enumerate(some.costs, start=1):
        if cost:
            height = cost * per_millicredit
            y -= height
            blocks.append(Block(round(y, 2), round(max(height - 1, 0.5), 2), series))
    return tuple(blocks)


def _mark(first: date, step: str, *, is_first: bool) -> str:
    if step == steps.YEAR:
        return str(first.year)
    if step == steps.MONTH:
        return f"{first:%b} {first.year}" if is_first or first.month == JANUARY else f"{first:%b}"
    return f"{first.day} {first:%b}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
