"""An act of staff in two steps: a form, then what it would do with a button that does it.

The second step carries the first one's answers in hidden fields; each step checks them again. Nothing is written
before the second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.models import User
from billing.admin.tables import Table


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a preview."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Act:
    """An act as its pages name it. `row` is what it is done to, `back_url` where it can be left for."""

    title: str
    button: str
    back_url: str
    words: str = ""
    row: Model | None = None


def ask(
    request: HttpRequest,
    page: "admin.ModelAdmin[Any]",
    act: Act,
    form: forms.Form,
    *,
    url: str,
    hidden: Sequence[tuple[str, object]] = (),
    is_last: bool = False,
) -> HttpResponse:
    """Show the form of an act; `url` is where it is sent. One that `is_last` has no preview."""
    return _show("admin/billing/act.html", request, page, act, form=form, url=url, hidden=hidden, is_last=is_last)


def preview(
    request: HttpRequest,
    page: "admin.ModelAdmin[Any]",
    act: Act,
    form: forms.Form,
    *,
    url: str,
    changes: Sequence[Change],
    tables: Sequence[Table] = (),
    hidden: Mapping[str, object] | None = None,
    why_two: str = "",
) -> HttpResponse:
    """Show what an act would change, with the form's answers and `hidden` ready to be sent to `url`.

    `why_two` says why it waits for a second person then.
    """
    shown = {"changes": changes, "tables": tables, "hidden": hidden or {}, "why_two": why_two}
    return _show("admin/billing/preview.html", request, page, act, form=form, url=url, **shown)


def staff_of(request: HttpRequest) -> User:
    """Return who is doing this."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def log(*, actor: User, row: Model, message: str) -> None:
    """Write a line into the staff's log of a row."""
    LogEntry.objects.log_actions(actor.pk, [row], CHANGE, message, single_object=True)


def _show(template: str, request: HttpRequest, page: "admin.ModelAdmin[Any]", act: Act, **more: Any) -> HttpResponse:
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": act.title,
        "act": act,
        "original": act.row,
        **more,
    }
    request.current_app = page.admin_site.name
    return TemplateResponse(request, template, context)
