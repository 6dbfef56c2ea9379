"""The address of the usage page: what it asks for, and where the page's links lead."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from billing.models import Wallet
from billing.selectors import catalog, spans, steps
from billing.selectors.usage_report import Column, Report
from billing.selectors.usage_rows import Row
from billing.selectors.usage_sums import FEATURE, GROUPINGS, Filters
from billing.views.addresses import Reader

OFFERED_SPANS = [word for word in spans.CHOICES if word != spans.CUSTOM]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a row of links."""

    word: str
    label: str
    address: str
    is_current: bool


class UsageAddress:
    """What a usage page is asked for; what makes no sense is `ignored` and told."""

    def __init__(self, query: QueryDict, wallet: Wallet, *, now: datetime) -> None:
        self._read = Reader(query)
        self._wallet = wallet
        asked = self._read.span(wallet, default=spans.CYCLE, now=now)
        self.span = asked or spans.custom(spans.today_of(wallet, now=now), spans.today_of(wallet, now=now))
        self.by = self._read.word("by", GROUPINGS, default=FEATURE)
        self.asked_step = self._read.word("per", steps.CHOICES)
        codes = catalog.current().features
        self.filters = Filters(
            self._read.word("feature", codes), self._read.word("model", codes), self._read.text("source")
        )

    @property
    def ignored(self) -> list[str]:
        """What was left out, in words."""
        return self._read.ignored

    @property
    def parameters(self) -> dict[str, str]:
        """What says the same in as few words as possible."""
        span = {} if self.span.word == spans.CYCLE else self.span.parameters
        by = {} if self.by == FEATURE else {"by": self.by}
        step = {"per": self.asked_step} if self.asked_step else {}
        return span | by | step | self.filters.parameters

    def shown(self, report: Report) -> None:
        """Note what the page shows: steps that would be too many were left out."""
        if self.asked_step not in ("", report.question.step):
            columns = steps.count(*report.drawn, self.asked_step)
            self.ignored.append(f"per “{self.asked_step}”, which would be {columns:,} columns")
            self.asked_step = ""

    @property
    def here(self) -> str:
        """Where the page is."""
        return self._to(self.parameters)

    @property
    def export(self) -> str:
        """Where a file of the same can be had."""
        asked = {"what": "usage"} | self.span.parameters | self.filters.parameters
        return f"{reverse('billing:export')}?{urlencode(asked)}"

    @property
    def unfiltered(self) -> str:
        """The same span of all usage."""
        return self._to({name: value for name, value in self.parameters.items() if name not in GROUPINGS})

    @property
    def of_filters(self) -> dict[str, str]:
        """What a form with the filters sends along."""
        return {name: value for name, value in self.parameters.items() if name not in GROUPINGS}

    @property
    def of_days(self) -> dict[str, str]:
        """What a form with other days sends along."""
        return self._without_span

    @property
    def spans(self) -> list[Choice]:
        """The spans to choose from; there is no last cycle in the first one."""
        offered = [word for word in OFFERED_SPANS if word != spans.LAST_CYCLE or self._wallet.cycle > 1]
        return [
            Choice(
                word,
                spans.CHOICES[word],
                self._to(({} if word == spans.CYCLE else {"span": word}) | self._without_span),
                is_current=word == self.span.word,
            )
            for word in offered
        ]

    @property
    def earlier_cycle(self) -> str:
        """Where the cycle before the shown one is, if there is one."""
        cycle = self.span.cycle
        return self._to({"cycle": str(cycle - 1)} | self._without_span) if cycle is not None and cycle > 1 else ""

    @property
    def later_cycle(self) -> str:
        """Where the cycle after the shown one is, if there is one."""
        cycle = self.span.cycle
        has_later = cycle is not None and cycle < self._wallet.cycle
        return self._to({"cycle": str(cycle + 1)} | self._without_span) if cycle is not None and has_later else ""

    @property
    def groupings(self) -> list[Choice]:
        """What usage can be told apart by."""
        rest = {name: value for name, value in self.parameters.items() if name != "by"}
        return [
            Choice(word, label, self._to(rest | ({} if word == FEATURE else {"by": word})), is_current=word == self.by)
            for word, label in GROUPINGS.items()
        ]

    def steps(self, report: Report) -> list[Choice]:
        """The steps that the shown days can be drawn in."""
        return [
            Choice(
                word,
                steps.CHOICES[word],
                self._to(self.parameters | {"per": word}),
                is_current=word == report.question.step,
            )
            for word in steps.offered(*report.drawn)
        ]

    def entries_of(self, row: Row) -> str:
        """Where the history lists the entries that a row sums up; nowhere for what is gone."""
        return self._history(self.span.fixed_parameters | {self.by: row.key}) if row.key and not row.is_gone else ""

    def entries_on(self, column: Column) -> str:
        """Where the history lists the entries of some days; a cycle's own can't be told apart there."""
        if self.span.cycle is not None or not column.cost:
            return ""
        return self._history(spans.custom(column.first, column.last).fixed_parameters)

    @property
    def _without_span(self) -> dict[str, str]:
        by = {} if self.by == FEATURE else {"by": self.by}
        return by | self.filters.parameters

    def _history(self, parameters: dict[str, str]) -> str:
        chosen = {"kind": "usage"} | parameters
        return f"{reverse('billing:history')}?{urlencode(self.filters.parameters | chosen)}"

    def _to(self, parameters: dict[str, str]) -> str:
        query = urlencode(parameters)
        return reverse("billing:usage") + (f"?{query}" if query else "")
