"""The ledger, and the receipt of each entry."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.selectors import history as histories
from billing.selectors import receipts
from billing.views.history_address import HistoryAddress
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@require_safe
@with_wallet
def history(request: SignedInRequest) -> HttpResponse:
    """Show a page of the ledger, newest first."""
    wallet = request.user.wallet
    address = HistoryAddress(request.GET, wallet, now=timezone.now())
    page = histories.page(wallet, address.filters, before=address.before, after=address.after, names=address.sources)
    context = {
        "wallet": wallet,
        "address": address,
        "page": page,
        "older": address.older(page.older) if page.older else "",
        "newer": address.newer(page.newer) if page.newer else "",
    }
    return render(request, "billing/_history.html" if wants_fragment(request) else "billing/history.html", context)


@require_safe
@with_wallet
def receipt(request: SignedInRequest, sequence: int) -> HttpResponse:
    """Show one entry in full, and the way to its neighbours among what the filters find; nobody else's are found."""
    wallet = request.user.wallet
    found = receipts.receipt(wallet, sequence)
    if found is None:
        raise Http404("This wallet has no such entry.")
    address = HistoryAddress(request.GET, wallet, now=timezone.now())
    older, newer = histories.neighbours(wallet, address.filters, sequence)
    context = {
        "receipt": found,
        "entry": found.entry,
        "address": address,
        "older": address.receipt(older) if older else "",
        "newer": address.receipt(newer) if newer else "",
    }
    return render(request, "billing/receipt.html", context)
