"""The columns of exports: what each is called in a file, what kind of value it has, and what it means."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What the values of a column are: text, exact decimal numbers, or days as in 2025-03-10."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; its name is that of the query's (`billing/sql/export_….sql`). Amounts are in credits."""

    name: str
    kind: Kind
    meaning: str


HELD = Column("held", Kind.NUMBER, "what holds set aside, after the entry")
ENTRY_COLUMNS = (
    Column("sequence", Kind.NUMBER, "the entry’s number in your books; none is left out"),
    Column("posted_at", Kind.TEXT, "when it was posted, in your time zone with its distance from UTC"),
    Column("posted_on", Kind.DAY, "your day on which it was posted; it decides which statement has it"),
    Column("counts_on", Kind.DAY, "your day that its usage counts on; imported usage can be older than its entry"),
    Column("kind", Kind.TEXT, "charge, hold, capture, release, grant, expiry, clawback or adjustment"),
    Column("what", Kind.TEXT, "what it is, in words"),
    Column("feature", Kind.TEXT, "the code of the feature that was used"),
    Column("model", Kind.TEXT, "the code of what it was priced as: a chatbot’s model, or the feature itself"),
    Column("source", Kind.TEXT, "what used it: app, chatbot:7, workflow:report …"),
    Column("source_name", Kind.TEXT, "the same by its name, as it is now"),
    Column("quantity", Kind.NUMBER, "how much was used"),
    Column("unit", Kind.TEXT, "what the quantity counts"),
    Column("price", Kind.NUMBER, "credits for price_per units; workflow runs have the prices of their steps"),
    Column("price_per", Kind.NUMBER, "how many units the price is for"),
    Column("cost", Kind.NUMBER, "what it cost"),
    Column("change", Kind.NUMBER, "what it did to your balance"),
    Column("held_change", Kind.NUMBER, "what it did to what holds set aside"),
    Column("balance", Kind.NUMBER, "your balance after it"),
    Column("uncovered", Kind.NUMBER, "cost that no credits were left for; it is never collected"),
    Column("cycle", Kind.NUMBER, "the number of the billing cycle"),
    Column("reference", Kind.TEXT, "the key that the caller gave the request"),
    Column("input_tokens", Kind.NUMBER, "tokens that went in, where the caller told them apart"),
    Column("output_tokens", Kind.NUMBER, "tokens that came out"),
)
USAGE_COLUMNS = (
    Column("kind", Kind.TEXT, "usage; the last line is their total"),
    Column("day", Kind.DAY, "your day that it counts on"),
    Column("feature", Kind.TEXT, "the code of the feature that was used"),
    Column("feature_name", Kind.TEXT, "its name"),
    Column("model", Kind.TEXT, "the code of what it was priced as: a chatbot’s model, or the feature itself"),
    Column("model_name", Kind.TEXT, "its name"),
    Column("step", Kind.TEXT, "the code of what a workflow’s steps used; the run itself has a line without it"),
    Column("source", Kind.TEXT, "what used it: app, chatbot:7, workflow:report …"),
    Column("source_name", Kind.TEXT, "the same by its name, as it is now"),
    Column("quantity", Kind.NUMBER, "how much was used"),
    Column("unit", Kind.TEXT, "what the quantity counts"),
    Column("uses", Kind.NUMBER, "how often"),
    Column("credits", Kind.NUMBER, "what it cost"),
    Column("cycle", Kind.NUMBER, "the number of the billing cycle that paid for it"),
)
_after_balance = [column.name for column in ENTRY_COLUMNS].index("balance") + 1
STATEMENT_COLUMNS = (*ENTRY_COLUMNS[:_after_balance], HELD, *ENTRY_COLUMNS[_after_balance:])
