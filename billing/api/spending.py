"""Spending: charges, workflow runs, holds and batches, for our own services in the name of a wallet.

The Idempotency-Key is the key under which the books know an act, so that a repeat gets the first answer from them. A
refusal is not remembered. A hold's settling needs none: the hold itself tells a repeat.
"""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from ninja import Router, Status

from billing import metering
from billing.api import problems
from billing.api.answers import BatchAnswer, BatchItem, ChargeAnswer, HoldAnswer, Problem
from billing.api.callers import ApiRequest, Scope, idempotency_key, wallet_of
from billing.api.document import refuses
from billing.api.problems import (
    HOLD_CLOSED,
    INSUFFICIENT_CREDITS,
    INVALID_QUANTITY,
    INVALID_REQUEST,
    KEY_REUSED,
    NEEDS_CONFIRMATION,
    NO_PLAN,
    NO_PRICE,
    UNKNOWN_FEATURE,
    UNKNOWN_HOLD,
    WALLET_SUSPENDED,
    Refused,
    field_error,
)
from billing.api.reading import entry_address
from billing.api.schemas import (
    BatchCharge,
    BatchRequest,
    CaptureRequest,
    ChargeRequest,
    ExtendRequest,
    HoldRequest,
    Number,
    ReleaseRequest,
    WorkflowRequest,
)
from billing.errors import MeteringError
from billing.metering import Answer, Charge, Node
from billing.models import ApiKey
from billing.services.requests import LONGEST_KEY

router = Router(tags=["Spending"])
CREATED, OK = 201, 200
REPLAYED = "Idempotent-Replayed"
API_KEY_SOURCE = "api_key:"
_NEW_USE = (
    INSUFFICIENT_CREDITS, WALLET_SUSPENDED, NO_PLAN, NEEDS_CONFIRMATION, KEY_REUSED, UNKNOWN_FEATURE, NO_PRICE,
    INVALID_QUANTITY,
)  # fmt: skip
_SETTLING = (UNKNOWN_HOLD, HOLD_CLOSED)


@router.post(
    "/charges",
    response={CREATED: ChargeAnswer},
    operation_id="charge",
    openapi_extra=refuses(*_NEW_USE, scope=Scope.SPEND, names_wallet=True, takes_key=True, is_created=True),
)
def charge(request: ApiRequest, body: ChargeRequest, response: HttpResponse) -> Status[ChargeAnswer]:
    """Charge finished work, once."""
    wallet, key = wallet_of(request, Scope.SPEND), idempotency_key(request)
    answer = metering.charge(
        wallet=wallet,
        feature=body.feature,
        quantity=body.quantity,
        key=key,
        source=_source(body.source, request.auth.key),
        priced_as=body.priced_as,
        detail=body.detail,
        occurred_at=body.occurred_at,
        confirmed=body.confirmed,
        now=timezone.now(),
    )
    return _charged(answer, response)


@router.post(
    "/workflows",
    response={CREATED: ChargeAnswer},
    operation_id="charge_workflow",
    openapi_extra=refuses(*_NEW_USE, scope=Scope.SPEND, names_wallet=True, takes_key=True, is_created=True),
)
def charge_workflow(request: ApiRequest, body: WorkflowRequest, response: HttpResponse) -> Status[ChargeAnswer]:
    """Charge one run of a workflow: the sum of its nodes, all or nothing, in one entry."""
    wallet, key = wallet_of(request, Scope.SPEND), idempotency_key(request)
    answer = metering.charge_workflow(
        wallet=wallet,
        workflow=body.workflow,
        nodes=[Node(name=node.name, feature=node.feature, quantity=node.quantity) for node in body.nodes],
        key=key,
        confirmed=body.confirmed,
        now=timezone.now(),
    )
    return _charged(answer, response)


@router.post(
    "/batches",
    response=BatchAnswer,
    operation_id="charge_batch",
    openapi_extra=refuses(scope=Scope.SPEND, names_wallet=True, takes_key=True, replays=True),
)
def charge_batch(request: ApiRequest, body: BatchRequest, response: HttpResponse) -> BatchAnswer:
    """Charge up to 500 uses of one wallet in one request, each answered by itself.

    A batch whose answer was lost is sent again as it was: what got through is told, and the rest is charged.
    """
    wallet, key = wallet_of(request, Scope.SPEND), idempotency_key(request)
    charges = [_charge_of(item, f"{key}/{place}", request.auth.key) for place, item in enumerate(body.charges)]
    outcomes = metering.charge_many(wallet=wallet, charges=charges, now=timezone.now())
    answers = [_outcome(item.key, outcome) for item, outcome in zip(charges, outcomes, strict=True)]
    if all(item.replayed for item in answers):
        response[REPLAYED] = "true"
    return BatchAnswer(answers=answers)


@router.post(
    "/holds",
    response={CREATED: HoldAnswer},
    operation_id="hold",
    openapi_extra=refuses(*_NEW_USE, scope=Scope.SPEND, names_wallet=True, takes_key=True, is_created=True),
)
def hold(request: ApiRequest, body: HoldRequest, response: HttpResponse) -> Status[HoldAnswer]:
    """Set credits aside for work whose cost isn't known yet. `quantity` of the answer says how much may be used.

    A repeat gets the same hold, as it is by then.
    """
    wallet, key = wallet_of(request, Scope.SPEND), idempotency_key(request)
    opened = metering.hold(
        wallet=wallet,
        feature=body.feature,
        quantity=body.quantity,
        key=key,
        minimum=body.minimum,
        source=_source(body.source, request.auth.key),
        priced_as=body.priced_as,
        detail=body.detail,
        lasts=timedelta(seconds=body.lasts_seconds),
        confirmed=body.confirmed,
        now=timezone.now(),
    )
    if opened.replayed:
        response[REPLAYED] = "true"
    return Status(CREATED, HoldAnswer.of(opened))


@router.post(
    "/holds/{int:hold_id}/capture",
    response=ChargeAnswer,
    operation_id="capture",
    openapi_extra=refuses(*_SETTLING, INVALID_QUANTITY, scope=Scope.SPEND, names_wallet=True, replays=True),
)
def capture(
    request: ApiRequest,
    body: CaptureRequest,
    response: HttpResponse,
    hold_id: Number,
) -> ChargeAnswer:
    """Spend what was really used and return the rest. More than was held is taken from what is available.

    The hold tells a repeat, which gets the first answer; another quantity is refused. No Idempotency-Key is needed.
    """
    wallet = wallet_of(request, Scope.SPEND)
    opened = metering.find_hold(wallet=wallet, hold_id=hold_id)
    answer = metering.capture(
        wallet=wallet, hold=opened, quantity=body.quantity, detail=body.detail, now=timezone.now()
    )
    return _settled(answer, response)


@router.post(
    "/holds/{int:hold_id}/release",
    response=ChargeAnswer,
    operation_id="release",
    openapi_extra=refuses(*_SETTLING, scope=Scope.SPEND, names_wallet=True, replays=True),
)
def release(
    request: ApiRequest,
    response: HttpResponse,
    hold_id: Number,
    body: ReleaseRequest | None = None,
) -> ChargeAnswer:
    """Return all credits of a hold: failed work costs nothing. Releasing twice changes nothing more."""
    wallet = wallet_of(request, Scope.SPEND)
    opened = metering.find_hold(wallet=wallet, hold_id=hold_id)
    return _settled(metering.release(wallet=wallet, hold=opened, now=timezone.now()), response)


@router.post(
    "/holds/{int:hold_id}/extend",
    response=HoldAnswer,
    operation_id="extend",
    openapi_extra=refuses(*_SETTLING, scope=Scope.SPEND, names_wallet=True),
)
def extend(request: ApiRequest, body: ExtendRequest, hold_id: Number) -> HoldAnswer:
    """Move an open hold's time limit, 24 hours after its opening at most."""
    wallet = wallet_of(request, Scope.SPEND)
    opened = metering.find_hold(wallet=wallet, hold_id=hold_id)
    return HoldAnswer.of(metering.extend(wallet=wallet, hold=opened, until=body.until, now=timezone.now()))


def _source(given: str | None, key: ApiKey) -> str:
    """Return what a use is said to come from; raises Refused for another key's name."""
    if given is None:
        return key.source
    if given.startswith(API_KEY_SOURCE) and given != key.source:
        error = field_error(["body", "source"], "A key can't spend in another key's name.")
        raise Refused(INVALID_REQUEST, errors=[error])
    return given


def _charge_of(item: BatchCharge, default_key: str, key: ApiKey) -> Charge:
    """Return one charge of a batch; raises Refused for a key that would be too long."""
    if len(item.key or default_key) > LONGEST_KEY:
        raise Refused(problems.BAD_IDEMPOTENCY_KEY, "Of a batch it has 196 characters at most.")
    return Charge(
        feature=item.feature,
        quantity=item.quantity,
        key=item.key or default_key,
        source=_source(item.source, key),
        priced_as=item.priced_as,
        detail=item.detail,
        occurred_at=item.occurred_at,
        confirmed=item.confirmed,
    )


def _outcome(key: str, outcome: Answer | MeteringError) -> BatchItem:
    if isinstance(outcome, Answer):
        return BatchItem(
            key=key, status=CREATED, replayed=outcome.replayed, answer=ChargeAnswer.of(outcome), problem=None
        )
    said: dict[str, Any] = problems.document(problems.of_error(outcome))
    return BatchItem(key=key, status=said["status"], replayed=False, answer=None, problem=Problem(**said))


def _charged(answer: Answer, response: HttpResponse) -> Status[ChargeAnswer]:
    response["Location"] = entry_address(answer.sequence)
    return Status(CREATED, _settled(answer, response))


def _settled(answer: Answer, response: HttpResponse) -> ChargeAnswer:
    """Return an answer of metering, and say in the headers whether it is a first one again."""
    if answer.replayed:
        response[REPLAYED] = "true"
    return ChargeAnswer.of(answer)
