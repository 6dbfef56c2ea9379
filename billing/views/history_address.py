"""The address of the history: what it asks for, and where the page's links and those of its receipts lead."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from billing.models import Wallet
from billing.selectors import catalog, spans
from billing.selectors import history as histories
from billing.selectors.strands import KIND_GROUPS, Filters
from billing.selectors.words import days_words
from billing.views.addresses import Reader

ALL_TIME = "All time"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a row of links."""

    word: str
    label: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, and where it is off."""

    name: str
    value: str
    address: str


class HistoryAddress:
    """What a history page is asked for; what makes no sense is `ignored` and told."""

    def __init__(self, query: QueryDict, wallet: Wallet, *, now: datetime) -> None:
        read = Reader(query)
        self._wallet = wallet
        self.kinds = {word: label for word, (label, _) in KIND_GROUPS.items()}
        self.features = {feature.code: feature.name for feature in histories.features_to_choose()}
        self.models = {feature.code: feature.name for feature in histories.models_to_choose()}
        self.filters = Filters(
            kind=read.word("kind", self.kinds),
            feature=read.word("feature", self.features),
            model=read.word("model", self.models),
            source=read.word("source", self.sources) if query.get("source") else "",
            span=read.span(wallet, default="", now=now),
        )
        self.before = read.number("before")
        self.after = read.number("after")
        self.ignored = read.ignored

    @cached_property
    def sources(self) -> dict[str, str]:
        """What has used the wallet's credits: its word in addresses, its name."""
        return histories.sources_to_choose(self._wallet)

    @property
    def parameters(self) -> dict[str, str]:
        """The filters, in as few words as possible."""
        return self._words | self._span

    @property
    def here(self) -> str:
        """What the address says, for the receipts that are opened from it to lead back."""
        place = {"before": self.before, "after": self.after}
        return urlencode(self.parameters | {name: str(number) for name, number in place.items() if number})

    @property
    def export(self) -> str:
        """Where a file of the same can be had."""
        return f"{reverse('billing:export')}?{urlencode({'what': 'history'} | self.parameters)}"

    @property
    def back(self) -> str:
        """Where the list is."""
        return _history(self.here)

    @property
    def newest(self) -> str:
        """The first page of the same list."""
        return _history(urlencode(self.parameters))

    def older(self, number: int) -> str:
        """The page of what is older than an entry."""
        return _history(urlencode(self.parameters | {"before": str(number)}))

    def newer(self, number: int) -> str:
        """The page of what is newer than an entry."""
        return _history(urlencode(self.parameters | {"after": str(number)}))

    def receipt(self, number: int) -> str:
        """The receipt of an entry beside the one that is shown; its list begins with it."""
        query = urlencode(self.parameters | {"before": str(number + 1)})
        return f"{reverse('billing:receipt', args=[number])}?{query}" if self.parameters else receipt_of(number)

    @property
    def of_filters(self) -> dict[str, str]:
        """What a form with the filters sends along: the span."""
        return self._span

    @property
    def of_days(self) -> dict[str, str]:
        """What a form with other days sends along: the filters."""
        return self._words

    @cached_property
    def days(self) -> str:
        """The span's days in words."""
        span = self.filters.span
        return days_words(span.first, span.last) if span else ""

    @property
    def is_custom(self) -> bool:
        """Whether the days are none of the choices offered."""
        span = self.filters.span
        return span is not None and span.word in ("", spans.CUSTOM)

    @property
    def spans(self) -> list[Choice]:
        """The spans to choose from; there is no last cycle in the first one."""
        current = self.filters.span.word if self.filters.span else None
        offered = {"": ALL_TIME} | {word: label for word, label in spans.CHOICES.items() if word != spans.CUSTOM}
        if self._wallet.cycle <= 1:
            del offered[spans.LAST_CYCLE]
        return [
            Choice(
                word or "all",
                label,
                _history(urlencode(self._words | ({"span": word} if word else {}))),
                is_current=(word == current) if word else self.filters.span is None,
            )
            for word, label in offered.items()
        ]

    @property
    def chips(self) -> list[Chip]:
        """The filters that are on."""
        filters, known = self.filters, catalog.current()
        chosen = {
            "kind": ("Kind", self.kinds.get(filters.kind, "")),
            "feature": ("Feature", known.feature(filters.feature).name if filters.feature else ""),
            "model": ("Model", known.feature(filters.model).name if filters.model else ""),
            "source": ("Source", self.sources.get(filters.source, "")),
        }
        chips = [
            Chip(label, value, _history(urlencode({n: v for n, v in self.parameters.items() if n != name})))
            for name, (label, value) in chosen.items()
            if value
        ]
        if filters.span is not None:
            label = filters.span.label
            days = f"{label}, {self.days}" if label else self.days
            chips.append(Chip("Days", days, _history(urlencode(self._words))))
        return chips

    @property
    def _words(self) -> dict[str, str]:
        filters = self.filters
        words = {"kind": filters.kind, "feature": filters.feature, "model": filters.model, "source": filters.source}
        return {name: word for name, word in words.items() if word}

    @property
    def _span(self) -> dict[str, str]:
        return self.filters.span.parameters if self.filters.span else {}


def receipt_of(number: int) -> str:
    """Return where an entry's receipt is."""
    return reverse("billing:receipt", args=[number])


def _history(query: str) -> str:
    return reverse("billing:history") + (f"?{query}" if query else "")
