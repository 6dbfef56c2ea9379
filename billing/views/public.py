"""What everybody may read: how credits work, and what they cost. Everything comes from the catalog as it is now."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from billing.models import Plan
from billing.selectors import balance as balances
from billing.selectors import offer as offers
from billing.selectors import questions
from billing.selectors.questions import Question
from billing.services.cycles import LOW_PERCENT, VERY_LOW_PERCENT
from billing.services.wallets import settled_wallet
from billing.views.calculators import read_calculator
from billing.views.wallets import as_signed_in

logger = logging.getLogger(__name__)


@require_safe
@cache_control(no_cache=True)
@login_not_required
def credits_page(request: HttpRequest) -> HttpResponse:
    """Explain credits: how they work, what features cost, plans, policies, and questions that everybody asks."""
    now = timezone.now()
    offer = offers.offer(now=now)
    asked = questions.about_credits(offer)
    context = {
        "offer": offer,
        "current_plan": _plan_of(request, now),
        "low_percent": LOW_PERCENT,
        "very_low_percent": VERY_LOW_PERCENT,
        "questions": asked,
        "structured": _structured(asked),
    }
    return render(request, "billing/public/credits.html", context)


@require_safe
@cache_control(no_cache=True)
@login_not_required
def pricing(request: HttpRequest) -> HttpResponse:
    """Show plans, packs and prices, with a calculator and the questions about money."""
    now = timezone.now()
    offer = offers.offer(now=now)
    asked = questions.about_money(offer)
    context = {
        "offer": offer,
        "current_plan": _plan_of(request, now),
        "calculator": read_calculator(request.GET.dict(), now=now),
        "questions": asked,
        "structured": _structured(asked),
    }
    return render(request, "billing/public/pricing.html", context)


@cache_control(no_cache=True)
def landing(request: HttpRequest) -> HttpResponse:
    """Show visitors what CleverAI Credits is; while the database is away, without plans and prices."""
    try:
        offer = offers.offer(now=timezone.now())
    except OperationalError:
        logger.warning("The landing page shows no prices: the database is away.")
        offer = None
    return render(request, "landing.html", {"offer": offer})


def _plan_of(request: HttpRequest, now: datetime) -> Plan | None:
    """Return the plan of whoever is signed in."""
    if not request.user.is_authenticated:
        return None
    wallet = settled_wallet(owner=as_signed_in(request).user, now=now)
    subscription = balances.subscription_of(wallet) if wallet else None
    return subscription.plan if subscription else None


def _structured(asked: Sequence[Question]) -> dict[str, object]:
    """Return questions as search engines read them (schema.org's FAQPage)."""
    return {
        "@context": "https://schema.org",
        "@type": "FAQPage",
        "mainEntity": [
            {
                "@type": "Question",
                "name": each.question,
                "acceptedAnswer": {"@type": "Answer", "text": each.answer},
            }
            for each in asked
        ],
    }
