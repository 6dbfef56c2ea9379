"""Files that a worker writes: asking for one, seeing how far it is, and fetching it."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from billing.selectors import export_files
from billing.selectors.export_files import Prepared
from billing.services import exports
from billing.services.export_writing import storage
from billing.services.exports import TooManyExports
from billing.views.export_address import ExportAddress, page_url
from billing.views.exports import CONTENT_TYPES
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

GONE = 410


@require_POST
@with_wallet
def begin_export(request: SignedInRequest) -> HttpResponse:
    """Have a file written and lead to where it will be; clicking twice leads to the same one."""
    address = ExportAddress(request.POST, request.user.wallet, now=timezone.now())
    if address.ignored:
        return redirect(address.with_complaints)
    try:
        export = exports.request(wanted=address.wanted, file_format=address.file_format, now=timezone.now())
    except TooManyExports as refusal:
        messages.error(request, str(refusal))
        return redirect(page_url(address.wanted, address.file_format))
    return redirect("billing:export_progress", export_id=export.pk)


@require_safe
@with_wallet
def export_progress(request: SignedInRequest, export_id: int) -> HttpResponse:
    """Show how far a file is."""
    prepared = _prepared(request, export_id)
    template = "billing/_export_progress.html" if wants_fragment(request) else "billing/export_progress.html"
    context = {"file": prepared, "again_url": page_url(prepared.wanted, prepared.file_format)}
    return render(request, template, context, status=GONE if prepared.state == "expired" else None)


@require_GET
@with_wallet
def export_download(request: SignedInRequest, export_id: int) -> HttpResponseBase:
    """Send a file that is ready; what isn't, or isn't any longer, is told on its page."""
    prepared = _prepared(request, export_id)
    if prepared.state != "ready":
        return redirect("billing:export_progress", export_id=export_id)
    try:
        file = storage().open(prepared.export.stored_as)
    except FileNotFoundError:
        context = {"file": prepared, "again_url": page_url(prepared.wanted, prepared.file_format), "is_lost": True}
        return render(request, "billing/export_progress.html", context, status=GONE)
    content_type = CONTENT_TYPES[prepared.file_format]
    return FileResponse(file, as_attachment=True, filename=prepared.file_name, content_type=content_type)


def _prepared(request: SignedInRequest, export_id: int) -> Prepared:
    prepared = export_files.find(request.user.wallet, export_id, now=timezone.now())
    if prepared is None:
        raise Http404("This wallet has no such export.")
    return prepared
