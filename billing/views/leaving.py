"""Settings → Your data: deleting an account, with all that goes with it said before."""

from allauth.account.decorators import reauthentication_required
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from billing.errors import InvalidRequest
from billing.forms import LeavingForm
from billing.selectors import leaving as selectors
from billing.services import departures, leaving
from billing.views.wallets import GOODBYE, SignedInRequest, with_wallet


@require_safe
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth's has no types
@with_wallet
def leave(request: SignedInRequest) -> HttpResponse:
    """Say what is lost and what stays, and ask for the address."""
    return _ask(request, LeavingForm(email=request.user.email))


@require_POST
@login_not_required
@sensitive_post_parameters("address")
def delete_account(request: HttpRequest) -> HttpResponse:
    """Delete the account once its address is typed; a second click, which nobody is logged in for, says goodbye too."""
    return _delete(request) if request.user.is_authenticated else redirect(GOODBYE)


@require_safe
@login_not_required
def goodbye(request: HttpRequest) -> HttpResponse:
    """Say that the account is gone."""
    return redirect("personal:data") if request.user.is_authenticated else render(request, "billing/goodbye.html")


@reauthentication_required  # type: ignore[untyped-decorator]  # allauth's has no types
@with_wallet
def _delete(request: SignedInRequest) -> HttpResponse:
    form = LeavingForm(request.POST, email=request.user.email)
    if not form.is_valid():
        return _ask(request, form)
    try:
        leaving.delete_account(user_id=request.user.pk, now=timezone.now())
    except InvalidRequest as refusal:
        form.add_error(None, str(refusal))
        return _ask(request, form)
    logout(request)
    return redirect(GOODBYE)


def _ask(request: SignedInRequest, form: LeavingForm) -> HttpResponse:
    wallet, now = request.user.wallet, timezone.now()
    context = {
        "form": form,
        "losses": selectors.losses(wallet, now=now),
        "remembered_until": departures.remembered_until(wallet, now=now),
    }
    return render(request, "billing/leave.html", context)
