"""What a contract makes of a wallet: shown first, then put in force once, with a line in the staff's log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from billing.admin import acts
from billing.admin.acts import Change
from billing.admin.forms import ContractForm
from billing.admin.tables import show_moment
from billing.admin.wording import left_of
from billing.errors import InvalidRequest
from billing.models import Grant, Plan, Subscription, Wallet
from billing.periods import period_start
from billing.selectors import chatbots
from billing.services import subscriptions
from billing.services.cycles import CONTRACT, FREE
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction
from billing.units import format_credits


@dataclass(frozen=True, slots=True)
class Terms:
    """A plan, and the millicredits a month where a contract has its own number."""

    plan: Plan
    own_allowance: int | None

    @property
    def is_contract(self) -> bool:
        return self.plan.pk == CONTRACT

    @property
    def allowance(self) -> int | None:
        """Millicredits a month; None is unlimited."""
        return self.plan.allowance if self.own_allowance is None else self.own_allowance

    def __str__(self) -> str:
        monthly = "unlimited" if self.allowance is None else f"{_monthly(self.allowance)} a month"
        return f"{self.plan}, {monthly}"


def asked(form: ContractForm) -> Terms:
    """Return what a valid form asks for."""
    return Terms(Plan.objects.get(pk=CONTRACT), form.cleaned_data["allowance"])


def free() -> Terms:
    """Return what a wallet returns to."""
    return Terms(Plan.objects.get(pk=FREE), None)


def present(wallet: Wallet) -> Terms:
    """Return the terms that a wallet is on, read afresh."""
    subscription = _subscription(wallet)
    return Terms(subscription.plan, subscription.allowance)


def state_of(wallet: Wallet) -> str:
    """Return a text that changes whenever the plan or the cycle does."""
    subscription = _subscription(wallet)
    return f"{subscription.plan_id} {subscription.allowance} {subscription.period_started_at.isoformat()}"


def changes(wallet: Wallet, terms: Terms, *, now: datetime) -> Sequence[Change]:
    """Return what putting terms in force would change."""
    before, subscription = present(wallet), _subscription(wallet)
    monthly = wallet.grants.filter(source=Grant.Source.ALLOWANCE, closed_at=None).exclude(opened_at=None)
    left = sum(left_of(grant) for grant in monthly.select_related("wallet"))
    others = wallet.available - left
    found = [
        Change("Plan", str(before.plan), str(terms.plan)),
        Change("Credits a month", _monthly(before.allowance), _monthly(terms.allowance)),
        Change("Monthly credits left", format_credits(left), format_credits(terms.allowance or 0)),
        Change("Bought and other credits", format_credits(others), format_credits(others)),
        Change("Available", _available(before, wallet.available), _available(terms, others + (terms.allowance or 0))),
        Change("Cycle ends", show_moment(subscription.period_ends_at), show_moment(period_start(now, 1))),
    ]
    bots, limit = chatbots.counts(wallet), terms.plan.chatbot_limit
    if bots.all:
        after = bots.active - bots.pausing_under(limit) + bots.resuming_under(limit)
        found.append(Change("Active chatbots", f"{bots.active:,}", f"{after:,}"))
    return found


@in_one_transaction
def put_in_force(wallet: Wallet, terms: Terms, *, seen: str, actor: User, reason: str, now: datetime) -> bool:
    """Put previewed terms in force with a line in the staff's log; return False when they are already.

    Raises InvalidRequest when the plan has changed since it was `seen`, and what `begin_contract` raises.
    """
    lock_wallet(wallet.pk)
    if present(wallet) == terms:
        return False
    if seen != state_of(wallet):
        raise InvalidRequest("The plan or its cycle has changed since you looked at it. Look again before you do this.")
    if terms.is_contract:
        subscriptions.begin_contract(wallet_id=wallet.pk, allowance=terms.own_allowance, now=now)
    elif present(wallet).is_contract:
        subscriptions.return_to_free(wallet_id=wallet.pk, now=now)
    else:
        raise InvalidRequest("This wallet has no contract that could end.")
    acts.log(actor=actor, row=wallet, message=f"Put on {terms}: {reason}")
    return True


def _subscription(wallet: Wallet) -> Subscription:
    return Subscription.objects.select_related("plan").get(wallet=wallet)


def _monthly(allowance: int | None) -> str:
    return "Unlimited" if allowance is None else f"{format_credits(allowance)} credits"


def _available(terms: Terms, available: int) -> str:
    return "Unlimited" if terms.allowance is None else format_credits(available)
