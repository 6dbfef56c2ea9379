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


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a preview."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Act:
    """An act as its pages name it. `row` is what it is done to, `back_url` where it can be left for.

    One that is previewed says so on its first button.
    """

    title: str
    button: str
    back_url: str
    words: str = ""
    row: Model | None = None
    is_previewed: bool = False


def ask(request: HttpRequest, page: "admin.ModelAdmin[Any]", act: Act, form: forms.Form, *, url: str) -> HttpResponse:
    """Show the form of an act; `url` is where it is sent."""
    return _show("admin/billing/act.html", request, page, act, form=form, url=url)


def preview(
    request: HttpRequest,
    page: "admin.ModelAdmin[Any]",
    act: Act,
    form: forms.Form,
    *,
    url: str,
    changes: Sequence[Change],
    hidden: Mapping[str, object] | None = None,
) -> HttpResponse:
    """Show what an act would change, with the form's answers and `hidden` ready to be sent to `url`."""
    return _show(
        "admin/billing/preview.html", request, page, act, form=form, url=url, changes=changes, hidden=hidden or {}
    )


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
