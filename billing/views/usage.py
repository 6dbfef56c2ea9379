"""Usage by feature, for one cycle."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.selectors import balance as balances
from billing.selectors import charts
from billing.selectors import usage as usages
from billing.views.addresses import whole_number
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

MOST_SERIES = 6


@require_safe
@with_wallet
def usage(request: SignedInRequest) -> HttpResponse:
    """Show what one cycle's credits went to, this cycle's unless the address names an earlier one."""
    balance = balances.current(request.user.wallet)
    this_cycle = balance.wallet.cycle
    asked = request.GET.get("cycle", "")
    number = whole_number(asked)
    is_known = number is not None and 1 <= number <= this_cycle
    cycle_usage = usages.of_cycle(balance.wallet, number if number is not None and is_known else this_cycle)
    days = usages.days_of_cycle(balance.wallet, cycle_usage, MOST_SERIES)
    names = [row.feature.name for row in cycle_usage.rows]
    context = {
        "balance": balance,
        "usage": cycle_usage,
        "days": days,
        "charts": [charts.columns(days, size) for size in (charts.WIDE, charts.NARROW)],
        "outside": cycle_usage.cost - sum(day.cost for day in days),
        "legend": [*names[:MOST_SERIES], *(["Other"] if len(names) > MOST_SERIES else [])],
        "this_cycle": this_cycle,
        "last_cycle": this_cycle - 1,
        "ignored": [f"cycle “{asked[:40]}”"] if asked and not is_known else [],
    }
    return render(request, "billing/_usage.html" if wants_fragment(request) else "billing/usage.html", context)
