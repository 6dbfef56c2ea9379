"""The sums behind the usage page, asked for in one statement so that they always add up."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from billing import sql
from billing.models import Feature, Wallet
from billing.selectors.catalog import Catalog
from billing.selectors.spans import ONE_DAY, Span

FEATURE, MODEL, SOURCE = "feature", "model", "source"
#: What usage can be told apart by: the word in the address, and its label.
GROUPINGS = {FEATURE: "Feature", MODEL: "Model", SOURCE: "Source"}
MOST_SERIES = 6
MOST_ROWS = 100
MOST_PARTS = 8
MOST_CHOICES = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """Which usage to look at; an empty field is all of it.

    `model` is whose price a use had. A run of a workflow is its own model: it is one entry, whatever its nodes used.
    """

    feature: str = ""
    model: str = ""
    source: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """What an address says to choose the same."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage in which span to sum up, told apart `by` one of GROUPINGS, in steps of billing.selectors.steps."""

    wallet: Wallet
    span: Span
    before: Span | None
    by: str
    step: str
    filters: Filters


def ask(question: Question, known: Catalog) -> dict[str, Any]:
    """Return the answer of usage_report.sql, with empty lists where there is nothing."""
    with connection.cursor() as cursor:
        cursor.execute(sql.read("usage_report"), _parameters(question, known))
        [(answer,)] = cursor.fetchall()
    return {name: value or [] for name, value in json.loads(answer).items()}


def _parameters(question: Question, known: Catalog) -> dict[str, Any]:
    span, before = question.span, question.before
    return {
        "wallet": question.wallet.pk,
        "cycle": span.cycle,
        "first": span.first,
        "last": span.last,
        "is_part": before is not None and before.is_part,
        "before_cycle": before.cycle if before else None,
        "before_first": before.first if before else None,
        "before_last": before.last if before else None,
        "course_last": max(before.last, span.first - ONE_DAY) if before else None,
        "with_course": span.cycle is not None and before is not None,
        "runs": [code for code, feature in known.features.items() if feature.pricing == Feature.Pricing.NODES],
        "messages": [code for code, feature in known.features.items() if feature.pricing == Feature.Pricing.MODEL],
        "by": question.by,
        "per": question.step,
        **asdict(question.filters),
        "most_rows": MOST_ROWS,
        "most_series": MOST_SERIES,
        "most_parts": MOST_PARTS,
        "most_choices": MOST_CHOICES,
    }
