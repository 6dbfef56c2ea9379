"""The staff's pages: Django's admin under CleverAI's name."""

from collections.abc import Iterable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

NUL = "\0"
LAST_YEAR = 9999
YEARS = ("__year", "__iso_year")


class StaffSite(AdminSite):
    site_title = site_header = "CleverAI staff"
    index_title = "Credits"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Refuse addresses that the database can't be asked about; Django would fail on them while it answers."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def run(request: HttpRequest, *arguments: Any, **parts: Any) -> Any:
            if not _makes_sense(request.GET, parts.values()):
                raise BadRequest("No row can be found under such an address.")
            return inner(request, *arguments, **parts)

        return run

    def password_change(  # type: ignore[override]  # the stubs know no redirect here
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send staff to everybody's page, which counts attempts."""
        return redirect("account_change_password")

    def password_change_done(  # type: ignore[override]  # nor here
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")


def _makes_sense(query: QueryDict, parts: Iterable[object]) -> bool:
    """Return whether neither the address nor its lookups hold a NUL or a year that no date has."""
    lookups = [(name, value) for name, values in query.lists() for value in values if name != "q"]
    texts = [str(part) for part in parts] + [text for lookup in lookups for text in lookup]
    years = [value for name, value in lookups if name.endswith(YEARS)]
    return not any(NUL in text for text in texts) and all(_is_year(year) for year in years)


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_YEAR)) and int(text) > 0
