"""Usage over a span: what it went to, when, and how that compares."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from billing.selectors import charts
from billing.selectors.course import course
from billing.selectors.usage_report import report
from billing.views.usage_address import UsageAddress
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@require_safe
@with_wallet
def usage(request: SignedInRequest) -> HttpResponse:
    """Show what the credits of a span went to, this cycle's unless the address names another one."""
    now = timezone.now()
    wallet = request.user.wallet
    address = UsageAddress(request.GET, wallet, now=now)
    found = report(wallet, address.span, by=address.by, asked_step=address.asked_step, filters=address.filters, now=now)
    address.shown(found)
    cycles = course(found, now=now)
    before, joined_on = found.question.before, timezone.localdate(request.user.joined_at)
    context = {
        "wallet": wallet,
        "joined_on": joined_on if before and before.first < joined_on <= before.last else None,
        "address": address,
        "ignored": address.ignored,
        "report": found,
        "charts": [charts.columns(found.columns, found.question.step, size) for size in charts.SIZES],
        "rows": [(row, address.entries_of(row)) for row in found.rows],
        "columns": [(column, address.entries_on(column)) for column in found.columns if column.cost],
        "steps": address.steps(found),
        "course": cycles,
        "course_charts": [charts.lines(cycles, size) for size in charts.SIZES] if cycles else [],
    }
    if wants_fragment(request):
        return push_url(render(request, "billing/_usage.html", context), address.here)
    return render(request, "billing/usage.html", context)
