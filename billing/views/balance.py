"""The live balance in the header, and the warnings below it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from billing.selectors import balance as balances
from billing.services import notices
from billing.services.wallets import settled_wallet
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@require_safe
def balance(request: SignedInRequest) -> HttpResponse:
    """Answer the header's poll: nothing (204) while it shows what is true, else the chip and what changed with it."""
    now = timezone.now()
    shown = request.GET.get("shown", "")
    if shown == balances.shown_now(owner_id=request.user.pk, now=now):
        return HttpResponse(status=204)
    wallet = settled_wallet(owner=request.user, now=now)
    if wallet is None:
        return HttpResponse(status=204)
    current = balances.current(wallet)
    context: dict[str, object] = {"balance": current}
    if shown.partition("-")[2] != current.shown.partition("-")[2]:
        context["banners"] = balances.banners(current.wallet, now=now)
    response = render(request, "billing/_balance_poll.html", context)
    response["HX-Trigger"] = "balance-moved"
    return response


@require_POST
@with_wallet
def dismiss(request: SignedInRequest, notice_id: int) -> HttpResponse:
    """Hide one warning for good and stay on the page."""
    notices.dismiss(wallet=request.user.wallet, notice_id=notice_id, now=timezone.now())
    if wants_fragment(request):
        return HttpResponse()
    return redirect(_way_back(request))


def _way_back(request: HttpRequest) -> str:
    """Return the address of the page that the form was on, if it is one of ours."""
    page = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if safe else reverse("billing:overview")
