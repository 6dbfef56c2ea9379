"""What a person's own usage says about spending less."""

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.selectors import insights as selectors
from billing.selectors.insights import Choice
from billing.selectors.insights_tips import ANSWER_LIMITS, SIMPLE_BELOW
from billing.selectors.insights_usual import Usual
from billing.views.addresses import Reader
from billing.views.calculators import Calculator, read_calculator
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@require_safe
@with_wallet
def insights(request: SignedInRequest) -> HttpResponse:
    """Show the tips with what each would have saved, and where most of it went."""
    read = Reader(request.GET)
    choice = Choice(below=_one_of(read, "below", SIMPLE_BELOW, 500), limit=_one_of(read, "limit", ANSWER_LIMITS, 1_000))
    now = timezone.now()
    found = selectors.insights(request.user.wallet, choice, now=now)
    context = {
        "insights": found,
        "below_choices": SIMPLE_BELOW,
        "limit_choices": ANSWER_LIMITS,
        "ignored": read.ignored,
    }
    if wants_fragment(request):
        return render(request, "billing/_insights.html", context)
    context["calculator"] = _calculator(request.GET.dict(), found.usual, now=now)
    return render(request, "billing/insights.html", context)


def _calculator(asked: dict[str, str], usual: Usual | None, *, now: datetime) -> Calculator:
    """Return the calculator with what was asked, or else with the uses of the last thirty days."""
    own = usual.parameters if usual else {}
    return read_calculator(asked if own.keys() & asked.keys() else own | asked, now=now)


def _one_of(read: Reader, name: str, numbers: Sequence[int], default: int) -> int:
    return int(read.word(name, [str(number) for number in numbers], default=str(default)))
