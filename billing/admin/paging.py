"""Lists that may be long: read by key, newest first, so that any page costs the same and nothing is counted."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.models import Wallet
from billing.units import LARGEST_AMOUNT

BEFORE, AFTER = "before", "after"


class NewestFirst(ChangeList):
    """A page of rows before or after a key, with links to the newer and the older ones."""

    is_read_by_key = True
    newer_link = older_link = ""

    def get_queryset(self, request: HttpRequest, *arguments: Any, **options: Any) -> QuerySet[Any]:
        self.before, self.after = self._taken(BEFORE), self._taken(AFTER)
        return super().get_queryset(request, *arguments, **options)

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more, which tells whether there is another page."""
        key, size = self.key, self.list_per_page
        rows: list[Any] = []
        if self.after is not None:
            rows = list(self.queryset.filter(**{f"{key}__gt": self.after}).order_by(key)[: size + 1])
        if rows:
            has_newer, has_older = len(rows) > size, True
            rows = rows[:size][::-1]
        else:
            older = {f"{key}__lt": self.before} if self.before is not None else {}
            rows = list(self.queryset.filter(**older).order_by(f"-{key}")[: size + 1])
            has_newer, has_older = self.before is not None, len(rows) > size
            rows = rows[:size]
        if rows and has_newer:
            self.newer_link = self.get_query_string({AFTER: getattr(rows[0], key)})
        if rows and has_older:
            self.older_link = self.get_query_string({BEFORE: getattr(rows[-1], key)})
        self.first_link = self.get_query_string()
        self.result_list = rows
        self.result_count, self.full_result_count = len(rows), None
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False

    @property
    def key(self) -> str:
        """The column that rows are read by: found by a search, by what numbers them within their wallet."""
        number_in_wallet: str = getattr(self.model_admin, "number_in_wallet", "id")
        return number_in_wallet if self.query else "id"

    def _taken(self, name: str) -> int | None:
        """Take a key out of the address, where it would be read as a filter."""
        self.filter_params.pop(name, None)
        text = self.params.pop(name, None)
        if text is None:
            return None
        if not is_row_number(text):
            raise IncorrectLookupParameters(f"“{text}” is not a row's number.")
        return int(text)


def of_one_wallet(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Return the rows of the wallet that a search names, by its number or its owner's whole e-mail address."""
    term = term.strip()
    if is_row_number(term):
        return rows.filter(wallet_id=int(term))
    wallet_id = Wallet.objects.filter(owner__email__iexact=term).values_list("pk", flat=True).first()
    return rows.filter(wallet_id=wallet_id) if wallet_id is not None else rows.none()


def is_row_number(text: str) -> bool:
    """Return whether a text is a number that a row could have."""
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_AMOUNT
