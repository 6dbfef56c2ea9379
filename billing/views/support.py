"""Asking our support."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.forms import SupportForm
from billing.models import SupportRequest, Wallet
from billing.selectors import support as selectors
from billing.services import support
from billing.services.support import TooManyOpenRequests
from billing.views.addresses import whole_number
from billing.views.wallets import SignedInRequest, with_wallet

PAGE = "support:requests"


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def requests(request: SignedInRequest) -> HttpResponse:
    """Show the form with the level of the plan, keep what was asked, and list what was asked before."""
    wallet = request.user.wallet
    form = SupportForm(request.POST or None, initial=_about(request, wallet))
    if request.method == "POST" and form.is_valid():
        try:
            support.ask(wallet=wallet, **form.cleaned_data, now=timezone.now())
        except TooManyOpenRequests as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "We have your request. You get a mail as soon as it is answered.")
            return redirect(PAGE)
    page = selectors.page(wallet, before=whole_number(request.GET.get("before", "")))
    is_full = page.waiting >= support.MOST_OPEN and not form.is_bound
    return render(request, "billing/support/requests.html", {"form": form, "page": page, "is_full": is_full})


def _about(request: SignedInRequest, wallet: Wallet) -> dict[str, str]:
    """Return what the form begins with: the receipt that the address names, if it is one of the wallet's."""
    entry = whole_number(request.GET.get("entry", ""))
    if entry is None or entry > wallet.sequence:
        return {}
    return {"subject": f"Receipt {entry:,}", "topic": SupportRequest.Topic.CREDITS}
