"""Credit packs: buying them, and what was bought."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import gateway
from billing.models import Purchase
from billing.selectors import balance as balances
from billing.selectors import sales
from billing.services import checkouts
from billing.views.refusals import only_by_button, while_suspended, with_refusals
from billing.views.wallets import SignedInRequest, with_wallet


@require_safe
@with_wallet
def buy(request: SignedInRequest) -> HttpResponse:
    """Show the packs on sale, payments on their way, and what was bought."""
    balance = balances.current(request.user.wallet)
    bought = sales.packs_bought(balance.wallet)
    context = {
        "balance": balance,
        "packs": sales.packs_on_sale(),
        "bought": bought,
        "seen": _seen(bought[0].purchase if bought else None),
        "on_their_way": sales.payments_on_their_way(balance.wallet),
        "now": timezone.now(),
    }
    return render(request, "billing/buy.html", context)


@only_by_button("billing:buy")
@with_wallet
@with_refusals
def buy_pack(request: SignedInRequest, code: str) -> HttpResponse:
    """Lead to Stripe's page where the pack is paid: a second click leads to the same one.

    A page that is older than the last purchase, as after going back in the browser, doesn't sell: it may be a mistake.
    """
    if request.user.wallet.suspended_at:
        return while_suspended(request)
    if _is_older_than_a_purchase(request):
        return redirect("billing:buy")
    checkout = checkouts.begin_pack(wallet=request.user.wallet, pack=code, now=timezone.now())
    # Looking for an open session may have found that it was paid a moment ago.
    return redirect("billing:buy") if _is_older_than_a_purchase(request) else redirect(checkout.url)


@require_safe
@with_wallet
@with_refusals
def payment_receipt(request: SignedInRequest, purchase_id: int) -> HttpResponse:
    """Lead to Stripe's own receipt of a purchase."""
    purchase = sales.pack_purchase(request.user.wallet, purchase_id)
    if purchase is None:
        raise Http404("This wallet has no such purchase.")
    payment_id = purchase.stripe_payment_intent_id
    address = gateway.receipt_url_of(payment_id) if payment_id else ""
    if not address:
        messages.info(request, "Stripe has no receipt for this payment.")
        return redirect("billing:buy")
    return redirect(address)


def _is_older_than_a_purchase(request: SignedInRequest) -> bool:
    """Return whether the page that was sent shows fewer purchases than there are; the person is told so."""
    newest = sales.newest_pack_purchase(request.user.wallet)
    if newest is None or newest.pack is None or request.POST.get("seen") == _seen(newest):
        return False
    messages.warning(request, f"You have bought {newest.pack.name} meanwhile. Buy again if you want more.")
    return True


def _seen(newest: Purchase | None) -> str:
    """Return what a page remembers of the purchases that it was made after."""
    return str(newest.pk) if newest else ""
