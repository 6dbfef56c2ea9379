"""Switching a mail off from the mail itself: by its link, or by the mail program's own button (RFC 8058)."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from billing.services import messages


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Say what would be switched off with a button (GET), or do it (POST): without a login, and as often as asked."""
    found = messages.read_unsubscribe_token(token)
    if found is None:
        return render(request, "billing/unsubscribe.html", {"is_unknown": True}, status=404)
    wallet, topic = found
    if request.method == "POST":
        messages.set_preference(wallet=wallet, topic=topic, is_wanted=False, now=timezone.now())
    context = {"topic": topic, "is_off": not messages.wanted(wallet, topic)}
    return render(request, "billing/unsubscribe.html", context)
