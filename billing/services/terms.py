"""What a wallet is on, and putting a contract in force or ending it (decision 12)."""

from dataclasses import dataclass
from datetime import datetime

from billing.errors import InvalidRequest
from billing.models import Plan, Subscription, Wallet
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
        monthly = "unlimited" if self.allowance is None else f"{monthly_words(self.allowance)} a month"
        return f"{self.plan}, {monthly}"


def contract(allowance: int | None) -> Terms:
    """Return a contract for so many millicredits a month; None is the plan's own number, or unlimited."""
    return Terms(Plan.objects.get(pk=CONTRACT), allowance)


def free() -> Terms:
    """Return what a wallet returns to."""
    return Terms(Plan.objects.get(pk=FREE), None)


def present(wallet: Wallet) -> Terms:
    """Return the terms that a wallet is on, read afresh."""
    subscription = subscription_of(wallet)
    return Terms(subscription.plan, subscription.allowance)


def state_of(wallet: Wallet) -> str:
    """Return a text that changes whenever the plan or the cycle does."""
    subscription = subscription_of(wallet)
    return f"{subscription.plan_id} {subscription.allowance} {subscription.period_started_at.isoformat()}"


@in_one_transaction
def put_in_force(wallet: Wallet, terms: Terms, *, now: datetime) -> bool:
    """Put terms in force; return False when they are already.

    Raises InvalidRequest when there is no contract to end, and what `begin_contract` raises.
    """
    lock_wallet(wallet.pk)
    before = present(wallet)
    if before == terms:
        return False
    if terms.is_contract:
        subscriptions.begin_contract(wallet_id=wallet.pk, allowance=terms.own_allowance, now=now)
    elif before.is_contract:
        subscriptions.return_to_free(wallet_id=wallet.pk, now=now)
    else:
        raise InvalidRequest("This wallet has no contract that could end.")
    return True


def subscription_of(wallet: Wallet) -> Subscription:
    """Return a wallet's subscription with its plan, read afresh."""
    return Subscription.objects.select_related("plan").get(wallet=wallet)


def monthly_words(allowance: int | None) -> str:
    """Return how many millicredits a month there are, as people read it."""
    return "Unlimited" if allowance is None else f"{format_credits(allowance)} credits"
