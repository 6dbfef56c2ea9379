"""Asking for an Enterprise contract."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.forms import ContractForm
from billing.selectors import balance as balances
from billing.services import contracts
from billing.views.wallets import SignedInRequest, with_wallet


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def contract(request: SignedInRequest) -> HttpResponse:
    """Show the form, keep what was asked, and show what waits for an answer."""
    wallet = request.user.wallet
    form = ContractForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        contracts.request_contract(wallet=wallet, **form.cleaned_data, now=timezone.now())
        messages.success(request, "Your request is on its way to our sales team.")
        return redirect("billing:contract")
    context = {
        "form": form,
        "waiting": contracts.open_request(wallet),
        "subscription": balances.subscription_of(wallet),
    }
    return render(request, "billing/contract.html", context)
