"""What programs may send. Strict: unknown fields, and texts for numbers or the other way round, are refused."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from billing.metering import LONGEST_NODE_NAME, MOST_CHARGES, MOST_NODES
from billing.selectors import spans
from billing.services.requests import LONGEST_KEY, LONGEST_SOURCE
from billing.units import LARGEST_AMOUNT

DEFAULT_PAGE, LARGEST_PAGE = 50, 200
DEEPEST_DETAIL = 32
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
NUMBER = re.compile(r"[1-9]\d{0,18}", re.ASCII)
PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]+$"


def _moment(value: object) -> datetime:
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise ValueError("a moment is written as in 2026-03-10T09:30:00Z")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment lies between the years 1 and 9999") from None


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ValueError("a day is written as in 2026-03-10")
    day = date.fromisoformat(value)
    if not spans.FIRST_DAY <= day <= spans.LAST_DAY:
        raise ValueError("a day lies in this millennium")
    return day


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no answer could show again, because it can't be written down at any depth."""
    level: list[Any] = [value]
    for _ in range(DEEPEST_DETAIL):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for many in inner for each in many if isinstance(each, dict | list)]
        if not level:
            return value
    raise ValueError(f"it is nested more than {DEEPEST_DETAIL} deep")


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and NUMBER.fullmatch(value) else value


FeatureCode = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9.-]*$", description="As in GET /features.")
]
Quantity = Annotated[
    int, Field(ge=1, le=LARGEST_AMOUNT, description="Whole base units: tokens, images, searches, seconds …")
]
PricedAs = Annotated[
    FeatureCode | None,
    Field(description="The chat model of a chatbot's message; what has a price of its own has none."),
]
Source = Annotated[
    str | None,
    Field(
        max_length=LONGEST_SOURCE,
        pattern=r"^(app|chatbot:[0-9]{1,18}|workflow:[^\u0000-\u001f\u007f-\u009f]+|api_key:[0-9]{1,18})$",
        description="What used it: app, chatbot:7, workflow:weekly-report. Without one, the API key itself.",
    ),
]
Detail = Annotated[
    Annotated[dict[str, Any], AfterValidator(_shallow)] | None,
    Field(
        description="What else to keep with the entry: input_tokens, … 16,384 characters of JSON at most, nested"
        f" {DEEPEST_DETAIL} deep."
    ),
]
Confirmed = Annotated[
    bool, Field(description="Whether the owner was asked, where the cost is above what they let go unasked.")
]
Number = Annotated[int, Path(ge=1, le=LARGEST_AMOUNT)]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
QueryNumber = Annotated[int, Field(strict=True, ge=1, le=LARGEST_AMOUNT), BeforeValidator(_number)]


class Sent(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid", strict=True)


class QuoteRequest(Sent):
    feature: FeatureCode
    quantity: Quantity
    priced_as: PricedAs = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"feature": "gpt-4o", "quantity": 2_453}]})


class ChargeRequest(Sent):
    feature: FeatureCode
    quantity: Quantity
    priced_as: PricedAs = None
    source: Source = None
    detail: Detail = None
    occurred_at: Annotated[
        Moment | None, Field(description="When it was used; it counts on that day. Without it, now.")
    ] = None
    confirmed: Confirmed = False

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "feature": "gpt-4o",
                    "quantity": 2_453,
                    "detail": {"input_tokens": 1_842, "output_tokens": 611},
                    "source": "app",
                }
            ]
        }
    )


class BatchCharge(ChargeRequest):
    key: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=LONGEST_KEY,
            pattern=r"^[\x20-\x7e]+$",
            description="This charge's own idempotency key. Without one: the header's, a slash and its place from 0.",
        ),
    ] = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"feature": "web-search", "quantity": 1, "key": "search-81f2"}]}
    )


class BatchRequest(Sent):
    charges: Annotated[list[BatchCharge], Field(min_length=1, max_length=MOST_CHARGES)]


class WorkflowNode(Sent):
    name: Annotated[str, Field(max_length=LONGEST_NODE_NAME)] = ""
    feature: FeatureCode | None = None
    quantity: Quantity | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "News", "feature": "web-search", "quantity": 2}]}
    )


class WorkflowRequest(Sent):
    workflow: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_SOURCE - len("workflow:"),
            pattern=PRINTABLE,
            description="Names it in usage and history.",
        ),
    ]
    nodes: Annotated[
        list[WorkflowNode],
        Field(
            min_length=1,
            max_length=MOST_NODES,
            description="Charged together, all or nothing. A node names a feature and a quantity, or neither.",
        ),
    ]
    confirmed: Confirmed = False

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workflow": "weekly-report",
                    "nodes": [
                        {"name": "Every Monday"},
                        {"name": "News", "feature": "web-search", "quantity": 2},
                        {"name": "Write", "feature": "gpt-4o", "quantity": 3_000},
                    ],
                }
            ]
        }
    )


class HoldRequest(Sent):
    feature: FeatureCode
    quantity: Annotated[
        Quantity, Field(description="The most that may be used; tokens may be cut to what can be paid.")
    ]
    minimum: Annotated[
        Quantity | None, Field(description="Tokens of the prompt: fewer in all are refused. At most the quantity.")
    ] = None
    priced_as: PricedAs = None
    source: Source = None
    detail: Detail = None
    lasts_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="How long it stays open before it is released by itself.")
    ] = 900
    confirmed: Confirmed = False

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"feature": "gpt-4o", "quantity": 60_000, "minimum": 1_200}]}
    )


class CaptureRequest(Sent):
    quantity: Annotated[Quantity, Field(description="What was really used.")]
    detail: Detail = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"quantity": 1_642, "detail": {"input_tokens": 1_200, "output_tokens": 442}}]}
    )


class ReleaseRequest(Sent):
    """Nothing needs saying."""


class ExtendRequest(Sent):
    until: Annotated[
        Moment, Field(description="At most 24 hours after the hold was opened; an earlier time changes nothing.")
    ]

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2026-03-10T10:30:00Z"}]})


class SpanQuery(BaseModel):
    """Which days, in the calendar of the wallet's owner: a span's word, a cycle's number, or days from and to."""

    model_config = ConfigDict(populate_by_name=True)

    span: Annotated[
        Literal["cycle", "last-cycle", "7d", "30d", "90d", "12m", "custom"] | None,
        Field(description="A span by its word; custom goes with from and to."),
    ] = None
    cycle: Annotated[QueryNumber | None, Field(description="The billing cycle with this number, from 1.")] = None
    first: Annotated[Day | None, Field(alias="from", description="The first day.")] = None
    last: Annotated[Day | None, Field(alias="to", description="The last day.")] = None


class ListQuery(SpanQuery):
    """A page of a list about some days, narrowed."""

    feature: Annotated[FeatureCode | None, Field(description="Only what used this feature.")] = None
    model: Annotated[FeatureCode | None, Field(description="Only what was priced as this feature.")] = None
    source: Annotated[
        str | None, Field(max_length=LONGEST_SOURCE, pattern=PRINTABLE, description="Only from this source, as in app.")
    ] = None
    limit: Annotated[int, Field(strict=True, ge=1, le=LARGEST_PAGE), BeforeValidator(_number)] = DEFAULT_PAGE
    cursor: Annotated[
        str | None, Field(min_length=1, max_length=400, description="The “next_cursor” of the page before.")
    ] = None


class EntriesQuery(ListQuery):
    kind: Annotated[
        Literal["usage", "added", "set-aside", "expired", "adjusted"] | None, Field(description="Only such entries.")
    ] = None
