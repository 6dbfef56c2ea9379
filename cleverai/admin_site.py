"""The staff's pages: Django's admin under CleverAI's name, behind a second step, with what it refuses on record."""

import time
from collections.abc import Iterable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.module_loading import import_string

from accounts import second_step
from cleverai import staff_refusals

#: What fills the first page; named, because the apps' admin modules import this site.
FIRST_PAGE = "billing.admin.home.context"
NUL = "\0"
LAST_YEAR = 9999
YEARS = {"year", "iso_year"}


class StaffSite(AdminSite):
    site_title = site_header = "CleverAI staff"
    index_title = "Credits"

    def has_permission(self, request: HttpRequest) -> bool:
        """Let staff in who used a second step in this session, and not too long ago; there is no switch for it."""
        return super().has_permission(request) and second_step.lets_in(request, now=time.time())

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Stand around every page of the admin, so that no act can forget what is asked and written down here.

        An address that the database can't be asked about is refused, where Django would fail on it while it answers.
        """
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def run(request: HttpRequest, *arguments: Any, **parts: Any) -> Any:
            if not _makes_sense(request.GET, parts.values()):
                raise BadRequest("No row can be found under such an address.")
            if question := self._question(request, view):
                return question
            if self.has_permission(request):
                second_step.note_activity(request, now=time.time())
            try:
                response = inner(request, *arguments, **parts)
            except PermissionDenied as refusal:
                staff_refusals.note(request, parts, why=str(refusal))
                raise
            if (why := staff_refusals.found_in(request, response)) is not None:
                staff_refusals.note(request, parts, why=why)
            return response

        return run

    def _question(self, request: HttpRequest, view: Any) -> HttpResponse | None:
        """Return the way to the question for a second step, if a form was sent after the last one had grown too old.

        What is only opened is led there by `has_permission`, and so is whoever has no second step yet.
        """
        is_logout = request.path == reverse("admin:logout", current_app=self.name)
        if request.method != "POST" or is_logout or not super().has_permission(request):
            return None
        now = time.time()
        is_fresh = not second_step.may_write(view) or second_step.lets_write(request, now=now)
        if is_fresh and second_step.lets_in(request, now=now):
            return None
        url = second_step.question_url(request)
        return second_step.ask(request, url=url) if url else None

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show staff how everything is, and where things are."""
        return super().index(request, {**import_string(FIRST_PAGE)(request), **(extra_context or {})})

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
    years = [year for name, value in lookups if YEARS & set(name.split("__")) for year in value.split(",")]
    return not any(NUL in text for text in texts) and all(_is_year(year) for year in years)


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_YEAR)) and int(text) > 0
