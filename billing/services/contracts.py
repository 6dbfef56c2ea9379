"""Wishes for an Enterprise contract: kept first, mailed to sales then, answered by staff (decision 12)."""

from datetime import datetime, timedelta

from accounts.models import User
from billing import emails
from billing.errors import InvalidRequest
from billing.models import ContractRequest, Wallet
from billing.queue import hint
from billing.services.ledger import lock_owned_wallet
from billing.services.transactions import in_one_transaction
from billing.units import CREDIT, LARGEST_AMOUNT

LONGEST_COMPANY, LONGEST_MESSAGE = 120, 2_000
MOST_CREDITS = LARGEST_AMOUNT // CREDIT
#: How long the hint has to mail a request before the sweeper does: both at once would send it twice.
HEAD_START = timedelta(minutes=1)


@in_one_transaction
def request_contract(
    *, wallet: Wallet, company: str, monthly_credits: int | None, message: str, now: datetime
) -> ContractRequest:
    """Keep a wallet's wish and have it mailed after commit; return it, or the one that waits for an answer already.

    `monthly_credits` are whole credits, None where they aren't known yet. Raises InvalidRequest for an empty or
    overlong text, and for a number of credits that no books can hold; OwnerHasLeft.
    """
    company, message = " ".join(company.split()), message.strip()
    if not 1 <= len(company) <= LONGEST_COMPANY or not 1 <= len(message) <= LONGEST_MESSAGE:
        raise InvalidRequest("A request for a contract names a company and says something.")
    if monthly_credits is not None and not 1 <= monthly_credits <= MOST_CREDITS:
        raise InvalidRequest("A contract is for at least one credit a month.")
    lock_owned_wallet(wallet.pk)
    waiting = open_request(wallet)
    if waiting is not None:
        return waiting
    request = ContractRequest.objects.create(
        wallet=wallet, company=company, monthly_credits=monthly_credits, message=message, created_at=now
    )
    hint("billing.tasks.send_contract_requests", request.pk)
    return request


def open_request(wallet: Wallet) -> ContractRequest | None:
    """Return the wallet's request that nobody has answered yet, if there is one."""
    return ContractRequest.objects.filter(wallet=wallet, answered_at=None).first()


def due(*, now: datetime) -> list[int]:
    """Return the requests whose mail the queue has lost, the oldest first."""
    waiting = ContractRequest.objects.filter(mailed_at=None, created_at__lte=now - HEAD_START)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def mail_request(*, request_id: int, now: datetime) -> bool:
    """Mail a request to sales unless that was done; return whether it was sent now.

    A crash between sending and writing that down repeats the mail once; it is never lost. Raises OSError when the mail
    server doesn't take it.
    """
    request = ContractRequest.objects.filter(pk=request_id, mailed_at=None).select_related("wallet__owner").first()
    if request is None:
        return False
    emails.contract_request(request)
    ContractRequest.objects.filter(pk=request_id, mailed_at=None).update(mailed_at=now)
    return True


def answer(*, request_id: int, actor: User, now: datetime) -> bool:
    """Note that staff answered a request, so that its wallet may ask again; return whether that was news."""
    waiting = ContractRequest.objects.filter(pk=request_id, answered_at=None)
    return bool(waiting.update(answered_at=now, answered_by=actor))
