"""Rounds: every contestant has a turn in each, so that what else the machine does hits all of them alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.data import checkpoint

Turn = Callable[[], float]


@dataclass(frozen=True)
class Figure:
    """A measured line of the table: `value` and `against` in `unit`, `ratio` of one to the other, and its `line`."""

    code: str
    work: str
    value: float
    peer: str
    against: float
    unit: str
    ratio: float
    line: float
    at_least: bool = True

    @property
    def reached(self) -> bool:
        return self.ratio >= self.line if self.at_least else self.ratio <= self.line


class Rounds:
    """What each contestant did in each round, in the order in which they were given."""

    def __init__(self, contestants: Mapping[str, Turn], *, rounds: int) -> None:
        checkpoint()
        for turn in contestants.values():
            turn()
        self._measured: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, turn in contestants.items():
                self._measured[name].append(turn())

    def median(self, name: str) -> float:
        return median(self._measured[name])

    def ratio(self, name: str, other: str) -> float:
        """Return the median of the ratios of the rounds."""
        return median(mine / theirs for mine, theirs in zip(self._measured[name], self._measured[other], strict=True))
