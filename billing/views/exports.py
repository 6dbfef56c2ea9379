"""What can be taken away as a file, and the files themselves."""

from tempfile import TemporaryFile

from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from billing.selectors import export_files, exports
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.views.export_address import ExportAddress, page_url
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/jsonl; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@require_safe
@with_wallet
def export(request: SignedInRequest) -> HttpResponse:
    """Offer a file, and say how much is in it."""
    now = timezone.now()
    address = ExportAddress(request.GET, request.user.wallet, now=now)
    extent = exports.size(address.wanted, address.file_format)
    context = {
        "address": address,
        "wanted": address.wanted,
        "extent": extent,
        "is_big": extent.lines > exports.MOST_AT_ONCE[address.file_format],
        "files": export_files.newest(request.user.wallet, now=now),
        "columns": exports.KINDS[address.what].columns,
    }
    return render(request, "billing/_export.html" if wants_fragment(request) else "billing/export.html", context)


@require_GET
@with_wallet
def export_file(request: SignedInRequest, what: str, ending: str) -> HttpResponseBase:
    """Send a file; an address with anything in it that makes no sense leads to the page, which says so.

    Lines are streamed, however many there are; a big workbook can't be, so that its address leads to the page, too.
    """
    if what not in list(What) or ending not in list(Format):
        raise Http404("There is no such export.")
    address = ExportAddress(request.GET, request.user.wallet, now=timezone.now(), what=What(what))
    if address.ignored:
        return redirect(address.with_complaints)
    if ending != Format.XLSX:
        return _stream(address.wanted, Format(ending))
    is_big = exports.size(address.wanted, Format.XLSX).lines > exports.MOST_AT_ONCE[Format.XLSX]
    return redirect(page_url(address.wanted, Format.XLSX)) if is_big else _workbook(address.wanted)


def _stream(wanted: Wanted, file_format: Format) -> StreamingHttpResponse:
    response = StreamingHttpResponse(exports.stream(wanted, file_format), content_type=CONTENT_TYPES[file_format])
    response["Content-Disposition"] = f'attachment; filename="{wanted.file_name(file_format)}"'
    return response


def _workbook(wanted: Wanted) -> FileResponse:
    file = TemporaryFile()  # noqa: SIM115  (the answer closes it)
    exports.spreadsheet(wanted, file)
    file.seek(0)
    name = wanted.file_name(Format.XLSX)
    return FileResponse(file, as_attachment=True, filename=name, content_type=CONTENT_TYPES[Format.XLSX])
