"""What somebody usually does in thirty days, as numbers to begin a calculation with."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from billing.models import Feature
from billing.selectors.calculator import measures
from billing.selectors.insights_uses import Use, Uses, together


@dataclass(frozen=True, slots=True)
class Usual:
    """The model that had most messages, how many, and of how many tokens on average; and all uses as numbers.

    `parameters` are what an address says to calculate the same uses again.
    """

    model: Feature | None
    messages: int
    tokens: int
    days: int
    parameters: dict[str, str]

    @property
    def a_day(self) -> str:
        """Messages to that model a day, with one decimal below ten."""
        tenths = self.messages * 10 // self.days
        if not tenths:
            return "less than one in ten days"
        return f"{tenths // 10:,}" if tenths >= 100 or not tenths % 10 else f"{tenths // 10}.{tenths % 10}"


def usual(uses: Uses, *, now: datetime) -> Usual | None:
    """Return what the uses come to; None where there are none."""
    if not uses.all:
        return None
    model, messages = _favourite(uses.messages)
    tokens = sum(use.quantity for use in uses.messages if use.model == model)
    return Usual(
        model=uses.catalog.feature(model) if model else None,
        messages=messages,
        tokens=tokens // messages if messages else 0,
        days=uses.span.days,
        parameters=_parameters(uses, now),
    )


def _parameters(uses: Uses, now: datetime) -> dict[str, str]:
    """Return so many uses of the average size for each unit, with the feature that most of them went to."""
    units = {use.model: uses.catalog.features[use.model].unit for use in uses.all}
    by_unit = dict(together(uses.all, lambda use: units[use.model]))
    parameters = {}
    for measure in measures(uses.catalog, now=now):
        found = by_unit.get(measure.unit)
        if not found:
            continue
        quantity = sum(use.quantity for use in found)
        parameters[measure.uses] = str(len(found) if measure.size else quantity)
        if measure.size:
            parameters[measure.size] = str(quantity // len(found))
        if len(measure.features) > 1:
            parameters[measure.choice] = _favourite(found, counted=not measure.size)[0]
    return parameters


def _favourite(uses: list[Use], *, counted: bool = False) -> tuple[str, int]:
    """Return the model that most uses went to, or most of the units `counted`, and how many; nothing and 0 for none."""
    models: Counter[str] = Counter()
    for use in uses:
        models[use.model] += use.quantity if counted else 1
    return next(iter(models.most_common(1)), ("", 0))
