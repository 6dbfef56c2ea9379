"""Adjusting credits: an amount and a reason, and one entry however often the button is pressed (decision 26)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from billing.admin.acts import Act, Change
from billing.admin.deeds import PROPOSABLE, Doing, Look, Outcome
from billing.admin.forms import AdjustmentForm
from billing.admin.reading import name_of
from billing.admin.tables import page_of, show_moment
from billing.admin.wallet_acts import WalletDeed, settled
from billing.errors import InvalidRequest
from billing.models import Proposal
from billing.services import grants
from billing.units import format_credits

ADJUST = "billing.adjust_wallet"


@PROPOSABLE.add
class Adjust(WalletDeed):
    """Give credits, which may expire, or take them as far as they are there."""

    act, address, permission, form_class = Proposal.Act.ADJUSTMENT, "adjust", ADJUST, AdjustmentForm

    def describe(self) -> Act:
        wallet = settled(self.row)
        unlimited = "It is unlimited: usage burns nothing. " if wallet.unlimited else ""
        return Act(
            title=f"Adjust the credits of {name_of(wallet)}",
            button="Post the adjustment",
            back_url=page_of(wallet),
            words=f"{format_credits(wallet.available)} credits are available, {format_credits(wallet.held)} held."
            f" {unlimited}What is taken stops at what is available.",
            row=wallet,
        )

    def answers(self, form: forms.Form) -> dict[str, Any]:
        expires_at = form.cleaned_data["expires_at"]
        return {
            "amount": form.cleaned_data["amount"],
            "expires_at": expires_at.isoformat() if expires_at else None,
        }

    def look(self, answers: Mapping[str, Any]) -> Look:
        wallet = settled(self.row)
        amount, expires_at = max(answers["amount"], -wallet.available), _moment(answers["expires_at"])
        grants.check_expiry(expires_at, after=timezone.now())
        if amount == 0:
            raise InvalidRequest("There is nothing left to take from this wallet.")
        found = [Change("Available", format_credits(wallet.available), format_credits(wallet.available + amount))]
        if amount > 0:
            expiry = f"expires {show_moment(expires_at)}" if expires_at else "never expires"
            found.append(Change("Adjustment grant", "–", f"{format_credits(amount)}, {expiry}"))
        else:
            found.append(Change("Taken, in burn-down order", "–", format_credits(-amount)))
        return Look(
            found,
            effect=f"{amount} {wallet.unlimited}",
            title=f"{'Give' if amount > 0 else 'Take'} {format_credits(abs(amount))} credits",
            credits=abs(amount),
        )

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        entry = grants.adjust(
            wallet_id=self.row.pk,
            amount=answers["amount"],
            reason=doing.reason,
            actor=doing.actor,
            key=doing.key,
            now=doing.now,
            expires_at=_moment(answers["expires_at"]),
        )
        moved = f"{signed(entry.available_change)} credits"
        return Outcome(
            said=f"Entry #{entry.sequence}: {moved}, {format_credits(entry.available_after)} available after it.",
            logged=f"{moved}, entry #{entry.sequence}.",
        )


def signed(millicredits: int) -> str:
    """Return an amount with its sign: "+25", "−3.5"."""
    return f"{'+' if millicredits > 0 else ''}{format_credits(millicredits)}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
