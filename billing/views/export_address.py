"""The address of exports: what they ask for, what the form offers, and where the files are."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from billing.models import Wallet
from billing.selectors import catalog, exports, spans, statements
from billing.selectors.copying import Format
from billing.selectors.export_contents import NAMES, Wanted, What
from billing.selectors.sources import source_names
from billing.selectors.spans import Span
from billing.selectors.strands import KIND_GROUPS
from billing.selectors.words import days_words
from billing.views.addresses import Reader
from billing.views.history_address import ALL_TIME, HistoryAddress
from billing.views.usage_address import UsageAddress

#: What a form says for days that are none of those it offers.
OTHER_DAYS = "other"
EXPLANATIONS = {
    What.STATEMENT: "Every entry of a span of days, between the opening and the closing balance.",
    What.HISTORY: "The entries that the history page lists, with its filters.",
    What.USAGE: "What the usage page adds up: a line for each day, feature, model and source.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a row of links, or of a list; `address` is empty in a list."""

    word: str
    label: str
    is_current: bool
    address: str = ""


class ExportAddress:
    """What an export is asked for; what makes no sense is `ignored` and told."""

    def __init__(self, query: QueryDict, wallet: Wallet, *, now: datetime, what: What | None = None) -> None:
        self._read = Reader(query)
        self._query = query
        self._wallet, self._now = wallet, now
        self.what = what or What(self._read.word("what", list(What), default=What.STATEMENT))
        self.file_format = Format(self._read.word("format", list(Format), default=Format.CSV))
        reading = {What.STATEMENT: self._statement, What.USAGE: self._usage, What.HISTORY: self._history}
        self._asks_for_days = OTHER_DAYS in (query.get("span"), query.get("month"))
        self.wanted = reading[self.what](_with_one_span(query))

    @property
    def ignored(self) -> list[str]:
        """What was left out, in words."""
        return self._read.ignored

    @property
    def title(self) -> str:
        """What is exported."""
        return NAMES[self.what]

    @property
    def explanation(self) -> str:
        """What is in it, in a sentence."""
        return EXPLANATIONS[self.what]

    @property
    def format_name(self) -> str:
        """What people call the format."""
        return exports.FORMAT_NAMES[self.file_format]

    @property
    def file_url(self) -> str:
        """Where the file is."""
        return file_url(self.wanted, self.file_format)

    @property
    def with_complaints(self) -> str:
        """Where the page is that says what was left out."""
        asked = {name: str(word) for name, word in self._query.items()}
        return self._page(asked | {"what": str(self.what)})

    @property
    def whats(self) -> list[Choice]:
        """What else can be exported of the same days."""
        span = self.wanted.span.fixed_parameters if self.wanted.span else {}
        return [
            Choice(what, title, what == self.what, self._page(span | self._words(what)))
            for what, title in NAMES.items()
        ]

    @property
    def formats(self) -> list[Choice]:
        """The formats to choose from."""
        return [Choice(word, name, word == self.file_format) for word, name in exports.FORMAT_NAMES.items()]

    @property
    def days_name(self) -> str:
        """What the form calls its choice of days."""
        return "month" if self.what == What.STATEMENT else "span"

    @cached_property
    def days(self) -> list[Choice]:
        """The days to choose from."""
        offered = self._months_offered() if self.what == What.STATEMENT else self._spans_offered()
        choices = [Choice(word, label, is_current) for word, label, is_current in offered]
        return [*choices, Choice(OTHER_DAYS, "Other days", not any(choice.is_current for choice in choices))]

    @property
    def are_other_days(self) -> bool:
        """Whether the days are none of the choices, so that the form asks for them."""
        return self.days[-1].is_current

    @property
    def is_open(self) -> bool:
        """Whether the days aren't over yet."""
        span = self.wanted.span
        return span is None or span.last >= spans.today_of(self._wallet, now=self._now)

    @property
    def hidden(self) -> dict[str, str]:
        """What the form sends along."""
        span = self.wanted.span
        is_earlier_cycle = self.what != What.STATEMENT and span is not None and span.word == ""
        cycle = {"cycle": str(span.cycle)} if span is not None and is_earlier_cycle else {}
        return {"what": str(self.what)} | self.wanted.filters | cycle

    @property
    def form_fields(self) -> dict[str, str]:
        """What a form sends to have exactly this file."""
        return {"what": str(self.what), "format": str(self.file_format)} | self.wanted.parameters

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are on: what each is, and its name."""
        known = catalog.current().features
        return {
            name: known[word].name if name in ("feature", "model") else word
            for name, word in (self.wanted.filters | self._named).items()
        }

    @property
    def _named(self) -> dict[str, str]:
        """The filters that are on and whose words no catalog knows, by their names."""
        kind, source = self.wanted.kind, self.wanted.source
        named = {"kind": KIND_GROUPS[kind][0]} if kind else {}
        return named | ({"source": source_names(self._wallet, [source])[source]} if source else {})

    @property
    def unfiltered(self) -> str:
        """The same days without filters."""
        span = self.wanted.span.fixed_parameters if self.wanted.span else {}
        return self._page(span | self._words(self.what))

    @cached_property
    def _months(self) -> dict[str, Span]:
        return {f"{month.first:%Y-%m}": month for month in statements.months(self._wallet, now=self._now)}

    def _statement(self, query: QueryDict) -> Wanted:
        word = self._read.word("month", {*self._months, OTHER_DAYS})
        read = Reader(query)
        span = self._months.get(word) or read.span(self._wallet, default="", now=self._now)
        self.ignored.extend(read.ignored)
        return Wanted(self._wallet, What.STATEMENT, span or next(iter(self._months.values())))

    def _usage(self, query: QueryDict) -> Wanted:
        asked = UsageAddress(query, self._wallet, now=self._now)
        self.ignored.extend(asked.ignored)
        return Wanted(self._wallet, What.USAGE, asked.span, **asked.filters.parameters)

    def _history(self, query: QueryDict) -> Wanted:
        asked = HistoryAddress(query, self._wallet, now=self._now)
        self.ignored.extend(asked.ignored)
        words, span = asked.filters, asked.filters.span
        if span is None and self._asks_for_days:
            span = spans.chosen(self._wallet, spans.CYCLE, now=self._now)
            span = spans.custom(span.first, span.last) if span else None
        return Wanted(self._wallet, What.HISTORY, span, words.kind, words.feature, words.model, words.source)

    def _months_offered(self) -> list[tuple[str, str, bool]]:
        current = None if self._asks_for_days else self.wanted.span
        return [(word, f"{month.first:%B %Y}", month == current) for word, month in self._months.items()]

    def _spans_offered(self) -> list[tuple[str, str, bool]]:
        span = None if self._asks_for_days else self.wanted.span
        offered = {word: label for word, label in spans.CHOICES.items() if word != spans.CUSTOM}
        if self._wallet.cycle <= 1:
            del offered[spans.LAST_CYCLE]
        found = [(word, label, span is not None and word == span.word) for word, label in offered.items()]
        if self.what == What.HISTORY:
            found.insert(0, ("", ALL_TIME, self.wanted.span is None))
        if span is not None and span.word == "":
            found.append(("", days_words(span.first, span.last), True))
        return found

    def _words(self, what: What) -> dict[str, str]:
        is_csv = self.file_format == Format.CSV
        return ({} if what == What.STATEMENT else {"what": what}) | ({} if is_csv else {"format": self.file_format})

    @staticmethod
    def _page(parameters: dict[str, str]) -> str:
        return reverse("billing:export") + (f"?{urlencode(parameters)}" if parameters else "")


def page_url(wanted: Wanted, file_format: Format) -> str:
    """Return where the page is that offers a file."""
    words = {"what": str(wanted.what), "format": str(file_format)}
    return f"{reverse('billing:export')}?{urlencode(words | wanted.parameters)}"


def file_url(wanted: Wanted, file_format: Format) -> str:
    """Return where a file is."""
    return f"{reverse('billing:export_file', args=[wanted.what, file_format])}?{urlencode(wanted.parameters)}"


def _with_one_span(query: QueryDict) -> QueryDict:
    """Return the address with what was chosen last: in a form, a span takes the place of the cycle shown before."""
    chosen = query.copy()
    if chosen.get("span"):
        chosen.pop("cycle", None)
    if chosen.get("span") == OTHER_DAYS:
        chosen.pop("span")
    return chosen
