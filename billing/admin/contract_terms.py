"""Setting a contract on a wallet and ending it: what that makes of the wallet, then doing it (decision 12)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from billing.admin.acts import Act, Change
from billing.admin.deeds import PROPOSABLE, Doing, Look, Outcome
from billing.admin.forms import ContractForm, ReasonForm
from billing.admin.reading import name_of
from billing.admin.tables import page_of, show_moment
from billing.admin.wallet_acts import WalletDeed, settled
from billing.admin.wording import left_of
from billing.errors import InvalidRequest
from billing.models import Grant, Proposal, Wallet
from billing.periods import period_start
from billing.selectors import chatbots
from billing.services import subscriptions, terms
from billing.services.terms import Terms, monthly_words
from billing.units import format_credits

SET_CONTRACT = "billing.set_contract"


@PROPOSABLE.add
class SetContract(WalletDeed):
    """A contract: unlimited, or so many credits a month."""

    act, address, permission, form_class = Proposal.Act.CONTRACT, "contract", SET_CONTRACT, ContractForm

    def describe(self) -> Act:
        return Act(
            title=f"Set a contract for {name_of(self.row)}",
            button="Set the contract",
            back_url=page_of(self.row),
            words="The monthly credits of the present plan end, and a new cycle of a month starts now. Packs stay."
            " Somebody who pays for a plan has to cancel it at Stripe first.",
            row=self.row,
        )

    def answers(self, form: forms.Form) -> dict[str, Any]:
        return {"allowance": form.cleaned_data["allowance"]}

    def look(self, answers: Mapping[str, Any]) -> Look:
        wallet, asked = settled(self.row), terms.contract(answers["allowance"])
        if asked == terms.present(wallet):
            raise InvalidRequest("That is this wallet's contract already.")
        subscriptions.refuse_while_paying(wallet.pk)
        return Look(
            changes(wallet, asked, now=timezone.now()),
            effect=terms.state_of(wallet),
            title=f"Set a contract: {asked}",
            credits=asked.allowance or 0,
            without_limit=asked.allowance is None,
        )

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        return _put(self.row, terms.contract(answers["allowance"]), doing)


class EndContract(WalletDeed):
    """A contract's end, after which the wallet is on Free."""

    act, address, permission, form_class = "contract-end", "contract/end", SET_CONTRACT, ReasonForm

    def describe(self) -> Act:
        return Act(
            title=f"End the contract of {name_of(self.row)}",
            button="End the contract",
            back_url=page_of(self.row),
            words="The wallet returns to Free now, with a new cycle and Free's monthly credits. Packs stay.",
            row=self.row,
        )

    def look(self, answers: Mapping[str, Any]) -> Look:
        wallet = settled(self.row)
        if not terms.present(wallet).is_contract:
            raise InvalidRequest("This wallet has no contract.")
        return Look(changes(wallet, terms.free(), now=timezone.now()), effect=terms.state_of(wallet))

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        return _put(self.row, terms.free(), doing)


def changes(wallet: Wallet, asked: Terms, *, now: datetime) -> Sequence[Change]:
    """Return what putting terms in force would change."""
    before, subscription = terms.present(wallet), terms.subscription_of(wallet)
    monthly = wallet.grants.filter(source=Grant.Source.ALLOWANCE, closed_at=None).exclude(opened_at=None)
    left = sum(left_of(grant) for grant in monthly.select_related("wallet"))
    others = wallet.available - left
    found = [
        Change("Plan", str(before.plan), str(asked.plan)),
        Change("Credits a month", monthly_words(before.allowance), monthly_words(asked.allowance)),
        Change("Monthly credits left", format_credits(left), format_credits(asked.allowance or 0)),
        Change("Bought and other credits", format_credits(others), format_credits(others)),
        Change("Available", _available(before, wallet.available), _available(asked, others + (asked.allowance or 0))),
        Change("Cycle ends", show_moment(subscription.period_ends_at), show_moment(period_start(now, 1))),
    ]
    bots, limit = chatbots.counts(wallet), asked.plan.chatbot_limit
    if bots.all:
        after = bots.active - bots.pausing_under(limit) + bots.resuming_under(limit)
        found.append(Change("Active chatbots", f"{bots.active:,}", f"{after:,}"))
    return found


def _put(wallet: Wallet, asked: Terms, doing: Doing) -> Outcome:
    terms.put_in_force(wallet, asked, now=doing.now)
    return Outcome(said=f"The plan is now {asked}.", logged=f"Put on {asked}: {doing.reason}")


def _available(asked: Terms, available: int) -> str:
    return "Unlimited" if asked.allowance is None else format_credits(available)
