"""Settings → Billing: where the credits are."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.selectors import balance as balances
from billing.selectors import bars, history, usage
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

RECENT_LINES = 6


@require_safe
@with_wallet
def overview(request: SignedInRequest) -> HttpResponse:
    """Show the balance by source, this cycle, the plan, usage by feature and what happened last."""
    balance = balances.current(request.user.wallet)
    context = {
        "balance": balance,
        "segments": bars.stacked([portion.left for portion in balance.portions]),
        "pace": balances.pace(balance.wallet, now=timezone.now()),
        "subscription": balances.subscription_of(balance.wallet),
        "usage": usage.of_cycle(balance.wallet, balance.wallet.cycle),
        "lines": history.recent(balance.wallet, RECENT_LINES),
        "now": timezone.now(),
    }
    return render(request, "billing/_overview.html" if wants_fragment(request) else "billing/overview.html", context)
