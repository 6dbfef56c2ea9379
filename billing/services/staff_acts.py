"""What staff do by hand: each act once per key, and above a limit only after a second person has approved it.

The pages say what an act would do and does; here stands when it may be done, by whom, and that it is done once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum

from accounts.models import User
from billing.errors import InvalidRequest, KeyReused, MeteringError
from billing.models import Proposal, StaffAct, Wallet
from billing.services.ledger import lock_wallet
from billing.services.requests import fingerprint
from billing.services.transactions import in_one_transaction
from billing.units import CREDIT, format_credits

Status = Proposal.Status

#: For so long what somebody did alone counts towards the limit.
COUNTED = timedelta(hours=24)
#: A proposal that nobody has decided by then is none any more.
LASTS = timedelta(days=7)


class ChangedSince(MeteringError):
    """What an act would do has changed since its doer looked at it."""

    def __init__(self) -> None:
        super().__init__("What this would do has changed since you looked at it. Look at it again.")


@dataclass(frozen=True, slots=True)
class Asked:
    """An act that a member of staff asks for, under a key that makes a second click harmless."""

    act: str
    key: str
    answers: Mapping[str, Any]
    wallet_id: int | None = None
    reason: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for the same act with the same answers."""
        return fingerprint("staff", self.act, self.wallet_id, dict(self.answers))


@dataclass(frozen=True, slots=True)
class Weighed:
    """What an act would do now: `effect` is a text that changes whenever that does.

    `credits` (millicredits) and `cents` are what it moves; one `without_limit` always needs a second person. `title`
    and `looked_at` say it in words.
    """

    effect: str
    title: str = ""
    looked_at: Sequence[Sequence[str]] = ()
    credits: int = 0
    cents: int = 0
    without_limit: bool = False

    @property
    def moves_something(self) -> bool:
        """Whether it gives or takes credits or money, and so has a limit."""
        return bool(self.credits or self.cents or self.without_limit)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an act: done, or proposed; not `is_new` when an earlier click did that."""

    done: StaffAct | None
    proposal: Proposal | None
    is_new: bool


@in_one_transaction
def do(
    asked: Asked, *, actor: User, seen: str, weigh: Callable[[], Weighed], work: Callable[[], str], now: datetime
) -> Result:
    """Do an act once per key, or propose it when its doer needs a second person; return what became of it.

    `seen` is the effect that its doer was shown, `weigh` says what it would do now, and `work` does it, in this
    transaction, and returns that in words. Raises KeyReused, ChangedSince, and what these two raise.
    """
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    if earlier := _earlier(asked, actor):
        return earlier
    if asked.wallet_id is not None:
        lock_wallet(asked.wallet_id)
    weighed = weigh()
    if weighed.effect != seen:
        raise ChangedSince
    if why_not_alone(weighed, wallet_id=asked.wallet_id, actor=actor, now=now):
        return Result(None, _propose(asked, weighed, actor, now), is_new=True)
    done = _write_down(asked, work(), actor=actor, now=now, credits=weighed.credits, cents=weighed.cents)
    return Result(done, None, is_new=True)


def why_not_alone(weighed: Weighed, *, wallet_id: int | None, actor: User, now: datetime) -> str:
    """Return why an act needs a second person, as a sentence, or an empty text when it doesn't.

    All that its doer moved alone in the last 24 hours counts, so that splitting an amount changes nothing.
    """
    if not weighed.moves_something:
        return ""
    if wallet_id is not None and Wallet.objects.filter(pk=wallet_id, owner=actor).exists():
        return "This is your own wallet."
    if weighed.without_limit:
        return "This gives credits without a limit."
    alone = StaffAct.objects.filter(actor=actor, proposal=None, done_at__gt=now - COUNTED).aggregate(
        credits=Sum("credits", default=0), cents=Sum("cents", default=0)
    )
    credits_limit, cents_limit = settings.STAFF_LIMIT_CREDITS * CREDIT, settings.STAFF_LIMIT_CENTS
    if weighed.credits and alone["credits"] + weighed.credits > credits_limit:
        limit = f"{format_credits(credits_limit)} credits"
        return _above(limit, f"{format_credits(alone['credits'])} credits" if alone["credits"] else "")
    if weighed.cents and alone["cents"] + weighed.cents > cents_limit:
        return _above(_dollars(cents_limit), _dollars(alone["cents"]) if alone["cents"] else "")
    return ""


def approve(proposal_id: int, *, approver: User, work: Callable[[], str], now: datetime) -> StaffAct:
    """Do what somebody else proposed, in the caller's transaction, and return what was done.

    `work` does it and says so in words. Raises InvalidRequest for one's own proposal, one about one's own wallet, and
    one that was decided or is too old, and what `work` raises.
    """
    proposal = lock(proposal_id)
    require_waiting(proposal, now=now)
    proposer = proposal.proposed_by
    if proposer is None or not proposer.is_active:
        raise InvalidRequest("Whoever proposed this has left. Somebody else has to propose it anew.")
    if proposer == approver:
        raise InvalidRequest("You proposed this yourself: somebody else has to approve it.")
    if proposal.wallet is not None and proposal.wallet.owner == approver:
        raise InvalidRequest("This is about your own wallet: somebody else has to approve it.")
    outcome = work()
    _decide(proposal, Status.APPROVED, by=approver, now=now, outcome=outcome)
    asked = Asked(proposal.act, proposal.key, proposal.answers, proposal.wallet_id)
    amounts = {"credits": proposal.credits, "cents": proposal.cents}
    return _write_down(asked, outcome, actor=proposer, now=now, proposal=proposal, **amounts)


def decline(proposal_id: int, *, actor: User, refusal: str, now: datetime) -> Proposal:
    """Decline what somebody else proposed, in the caller's transaction. Raises InvalidRequest."""
    proposal = lock(proposal_id)
    require_waiting(proposal, now=now)
    if proposal.proposed_by == actor:
        raise InvalidRequest("You proposed this yourself: you can withdraw it.")
    return _decide(proposal, Status.DECLINED, by=actor, now=now, refusal=refusal.strip())


def withdraw(proposal_id: int, *, actor: User, now: datetime) -> Proposal:
    """Take one's own proposal back, in the caller's transaction. Raises InvalidRequest."""
    proposal = lock(proposal_id)
    require_waiting(proposal, now=now)
    if proposal.proposed_by != actor:
        raise InvalidRequest("Somebody else proposed this: you can decline it.")
    return _decide(proposal, Status.WITHDRAWN, by=actor, now=now)


def expire(*, now: datetime) -> int:
    """End the proposals that nobody has decided in seven days; return how many."""
    waiting = Proposal.objects.filter(status=Status.WAITING, proposed_at__lte=now - LASTS)
    return waiting.update(status=Status.EXPIRED, decided_at=now)


def erase(wallet: Wallet, *, now: datetime) -> None:
    """Forget the words that were written about a wallet's owner, and what waits to be done to it."""
    of_wallet = Proposal.objects.filter(wallet=wallet)
    of_wallet.filter(status=Status.WAITING).update(status=Status.EXPIRED, decided_at=now)
    of_wallet.update(reason="", refusal="")


def lock(proposal_id: int) -> Proposal:
    """Lock a proposal, its wallet before it, and return it as it is now."""
    wallet_id = Proposal.objects.values_list("wallet_id", flat=True).get(pk=proposal_id)
    if wallet_id is not None:
        lock_wallet(wallet_id)
    rows = Proposal.objects.select_related("wallet__owner", "proposed_by", "decided_by")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=proposal_id)


def require_waiting(proposal: Proposal, *, now: datetime) -> None:
    """Raise InvalidRequest unless a proposal waits for a second person."""
    if proposal.status != Status.WAITING:
        by = f" by {proposal.decided_by}" if proposal.decided_by else ""
        raise InvalidRequest(f"It was decided{by} already: {proposal.get_status_display().lower()}.")
    if proposal.proposed_at <= now - LASTS:
        raise InvalidRequest("It waited for more than seven days. Somebody has to propose it anew.")


def _earlier(asked: Asked, actor: User) -> Result | None:
    """Return what an earlier click under this key came to; raises KeyReused when that was another act."""
    done = StaffAct.objects.filter(key=asked.key).first()
    proposal = Proposal.objects.filter(key=asked.key).first()
    if done is None and proposal is None:
        return None
    for first, by in ((done, done and done.actor_id), (proposal, proposal and proposal.proposed_by_id)):
        if first is not None and (first.fingerprint != asked.fingerprint or by != actor.pk):
            raise KeyReused("This form was used for something else already.")
    return Result(done, proposal, is_new=False)


def _propose(asked: Asked, weighed: Weighed, actor: User, now: datetime) -> Proposal:
    return Proposal.objects.create(
        act=Proposal.Act(asked.act),
        wallet_id=asked.wallet_id,
        title=weighed.title,
        answers=asked.answers,
        looked_at=weighed.looked_at,
        effect=weighed.effect,
        reason=asked.reason,
        key=asked.key,
        fingerprint=asked.fingerprint,
        credits=weighed.credits,
        cents=weighed.cents,
        proposed_by=actor,
        proposed_at=now,
    )


def _decide(proposal: Proposal, status: Proposal.Status, *, by: User, now: datetime, **more: str) -> Proposal:
    proposal.status, proposal.decided_by, proposal.decided_at = status, by, now
    for name, value in more.items():
        setattr(proposal, name, value)
    proposal.save(update_fields=["status", "decided_by", "decided_at", *more])
    return proposal


def _write_down(
    asked: Asked,
    outcome: str,
    *,
    actor: User,
    now: datetime,
    credits: int,  # noqa: A002  (what it is called everywhere)
    cents: int,
    proposal: Proposal | None = None,
) -> StaffAct:
    return StaffAct.objects.create(
        actor=actor,
        act=asked.act,
        wallet_id=asked.wallet_id,
        proposal=proposal,
        key=asked.key,
        fingerprint=asked.fingerprint,
        credits=credits,
        cents=cents,
        outcome=outcome,
        done_at=now,
    )


def _above(limit: str, alone: str) -> str:
    before = f", and you have moved {alone} alone in the last 24 hours" if alone else ""
    return f"This is more than the {limit} that one may move alone{before}."


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"
