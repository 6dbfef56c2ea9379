"""What the API answers. Amounts are Decimals of credits, exact to the thousandth; moments carry their zone.

`raw` is the JSON of each, with members that are newer than this package.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Anything the API answers."""

    raw: Json = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Answer):
    """So many credits for every `per` base units, from `starts_at` on."""

    credits: Decimal
    per: int
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature(Answer):
    """Something that can be used. `unit` is what its quantities count; `pricing` is own, model or nodes."""

    code: str
    name: str
    group: str
    unit: str
    pricing: str
    price: Price | None
    upcoming: list[Price]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Answer):
    """A plan. `price_cents` is None by contract; no monthly credits or number of chatbots means unlimited."""

    code: str
    name: str
    price_cents: int | None
    monthly_credits: Decimal | None
    chatbots: int | None
    support: str
    advanced_analytics: bool
    api_access: bool
    custom_integrations: bool
    sla: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion(Answer):
    """What is left of the credits of one origin that expire together."""

    source: str
    left: Decimal
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle(Answer):
    """A billing month."""

    number: int
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Answer):
    """A wallet's credits: `available` can be spent, `held` is set aside by open holds, `posted` is their sum.

    `portions` are in the order in which they are spent; `confirm_above` is from where on the owner wants to be asked.
    """

    wallet: int
    available: Decimal
    held: Decimal
    posted: Decimal
    state: str
    unlimited: bool
    suspended: bool
    monthly_credits: Decimal | None
    confirm_above: Decimal | None
    portions: list[Portion]
    cycle: Cycle
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Answer):
    """What a use would cost now."""

    feature: str
    priced_as: str
    quantity: int
    unit: str
    cost: Decimal
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged(Answer):
    """What a charge, capture or release did: `sequence` is its number in the wallet's history.

    `uncovered` is what no credits were left for; nobody collects it. `replayed` says that this is the first answer to
    a repeated request.
    """

    sequence: int
    cost: Decimal
    uncovered: Decimal
    available: Decimal
    posted_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Answer):
    """Credits set aside: `quantity` base units may be used until `expires_at`. `status` is open at first."""

    id: int
    status: str
    feature: str
    priced_as: str
    quantity: int
    amount: Decimal
    source: str
    opened_at: datetime
    expires_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Answer):
    """One numbered line of a wallet's history."""

    sequence: int
    kind: str
    available_change: Decimal
    held_change: Decimal
    cost: Decimal
    uncovered: Decimal
    available_after: Decimal
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage(Answer):
    """Some entries, newest first; `next_cursor` asks for those before them, and is None at the end."""

    items: list[Entry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Answer):
    """What an entry did to the credits of one origin."""

    name: str
    expires_at: datetime | None
    change: Decimal
    held: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Answer):
    """A node of a workflow run, in words."""

    name: str
    feature: str
    quantity: str
    price: str
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Entry):
    """An entry in full: the price that it was made at, which credits paid, and the entries of the same hold."""

    title: str
    available_before: Decimal
    price: Price | None
    shares: list[Share]
    steps: list[Step]
    entries_of_hold: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Answer):
    """The sum of all that the filters find."""

    uses: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine(Answer):
    """What was used of one feature, as one model, from one source, on one day."""

    day: date
    cycle: int
    feature: str
    priced_as: str
    source: str
    source_name: str
    quantity: int
    unit: str
    uses: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage(Answer):
    """Some lines of the usage from `first` to `last`, newest first; `totals` are of all, on this page and others."""

    first: date
    last: date
    cycle: int | None
    totals: Totals
    items: list[UsageLine]
    next_cursor: str | None
