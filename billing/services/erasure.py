"""Erasing a person from what billing keeps: all words of theirs and about them go, the books stay (decision 25).

What stays names nobody: amounts, times, features, Stripe's ids, and the callers' own keys and sources.
"""

from datetime import datetime

from accounts.leaving import forget, forget_in_log, logged_ids
from billing.models import (
    Chatbot,
    Checkout,
    ContractRequest,
    EntryNote,
    LedgerEntry,
    MailPreference,
    Message,
    Notice,
    Refund,
    StripeEvent,
    UsageLine,
    Wallet,
)
from billing.models.wallets import DEFAULT_MAX_OUTPUT_TOKENS
from billing.selectors.staff_log import lines_about
from billing.selectors.stripe_events import events_that_mention
from billing.services import api_keys, exports, staff_acts, support
from billing.services.transactions import in_one_transaction

ERASED_CHATBOT = "Chatbot"


def erase(wallet: Wallet, *, now: datetime) -> None:
    """Erase the words of and about a wallet's owner, in the caller's transaction, which locks and saves the wallet.

    Names of workflows' steps are left to `forget_step_names`: there may be very many.
    """
    _forget_in_log(wallet)
    support.erase(wallet)
    api_keys.erase(wallet, now=now)
    exports.erase(wallet, now=now)
    staff_acts.erase(wallet, now=now)
    for model in (ContractRequest, Message, MailPreference, Notice):
        model.objects.filter(wallet=wallet).delete()
    EntryNote.objects.filter(entry__wallet=wallet).delete()
    Refund.objects.filter(wallet=wallet).update(reason="", error="")
    unanswered = Checkout.objects.filter(wallet=wallet, status=Checkout.Status.OPEN, stripe_session_id=None)
    unanswered.update(status=Checkout.Status.EXPIRED)
    Checkout.objects.filter(wallet=wallet).update(url="")
    bots = Chatbot.objects.filter(wallet=wallet)
    bots.filter(deleted_at=None).update(deleted_at=now)
    bots.update(name=ERASED_CHATBOT)
    wallet.time_zone = "UTC"
    wallet.suspension_reason = ""
    wallet.max_output_tokens, wallet.confirm_above = DEFAULT_MAX_OUTPUT_TOKENS, None


@in_one_transaction
def forget_step_names(*, wallet_id: int) -> int:
    """Empty the names of the steps in the runs of a wallet that has no owner any more; return how many there were.

    It is the one change that the database allows in what is written down (billing/sql/nameless_lines.sql).
    """
    runs = LedgerEntry.objects.filter(wallet_id=wallet_id, feature__pricing="nodes").values("pk")
    return UsageLine.objects.filter(entry__in=runs).exclude(name="").update(name="")


def _forget_in_log(wallet: Wallet) -> None:
    forget(lines_about(wallet.pk))
    replayed = StripeEvent.objects.filter(pk__in=[each for each in logged_ids(StripeEvent) if each.isdecimal()])
    forget_in_log(StripeEvent, events_that_mention(wallet, among=replayed).values_list("pk", flat=True))
    forget_in_log(EntryNote, EntryNote.objects.filter(entry__wallet=wallet).values_list("pk", flat=True))
