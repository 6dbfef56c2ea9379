"""The start page, and Settings → Billing: where the credits are."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import Wallet
from billing.selectors import balance as balances
from billing.selectors import bars, history, sales, usage
from billing.selectors import forecast as forecasts
from billing.selectors.expiring import expiring
from billing.services.wallets import settled_wallet
from billing.views.wallets import SignedInRequest, as_signed_in, wants_fragment, with_wallet

RECENT_LINES = 6


@require_safe
@with_wallet
def overview(request: SignedInRequest) -> HttpResponse:
    """Show the balance by source, this cycle, the plan, usage by feature and what happened last."""
    context = _figures(request.user.wallet)
    wallet = request.user.wallet
    subscription = balances.subscription_of(wallet)
    context["subscription"] = subscription
    context["is_renewing"] = balances.is_renewing(subscription, wallet, now=timezone.now())
    context["is_customer"] = bool(sales.stripe_customer_id_of(wallet))
    return render(request, "billing/_overview.html" if wants_fragment(request) else "billing/overview.html", context)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Greet whoever is signed in with what they have, what this cycle took and what happened last."""
    signed_in = as_signed_in(request)
    wallet = settled_wallet(owner=signed_in.user, now=timezone.now())
    context = _figures(wallet) if wallet else {}
    return render(request, "billing/_start.html" if wants_fragment(signed_in) and wallet else "home.html", context)


def _figures(wallet: Wallet) -> dict[str, object]:
    """Return what the start page and the overview both show."""
    now = timezone.now()
    balance = balances.current(wallet)
    ahead = forecasts.forecast(balance.wallet, now=now)
    return {
        "balance": balance,
        "expiring": expiring(balance, now=now),
        "segments": bars.stacked([portion.left for portion in balance.portions]),
        "forecast": ahead,
        "pace": ahead.pace,
        "sparks": list(zip(ahead.days, bars.sparks([day.cost for day in ahead.days]), strict=True)),
        "usage": usage.of_cycle(balance.wallet, balance.wallet.cycle),
        "lines": history.recent(balance.wallet, RECENT_LINES),
        "now": now,
    }
