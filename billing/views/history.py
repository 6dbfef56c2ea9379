"""The ledger, and the receipt of each entry."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.selectors import history as histories
from billing.selectors import receipts
from billing.selectors.history import KIND_GROUPS, Filters
from billing.views.addresses import Reader
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet


@dataclass
class Address:
    """What the address of a history page asks for; what makes no sense is ignored and told."""

    filters: Filters
    before: int | None
    after: int | None
    ignored: list[str] = field(default_factory=list)

    @property
    def query(self) -> str:
        """The filters as they stand in the address."""
        filters = {"kind": self.filters.kind, "feature": self.filters.feature, "cycle": self.filters.cycle}
        return urlencode({name: value for name, value in filters.items() if value})


@require_safe
@with_wallet
def history(request: SignedInRequest) -> HttpResponse:
    """Show a page of the ledger, newest first."""
    address = _read(request.GET)
    wallet = request.user.wallet
    context = {
        "wallet": wallet,
        "address": address,
        "page": histories.page(wallet, address.filters, before=address.before, after=address.after),
        "kinds": [(word, label) for word, (label, _) in KIND_GROUPS.items()],
        "features": histories.features_to_choose(),
    }
    return render(request, "billing/_history.html" if wants_fragment(request) else "billing/history.html", context)


@require_safe
@with_wallet
def receipt(request: SignedInRequest, sequence: int) -> HttpResponse:
    """Show one entry in full; nobody else's are found."""
    found = receipts.receipt(request.user.wallet, sequence)
    if found is None:
        raise Http404("This wallet has no such entry.")
    return render(request, "billing/receipt.html", {"receipt": found, "entry": found.entry})


def _read(query: QueryDict) -> Address:
    codes = {feature.code for feature in histories.features_to_choose()}
    read = Reader(query)
    filters = Filters(
        kind=read.word("kind", KIND_GROUPS), feature=read.word("feature", codes), cycle=read.number("cycle")
    )
    return Address(filters, before=read.number("before"), after=read.number("after"), ignored=read.ignored)
