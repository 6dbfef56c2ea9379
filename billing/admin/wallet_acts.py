"""What staff may do to a wallet besides its credits: suspend it, and resume it (decision 26)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from billing.admin.acts import Act, Change
from billing.admin.deeds import Deed, Doing, Look, Outcome
from billing.admin.forms import ReasonForm, SuspensionForm
from billing.admin.reading import name_of
from billing.admin.tables import page_of
from billing.errors import InvalidRequest, MeteringError
from billing.models import Hold, Proposal, Wallet
from billing.services import settlement, wallets

SUSPEND = "billing.suspend_wallet"


class WalletDeed(Deed):
    """An act on a wallet."""

    row: Wallet

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return Wallet.objects.select_related("owner")

    @classmethod
    def of(cls, proposal: Proposal) -> Deed:
        return cls(cls.rows().get(pk=proposal.wallet_id))

    def wallet_id(self) -> int | None:
        return self.row.pk


class Suspend(WalletDeed):
    """Refuse new use, with a reason that the owner is shown."""

    act, address, permission, form_class = "suspension", "suspend", SUSPEND, SuspensionForm

    def describe(self) -> Act:
        return Act(
            title=f"Suspend the wallet of {name_of(self.row)}",
            button="Suspend",
            back_url=page_of(self.row),
            words="New charges and holds are refused until it is resumed. Open holds still settle, nothing is lost.",
            row=self.row,
        )

    def pointless(self) -> str:
        return "It is suspended already." if self.row.suspended_at else ""

    def look(self, answers: Mapping[str, Any]) -> Look:
        if self.row.suspended_at:
            raise InvalidRequest(f"It is suspended already. Its owner is told: “{self.row.suspension_reason}”")
        return Look(
            [
                Change("New charges and holds", "Go through", "Are refused, with the reason below"),
                Change("Open holds, which still settle", *[f"{_open_holds(self.row):,}"] * 2),
            ],
            effect="suspends",
        )

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        wallets.suspend(wallet_id=self.row.pk, reason=doing.reason, now=doing.now)
        return Outcome(said="The wallet is suspended.", logged=f"Suspended: {doing.reason}")


class Resume(WalletDeed):
    """Let a suspended wallet be used again."""

    act, address, permission, form_class = "resumption", "resume", SUSPEND, ReasonForm

    def describe(self) -> Act:
        return Act(
            title=f"Resume the wallet of {name_of(self.row)}",
            button="Resume",
            back_url=page_of(self.row),
            words=f"It was suspended, and its owner is told why: “{self.row.suspension_reason}”"
            if self.row.suspended_at
            else "",
            row=self.row,
        )

    def pointless(self) -> str:
        return "" if self.row.suspended_at else "It isn’t suspended."

    def look(self, answers: Mapping[str, Any]) -> Look:
        if not self.row.suspended_at:
            raise InvalidRequest("It isn’t suspended.")
        told = self.row.suspension_reason or "Nothing"
        return Look(
            [
                Change("New charges and holds", "Are refused", "Go through"),
                Change("The owner is told", told, "Nothing"),
            ],
            effect=self.row.suspended_at.isoformat(),
        )

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        wallets.resume(wallet_id=self.row.pk)
        return Outcome(said="The wallet can be used again.", logged=f"Resumed: {doing.reason}")


def settled(wallet: Wallet) -> Wallet:
    """Return a wallet with what came due settled, so that its page shows what is true now (decision 14)."""
    now = timezone.now()
    if wallet.next_due_at is not None and wallet.next_due_at <= now:
        try:
            settlement.settle(wallet_id=wallet.pk, now=now)
        except MeteringError:
            return wallet
        wallet.refresh_from_db()
    return wallet


def _open_holds(wallet: Wallet) -> int:
    return wallet.holds.filter(status=Hold.Status.OPEN).count()
