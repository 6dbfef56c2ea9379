"""Which mails somebody wants, and what they let go unasked."""

from django.contrib import messages as flashes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.forms import LimitsForm
from billing.selectors import limits as effects
from billing.selectors import messages as selectors
from billing.services import messages, wallets
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def preferences(request: SignedInRequest) -> HttpResponse:
    """Show the limits with their effect and the mails that can be switched off, and take the choice of mails."""
    wallet = request.user.wallet
    if request.method == "POST":
        now = timezone.now()
        for choice in selectors.preferences(wallet):
            messages.set_preference(wallet=wallet, topic=choice.topic, is_wanted=choice.topic in request.POST, now=now)
        flashes.success(request, "Your preferences are saved.")
        return redirect("billing:preferences")
    return _page(request, LimitsForm.of(wallet))


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def limits(request: SignedInRequest) -> HttpResponse:
    """Take the limits, or say on the page what can't be taken, with what was typed."""
    if request.method != "POST":
        return redirect("billing:preferences")
    form = LimitsForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    wallets.set_limits(wallet_id=request.user.wallet.pk, **form.cleaned_data)
    flashes.success(request, "Your limits are saved.")
    return redirect("billing:preferences")


@require_safe
@with_wallet
def limits_effect(request: SignedInRequest) -> HttpResponse:
    """Show what limits that are being typed would mean; what can't be one yet counts as it is set."""
    if not wants_fragment(request):
        return redirect("billing:preferences")
    form = LimitsForm(request.GET)
    form.is_valid()
    return render(request, "billing/_limits_effect.html", {"effect": _effect(request, form)})


def _page(request: SignedInRequest, form: LimitsForm) -> HttpResponse:
    context = {
        "choices": selectors.preferences(request.user.wallet),
        "form": form,
        "effect": _effect(request, form),
    }
    return render(request, "billing/preferences.html", context)


def _effect(request: SignedInRequest, form: LimitsForm) -> effects.Effect:
    """Return what the limits in a form would mean, with the wallet's own for those that it doesn't have."""
    wallet = request.user.wallet
    given = form.cleaned_data if form.is_bound else {}
    return effects.effect(
        wallet,
        max_output_tokens=given.get("max_output_tokens", wallet.max_output_tokens),
        confirm_above=given.get("confirm_above", wallet.confirm_above),
        now=timezone.now(),
    )
