"""What Stripe knows of a customer: card, next charge, invoices. Asked for apart, so that no page waits for Stripe."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.errors import StripeRefused, StripeUnavailable
from billing.selectors import balance as balances
from billing.selectors import plans, sales
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

#: The card on other pages shows the newest; the page of its own shows them all.
INVOICES_IN_A_CARD = 3


@require_safe
@with_wallet
def payment(request: SignedInRequest) -> HttpResponse:
    """Show card, next charge and invoices, or that Stripe can't be asked at the moment.

    htmx swaps only what comes with a good status, so its error notice has one too.
    """
    wallet = request.user.wallet
    subscription = balances.subscription_of(wallet)
    is_fragment = wants_fragment(request)
    context: dict[str, object] = {
        "subscription": subscription,
        "is_managed": plans.is_managed_at_stripe(subscription),
        "invoices_shown": INVOICES_IN_A_CARD if is_fragment else None,
    }
    status = 200
    try:
        context["details"] = sales.payment_details(wallet)
    except (StripeUnavailable, StripeRefused):
        context["is_unknown"] = True
        status = 200 if is_fragment else 503
    return render(request, "billing/_payment.html" if is_fragment else "billing/payment.html", context, status=status)
