"""What the API answers. Credits are decimal numbers as texts, exact to the thousandth; moments are UTC."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from billing.metering import Answer
from billing.models import FeaturePrice, Hold, LedgerEntry
from billing.selectors.receipts import GrantShare, Step
from billing.units import plain_credits

Credits = Annotated[
    str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,3})?$", description="Credits, exact.", examples=["12.265"])
]


def optional_credits(millicredits: int | None) -> str | None:
    """Return an amount as programs read it, or None where there is no such amount."""
    return None if millicredits is None else plain_credits(millicredits)


class Said(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Price(Said):
    """So many credits for every `per` base units."""

    credits: Credits
    per: int
    starts_at: datetime

    @classmethod
    def of(cls, price: FeaturePrice) -> "Price":
        return cls(credits=plain_credits(price.millicredits), per=price.per, starts_at=price.starts_at)


class FeatureAnswer(Said):
    """A feature, the unit its quantities count in, and its prices: now, and announced for later."""

    code: str
    name: str
    group: str
    unit: str
    pricing: Annotated[
        str,
        Field(description="own: a price of its own. model: as the chat model in priced_as. nodes: a workflow's nodes."),
    ]
    price: Price | None
    upcoming: list[Price]


class Features(Said):
    items: list[FeatureAnswer]


class PlanAnswer(Said):
    """A plan, priced in US cents a month; null by contract. No monthly credits or limit named means unlimited."""

    code: str
    name: str
    price_cents: int | None
    monthly_credits: Credits | None
    chatbots: int | None
    support: str
    advanced_analytics: bool
    api_access: bool
    custom_integrations: bool
    sla: bool


class Plans(Said):
    items: list[PlanAnswer]


class Portion(Said):
    """What is left of the credits of one origin that expire together, in the order in which they are spent."""

    source: Annotated[str, Field(description="allowance, purchase, promotional or adjustment")]
    left: Credits
    expires_at: datetime | None


class Cycle(Said):
    number: int
    starts_at: datetime
    ends_at: datetime | None


class BalanceAnswer(Said):
    """What can be spent (available), what open holds keep (held), and their sum (posted)."""

    wallet: int
    available: Credits
    held: Credits
    posted: Credits
    state: Annotated[str, Field(description="fine, low, very-low, out, unlimited or suspended")]
    unlimited: bool
    suspended: bool
    monthly_credits: Credits | None
    confirm_above: Credits | None
    portions: list[Portion]
    cycle: Cycle
    sequence: Annotated[int, Field(description="The number of the newest entry.")]


class QuoteAnswer(Said):
    feature: str
    priced_as: str
    quantity: int
    unit: str
    cost: Credits
    price: Price


class ChargeAnswer(Said):
    """What was spent: the entry's number, its cost, and what it left to spend. `uncovered` nobody will collect."""

    sequence: int
    cost: Credits
    uncovered: Credits
    available: Credits
    posted_at: datetime

    @classmethod
    def of(cls, answer: Answer) -> "ChargeAnswer":
        return cls(
            sequence=answer.sequence,
            cost=plain_credits(answer.cost),
            uncovered=plain_credits(answer.uncovered),
            available=plain_credits(answer.available),
            posted_at=answer.posted_at,
        )


class Problem(Said):
    """What was refused (RFC 9457): `type` is stable and leads to a page that explains it, `instance` is the request."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})

    type: str
    title: str
    status: int
    detail: str
    instance: str


class BatchItem(Said):
    """What became of one charge: the status it would have had by itself, and its answer or its problem."""

    key: str
    status: int
    replayed: bool
    answer: ChargeAnswer | None
    problem: Problem | None


class BatchAnswer(Said):
    """The charges in the order in which they were sent."""

    answers: list[BatchItem]


class HoldAnswer(Said):
    """Credits set aside: up to `quantity` base units may be used. The hold ends by itself when it expires."""

    id: int
    status: Annotated[str, Field(description="open, captured, released or expired")]
    feature: str
    priced_as: str
    quantity: int
    amount: Credits
    source: str
    opened_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, hold: Hold) -> "HoldAnswer":
        return cls(
            id=hold.pk,
            status=hold.status,
            feature=hold.feature_id,
            priced_as=hold.priced_as_id,
            quantity=hold.quantity,
            amount=plain_credits(hold.amount),
            source=hold.source,
            opened_at=hold.opened_at,
            expires_at=hold.expires_at,
        )


class EntryAnswer(Said):
    """One numbered line of the wallet's books; lines are added, never changed."""

    sequence: int
    kind: Annotated[
        Literal["grant", "charge", "hold", "capture", "release", "expiry", "clawback", "adjustment"],
        Field(description="What it did."),
    ]
    available_change: Credits
    held_change: Credits
    cost: Credits
    uncovered: Credits
    available_after: Credits
    feature: str | None
    priced_as: str | None
    quantity: int | None
    source: str
    source_name: str
    detail: dict[str, Any] | None
    key: str | None
    hold: int | None
    cycle: int
    posted_at: datetime
    effective_at: datetime
    used_on: date | None

    @classmethod
    def facts_of(cls, entry: LedgerEntry, *, source_name: str) -> dict[str, Any]:
        return {
            "sequence": entry.sequence,
            "kind": entry.kind,
            "available_change": plain_credits(entry.available_change),
            "held_change": plain_credits(entry.held_change),
            "cost": plain_credits(entry.cost),
            "uncovered": plain_credits(entry.uncovered),
            "available_after": plain_credits(entry.available_after),
            "feature": entry.feature_id,
            "priced_as": entry.priced_as_id,
            "quantity": entry.quantity,
            "source": entry.source,
            "source_name": source_name,
            "detail": entry.detail,
            "key": entry.key,
            "hold": entry.hold_id,
            "cycle": entry.cycle,
            "posted_at": entry.posted_at,
            "effective_at": entry.effective_at,
            "used_on": entry.used_on,
        }


class Entries(Said):
    items: list[EntryAnswer]
    next_cursor: str | None


class ShareAnswer(Said):
    """What the entry did to the credits of one origin."""

    name: str
    expires_at: datetime | None
    change: Credits
    held: Credits

    @classmethod
    def of(cls, share: GrantShare) -> "ShareAnswer":
        return cls(
            name=share.label,
            expires_at=share.expires_at,
            change=plain_credits(share.change),
            held=plain_credits(share.held),
        )


class StepAnswer(Said):
    """A node of a workflow run, in words."""

    name: str
    feature: str
    quantity: str
    price: str
    cost: Credits

    @classmethod
    def of(cls, step: Step) -> "StepAnswer":
        return cls(
            name=step.name,
            feature=step.feature,
            quantity=step.quantity,
            price=step.price,
            cost=plain_credits(step.cost),
        )


class Receipt(EntryAnswer):
    """An entry in full: the price that it was made at, which credits paid, and the entries of the same hold."""

    title: str
    available_before: Credits
    price: Price | None
    shares: list[ShareAnswer]
    steps: list[StepAnswer]
    entries_of_hold: list[int]


class UsageTotals(Said):
    uses: int
    cost: Credits


class UsageLine(Said):
    """What was used of one feature, as one model, from one source, on one day; a workflow's nodes have no uses."""

    day: date
    cycle: int
    feature: str
    priced_as: str
    source: str
    source_name: str
    quantity: int
    unit: str
    uses: int
    cost: Credits


class Usage(Said):
    """The lines of some days, newest first; `totals` are of all that the filters find, on this page and others."""

    first: Annotated[date, Field(serialization_alias="from")]
    last: Annotated[date, Field(serialization_alias="to")]
    cycle: int | None
    totals: UsageTotals
    items: list[UsageLine]
    next_cursor: str | None
