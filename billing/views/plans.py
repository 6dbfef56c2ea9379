"""The plans, and changing from one to another."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.selectors import balance as balances
from billing.selectors import plans as selectors
from billing.selectors import sales
from billing.services import checkouts, contracts
from billing.views.refusals import only_by_button, while_suspended, with_refusals
from billing.views.wallets import SignedInRequest, with_wallet


@require_safe
@with_wallet
def plans(request: SignedInRequest) -> HttpResponse:
    """Show the plans with what each would change, and what Stripe knows of payments below."""
    now = timezone.now()
    balance = balances.current(request.user.wallet)
    context = {
        "balance": balance,
        "choice": selectors.choice(balance, now=now),
        "waiting": contracts.open_request(balance.wallet),
        "is_customer": bool(sales.stripe_customer_id_of(balance.wallet)),
    }
    return render(request, "billing/plans.html", context)


@only_by_button("billing:plans")
@with_wallet
@with_refusals
def choose_plan(request: SignedInRequest, code: str) -> HttpResponse:
    """Lead to Stripe's page where the plan is paid: a second click leads to the same one."""
    if request.user.wallet.suspended_at:
        return while_suspended(request)
    checkout = checkouts.begin_plan(wallet=request.user.wallet, plan=code, now=timezone.now())
    return redirect(checkout.url)
