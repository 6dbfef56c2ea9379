"""What can be taken away as a file, and the files themselves."""

from dataclasses import dataclass, field
from datetime import datetime
from tempfile import TemporaryFile
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from billing.models import Wallet
from billing.selectors import exports, statements
from billing.selectors.copying import Format
from billing.selectors.exports import Wanted, What
from billing.selectors.spans import Span, today_of
from billing.views.addresses import Reader
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/jsonl; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: The word for days that are no month.
OTHER_DAYS = "other"


@dataclass
class Address:
    """What the address of an export asks for; what makes no sense is ignored and told."""

    wanted: Wanted
    file_format: Format
    is_month: bool
    ignored: list[str] = field(default_factory=list)

    @property
    def file_url(self) -> str:
        """Where the file is."""
        name = reverse("billing:export_file", args=[self.wanted.what, self.file_format])
        return f"{name}?{urlencode(self.wanted.span.fixed_parameters)}"

    @property
    def format_name(self) -> str:
        """What people call the format."""
        return exports.FORMAT_WORDS[self.file_format][0]


@require_safe
@with_wallet
def export(request: SignedInRequest) -> HttpResponse:
    """Offer a file, and say how much is in it."""
    wallet, now = request.user.wallet, timezone.now()
    months = statements.months(wallet, now=now)
    address = _read(request.GET, wallet, months, now=now)
    context = {
        "address": address,
        "wanted": address.wanted,
        "extent": exports.size(address.wanted, address.file_format),
        "months": [(word_of(month), month) for month in months],
        "month": word_of(address.wanted.span) if address.is_month else OTHER_DAYS,
        "formats": exports.FORMAT_WORDS.items(),
        "columns": exports.columns(address.wanted.what),
        "is_open": address.wanted.span.last >= today_of(wallet, now=now),
    }
    return render(request, "billing/_export.html" if wants_fragment(request) else "billing/export.html", context)


@require_GET
@with_wallet
def export_file(request: SignedInRequest, what: str, ending: str) -> HttpResponseBase:
    """Send a file; an address with anything in it that makes no sense leads to the page, which says so."""
    if what not in list(What) or ending not in CONTENT_TYPES:
        raise Http404("There is no such export.")
    wallet, now = request.user.wallet, timezone.now()
    address = _read(request.GET, wallet, statements.months(wallet, now=now), now=now)
    if address.ignored:
        return redirect(f"{reverse('billing:export')}?{request.GET.urlencode()}")
    file_format = Format(ending)
    response = _workbook(address.wanted) if file_format == Format.XLSX else _stream(address.wanted, file_format)
    response["Content-Disposition"] = f'attachment; filename="{address.wanted.file_name(file_format)}"'
    return response


def _stream(wanted: Wanted, file_format: Format) -> StreamingHttpResponse:
    return StreamingHttpResponse(exports.stream(wanted, file_format), content_type=CONTENT_TYPES[file_format])


def _workbook(wanted: Wanted) -> StreamingHttpResponse:
    file = TemporaryFile()  # noqa: SIM115  (the answer closes it)
    exports.spreadsheet(wanted, file)
    file.seek(0)
    return FileResponse(file, content_type=CONTENT_TYPES[Format.XLSX])


def word_of(month: Span) -> str:
    """Return what an address calls a month: 2026-10."""
    return f"{month.first:%Y-%m}"


def _read(query: QueryDict, wallet: Wallet, months: list[Span], *, now: datetime) -> Address:
    read = Reader(query)
    by_word = {word_of(month): month for month in months}
    word = read.word("month", {*by_word, OTHER_DAYS})
    span = by_word.get(word) or read.span(wallet, default="", now=now) or months[0]
    return Address(
        wanted=Wanted(wallet, What.STATEMENT, span),
        file_format=Format(read.word("format", exports.FORMAT_WORDS, default=Format.CSV)),
        is_month=word != OTHER_DAYS and span in months,
        ignored=read.ignored,
    )
