"""Coming back from Stripe's Checkout: paid, on its way, failed, or turned back."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import gateway
from billing.errors import MeteringError, PaymentError, StripeUnavailable
from billing.models import Checkout, Purchase
from billing.selectors import balance as balances
from billing.selectors import sales
from billing.services import checkouts
from billing.services.wallets import settled_wallet
from billing.views.addresses import whole_number
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

logger = logging.getLogger(__name__)

#: How often the page asks: each two seconds for the first half minute, each ten for five minutes, then each minute.
QUICK_ASKS, QUICK_SECONDS = 15, 2
SLOW_ASKS, SLOW_SECONDS = 45, 10
SLOWEST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a Checkout, in one word: done, paid, processing, open, failed, expired or unclear.

    "paid" is settled money whose credits are not there yet; "unclear" means that Stripe's answer can't be had or used.
    """

    checkout: Checkout
    state: str
    purchase: Purchase | None
    asked: int
    is_stripe_down: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the page keeps asking."""
        return self.state in {"paid", "processing", "open", "unclear"}

    @property
    def seconds(self) -> int:
        """How long to wait before the next question."""
        if self.asked < QUICK_ASKS:
            return QUICK_SECONDS
        return SLOW_SECONDS if self.asked < SLOW_ASKS else SLOWEST_SECONDS


@require_safe
@with_wallet
def checkout_return(request: SignedInRequest, checkout_id: UUID) -> HttpResponse:
    """Fulfil what was paid, as the webhook does, and show the new balance or how far the payment is."""
    return render(request, "billing/checkout_return.html", _context(request, checkout_id))


@require_safe
@with_wallet
def checkout_progress(request: SignedInRequest, checkout_id: UUID) -> HttpResponse:
    """Answer the return page's question what has happened meanwhile."""
    if not wants_fragment(request):
        return redirect("billing:checkout_return", checkout_id=checkout_id)
    context = _context(request, checkout_id)
    response = render(request, "billing/_checkout_progress.html", context)
    progress = context["progress"]
    if isinstance(progress, Progress) and progress.state == "done":
        response["HX-Trigger"] = "balance-changed"
    return response


@require_safe
@with_wallet
def checkout_cancelled(request: SignedInRequest, checkout_id: UUID) -> HttpResponse:
    """Say that nothing was charged, and offer the way back; whoever did pay sees what they got."""
    checkout = _checkout(request, checkout_id)
    if checkout.status in {Checkout.Status.COMPLETE, Checkout.Status.PROCESSING}:
        return redirect("billing:checkout_return", checkout_id=checkout_id)
    can_go_on = checkout.status == Checkout.Status.OPEN and checkout.expires_at > timezone.now()
    return render(request, "billing/checkout_cancelled.html", {"checkout": checkout, "can_go_on": can_go_on})


def _checkout(request: SignedInRequest, checkout_id: UUID) -> Checkout:
    checkout = sales.checkout_of(request.user.wallet, checkout_id)
    if checkout is None:
        raise Http404("This wallet has no such Checkout.")
    return checkout


def _context(request: SignedInRequest, checkout_id: UUID) -> dict[str, object]:
    """Look at the Checkout once more, and read the balance after that."""
    now = timezone.now()
    progress = _progress(request, _checkout(request, checkout_id), now=now)
    wallet = request.user.wallet
    wallet.refresh_from_db()
    settled = settled_wallet(owner=request.user, now=now) or wallet
    return {
        "progress": progress,
        "balance": balances.current(settled),
        "subscription": balances.subscription_of(settled),
        "entry": sales.entry_of(progress.purchase) if progress.purchase else None,
    }


def _progress(request: SignedInRequest, checkout: Checkout, *, now: datetime) -> Progress:
    asked = whole_number(request.GET.get("asked", "")) or 0
    is_unclear = is_stripe_down = False
    if sales.purchase_of(checkout) is None:
        try:
            checkout = _synced(request, checkout, now=now)
        except (PaymentError, MeteringError) as error:
            is_unclear, is_stripe_down = True, isinstance(error, StripeUnavailable)
            logger.warning("Checkout %s could not be looked at: %s", checkout.pk, error)
    purchase = sales.purchase_of(checkout)
    state = "done" if purchase else "unclear" if is_unclear else _state(checkout)
    return Progress(checkout, state, purchase, asked, is_stripe_down)


def _synced(request: SignedInRequest, checkout: Checkout, *, now: datetime) -> Checkout:
    """Ask Stripe about the Checkout's own session.

    Only where the answer to opening it was lost does the address tell which one it is, and then only one that carries
    our Checkout's id counts.
    """
    session_id = request.GET.get("session_id", "")
    if not checkout.stripe_session_id and session_id.startswith("cs_"):
        if gateway.fetch_session(session_id).client_reference_id != str(checkout.pk):
            raise Http404("That session belongs to another Checkout.")
        checkouts.sync_session(session_id=session_id, now=now)
    return checkouts.sync(checkout=checkout, now=now)


def _state(checkout: Checkout) -> str:
    if checkout.status == Checkout.Status.COMPLETE:
        return "paid"
    return str(checkout.status)
