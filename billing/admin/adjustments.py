"""Adjust credits: an amount and a reason, a preview, and one entry however often the button is pressed."""

from uuid import UUID, uuid4

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from accounts.models import User
from billing.admin import acts
from billing.admin.acts import Change
from billing.admin.forms import AdjustmentForm
from billing.admin.tables import show_moment
from billing.models import LedgerEntry, Wallet
from billing.services import grants
from billing.services.transactions import in_one_transaction
from billing.units import format_credits


def changes(wallet: Wallet, form: AdjustmentForm) -> list[Change]:
    """Return what a valid form would do to a wallet, or an empty list when there is nothing to take."""
    amount = max(form.cleaned_data["amount"], -wallet.available)
    if amount == 0:
        return []
    expires_at = form.cleaned_data["expires_at"]
    found = [Change("Available", format_credits(wallet.available), format_credits(wallet.available + amount))]
    if amount > 0:
        expiry = f"expires {show_moment(expires_at)}" if expires_at else "never expires"
        found.append(Change("Adjustment grant", "–", f"{format_credits(amount)}, {expiry}"))
    else:
        found.append(Change("Taken, in burn-down order", "–", format_credits(-amount)))
    return found


def new_key() -> UUID:
    """Return a key for one adjustment; it travels with the preview."""
    return uuid4()


@in_one_transaction
def post(*, wallet: Wallet, form: AdjustmentForm, actor: User) -> tuple[LedgerEntry, bool]:
    """Post a valid form's adjustment with a line in the staff's log; return the entry and whether it is new.

    The log has the amount and the entry's number; the reason stays in the entry's note alone. Raises what
    `grants.adjust` raises.
    """
    answers = form.cleaned_data
    entry = grants.adjust(
        wallet_id=wallet.pk,
        amount=answers["amount"],
        reason=answers["reason"],
        actor=actor,
        key=f"adjustment-form:{answers['key']}",
        now=timezone.now(),
        expires_at=answers["expires_at"],
    )
    message = f"{signed(entry.available_change)} credits, entry #{entry.sequence}."
    logged = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Wallet), object_id=str(wallet.pk), change_message=message
    )
    if logged.exists():
        return entry, False
    acts.log(actor=actor, row=wallet, message=message)
    return entry, True


def signed(millicredits: int) -> str:
    """Return an amount with its sign: "+25", "−3.5"."""
    return f"{'+' if millicredits > 0 else ''}{format_credits(millicredits)}"
