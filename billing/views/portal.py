"""The way to Stripe's Customer Portal, and back."""

import logging

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import gateway
from billing.errors import MeteringError, PaymentError, StripeRefused
from billing.selectors import balance as balances
from billing.selectors import sales
from billing.services import paid_subscriptions
from billing.views.refusals import only_by_button, with_refusals
from billing.views.wallets import SignedInRequest, with_wallet

logger = logging.getLogger(__name__)

#: Our words for what is done there, and Stripe's.
FLOWS = {"manage": "", "card": "payment_method_update", "cancel": "subscription_cancel"}


@only_by_button("billing:plans")
@with_wallet
@with_refusals
def portal(request: SignedInRequest, flow: str) -> HttpResponse:
    """Lead to the portal: to all of it, to the card, or to the end of the subscription."""
    if flow not in FLOWS:
        raise Http404("The portal has no such task.")
    wallet = request.user.wallet
    customer_id = sales.stripe_customer_id_of(wallet)
    subscription_id = sales.stripe_subscription_id_of(balances.subscription_of(wallet))
    if not customer_id or (flow == "cancel" and not subscription_id):
        messages.info(request, "There is nothing to manage yet: you have no paid plan.")
        return redirect("billing:plans")
    return redirect(_address(flow, customer_id, subscription_id))


def _address(flow: str, customer_id: str, subscription_id: str) -> str:
    """Open the portal for a task, or all of it where the task makes no sense any more, as cancelling twice."""
    return_url = settings.SITE_URL + reverse("billing:portal_return")
    try:
        return gateway.open_portal(
            customer_id=customer_id, return_url=return_url, flow=FLOWS[flow], subscription_id=subscription_id
        )
    except StripeRefused:
        if not FLOWS[flow]:
            raise
        return gateway.open_portal(customer_id=customer_id, return_url=return_url)


@require_safe
@with_wallet
def portal_return(request: SignedInRequest) -> HttpResponse:
    """Look at once at what was changed in the portal; where that fails, Stripe's events bring it a little later."""
    wallet = request.user.wallet
    subscription_id = sales.stripe_subscription_id_of(balances.subscription_of(wallet))
    if subscription_id:
        try:
            paid_subscriptions.sync(stripe_subscription_id=subscription_id, now=timezone.now())
        except (PaymentError, MeteringError):
            logger.warning("%s could not be looked at after the portal.", subscription_id, exc_info=True)
    return redirect("billing:overview")
