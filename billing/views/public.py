"""What everybody may read: how credits work, and what they cost. Everything comes from the catalog as it is now."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from billing.views.calculators import read_calculator


@require_safe
@cache_control(no_cache=True)
@login_not_required
def pricing(request: HttpRequest) -> HttpResponse:
    """Show plans, packs and prices, with a calculator."""
    context = {"calculator": read_calculator(request.GET.dict(), now=timezone.now())}
    return render(request, "billing/public/pricing.html", context)
