"""Settings → Your data: what is kept, and all of it as one file."""

from allauth.account.decorators import reauthentication_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from billing.selectors import personal_data
from billing.views.wallets import SignedInRequest, with_wallet


@require_safe
@with_wallet
def data(request: SignedInRequest) -> HttpResponse:
    """Say what is kept about a person, and lead to the file and to the end of the account."""
    return render(request, "billing/data.html", {"files": personal_data.meanings()})


@require_GET
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth's has no types
@with_wallet
def archive(request: SignedInRequest) -> StreamingHttpResponse:
    """Send everything as one ZIP, made while it is sent."""
    now = timezone.now()
    response = StreamingHttpResponse(personal_data.archive(request.user, now=now), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{personal_data.file_name(now=now)}"'
    return response
