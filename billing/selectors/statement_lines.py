"""The lines of a statement's file: entries between an opening and a closing balance, and a control sum."""

from billing.selectors import statements
from billing.selectors.columns import STATEMENT_COLUMNS
from billing.selectors.copying import Values
from billing.selectors.entry_lines import QUERY, parameters
from billing.selectors.export_contents import Contents, Wanted
from billing.selectors.sequences import sequences_between
from billing.selectors.spans import Span
from billing.selectors.statements import Statement
from billing.units import plain_credits


def count(wanted: Wanted) -> int:
    """Return how many entries there are, without reading them."""
    span = _span(wanted)
    return len(sequences_between(wanted.wallet, span.first, span.last))


def contents(wanted: Wanted) -> Contents:
    """Return what a statement's file has in it."""
    statement = statements.of_span(wanted.wallet, _span(wanted))
    return Contents(
        columns=STATEMENT_COLUMNS,
        query=QUERY,
        parameters=parameters(wanted.wallet, statement.numbers, held_before=statement.opening_held),
        before=[_opening(statement)],
        after=lambda digest: [_closing(statement), _control(statement, digest)],
    )


def _span(wanted: Wanted) -> Span:
    if wanted.span is None:
        raise ValueError("A statement is of a span of days.")
    return wanted.span


def _opening(statement: Statement) -> Values:
    return {
        "kind": "opening",
        "what": "Opening balance",
        "sequence": str(statement.last_before),
        "posted_on": str(statement.span.first),
        "balance": plain_credits(statement.opening),
        "held": plain_credits(statement.opening_held),
    }


def _closing(statement: Statement) -> Values:
    return {
        "kind": "closing",
        "what": "Closing balance",
        "sequence": str(statement.last),
        "posted_on": str(statement.span.last),
        "balance": plain_credits(statement.closing),
        "held": plain_credits(statement.closing_held),
    }


def _control(statement: Statement, digest: str) -> Values:
    """Return the line that the others are checked by: sums of what the entries say, and the digest of their lines."""
    numbers = f", numbers {statement.numbers.start:,} to {statement.last:,}" if statement.entries else ""
    return {
        "kind": "control",
        "what": f"Control sum of {statement.entries:,} entr{'y' if statement.entries == 1 else 'ies'}{numbers}",
        "quantity": str(statement.entries),
        "unit": "entry",
        "cost": plain_credits(statement.cost),
        "change": plain_credits(statement.change),
        "held_change": plain_credits(statement.held_change),
        "balance": plain_credits(statement.opening + statement.change),
        "held": plain_credits(statement.opening_held + statement.held_change),
        "uncovered": plain_credits(statement.uncovered),
        "reference": f"sha256:{digest}",
    }
