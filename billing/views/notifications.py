"""What has happened to somebody's credits, newest first."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.seeing_as import is_staff_looking
from billing.selectors import messages as selectors
from billing.services import messages
from billing.views.addresses import whole_number
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@require_safe
@with_wallet
def notifications(request: SignedInRequest) -> HttpResponse:
    """Show a page of notifications; those on the first page have been seen then."""
    wallet = request.user.wallet
    before = whole_number(request.GET.get("before", ""))
    page = selectors.page(wallet, before=before)
    if page.rows and request.method == "GET" and not is_staff_looking(request):
        messages.mark_seen(wallet=wallet, newest=page.rows[0].message.pk, now=timezone.now())
    template = "billing/_notifications.html" if wants_fragment(request) else "billing/notifications.html"
    return render(request, template, {"page": page, "before": before})


@require_safe
@with_wallet
def unread(request: SignedInRequest) -> HttpResponse:
    """Show how many notifications are new, for the menu: asked when it opens, so that no page waits for it."""
    return render(request, "billing/_unread.html", {"unread": selectors.unread(request.user.wallet)})
