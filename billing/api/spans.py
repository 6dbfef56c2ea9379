"""Reading which days and lines a list is asked for. What a page leaves out and tells, a program is refused."""

from datetime import date, datetime

from django.http import HttpRequest

from billing.api.problems import INVALID_REQUEST, Refused, field_error
from billing.api.schemas import ListQuery, SpanQuery
from billing.models import Wallet
from billing.selectors import catalog, spans
from billing.selectors.spans import Span


def refused(name: str, words: str) -> Refused:
    """Return the refusal of one parameter of an address."""
    return Refused(INVALID_REQUEST, errors=[field_error(["query", name], words)])


def check_names(request: HttpRequest, query: type[SpanQuery]) -> None:
    """Raise Refused for a parameter that the list doesn't know, or that comes twice: nothing is ignored."""
    known = {field.alias or name for name, field in query.model_fields.items()}
    for name, values in request.GET.lists():
        if name not in known:
            raise refused("".join(filter(str.isprintable, name))[:40], "There is no such parameter.")
        if len(values) > 1:
            raise refused(name, "It is given twice.")


def check_features(query: ListQuery) -> None:
    """Raise Refused for features that the catalog doesn't know."""
    known = catalog.current().features
    for name, code in {"feature": query.feature, "model": query.model}.items():
        if code is not None and code not in known and code not in catalog.fresh().features:
            raise refused(name, "There is no such feature.")


def span_of(query: SpanQuery, wallet: Wallet, *, default: str, now: datetime) -> Span | None:
    """Return the days asked for, those of the word `default` if none are, and None without either; raises Refused."""
    has_days = query.first is not None or query.last is not None
    if query.span == spans.CUSTOM and not has_days:
        raise refused("span", "A custom span goes with the parameters from and to.")
    word = None if query.span == spans.CUSTOM else query.span
    if (word is not None) + (query.cycle is not None) + has_days > 1:
        raise refused("span", "A span, a cycle, or days from and to: one of them.")
    if has_days:
        return _days(query, wallet, now=now)
    if query.cycle is not None:
        return _found("cycle", spans.of_cycle(wallet, query.cycle, now=now))
    if word is not None:
        return _found("span", spans.chosen(wallet, word, now=now))
    return spans.chosen(wallet, default, now=now) if default else None


def _found(name: str, span: Span | None) -> Span:
    if span is None:
        raise refused(name, "The wallet never had that cycle.")
    return span


def _days(query: SpanQuery, wallet: Wallet, *, now: datetime) -> Span:
    first = query.first or spans.FIRST_DAY
    last = query.last or max(spans.today_of(wallet, now=now), query.first or date.min)
    if first > last:
        raise refused("from", "The first day comes after the last.")
    return spans.custom(first, last)
