"""Which mails somebody wants."""

from django.contrib import messages as flashes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.selectors import messages as selectors
from billing.services import messages
from billing.views.wallets import SignedInRequest, with_wallet


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def preferences(request: SignedInRequest) -> HttpResponse:
    """Show the mails that can be switched off, and take the choice."""
    wallet = request.user.wallet
    choices = selectors.preferences(wallet)
    if request.method == "POST":
        now = timezone.now()
        for choice in choices:
            messages.set_preference(wallet=wallet, topic=choice.topic, is_wanted=choice.topic in request.POST, now=now)
        flashes.success(request, "Your preferences are saved.")
        return redirect("billing:preferences")
    return render(request, "billing/preferences.html", {"choices": choices})
