"""What staff were refused: a line in the log, and one in the history of the row, which their colleagues read.

It names who, which page and which row, and repeats nothing of what was typed.
"""

import logging
from collections.abc import Mapping

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.text import Truncator

logger = logging.getLogger(__name__)

#: How the address of an act's second half ends: the one that writes, after the preview.
SECOND_HALF = "/post/"
FORBIDDEN = 403
LONGEST_WHY = 300
ROW_PARTS = ("object_id", "wallet_id")


def found_in(request: HttpRequest, response: HttpResponseBase) -> str | None:
    """Return why an answer is a refusal, or None if it isn't one.

    An act's second half leads on once it is done: one that shows a page instead was refused, be it that its form was
    stale, that it was asked for too much, or that it needs somebody else.
    """
    if response.status_code == FORBIDDEN:
        return ""
    is_second_half = request.method == "POST" and request.path.endswith(SECOND_HALF)
    if not (is_second_half and isinstance(response, SimpleTemplateResponse)):
        return None
    form = (response.context_data or {}).get("form")
    why = _what_was_wrong(form) if isinstance(form, BaseForm) else ""
    return why or "What it had shown has changed since."


def note(request: HttpRequest, parts: Mapping[str, object], *, why: str) -> None:
    """Write down that a member of staff was refused a page; `parts` are those of its address."""
    if not (request.user.is_authenticated and request.user.is_staff):
        return
    model = _model_of(request.path)
    row_id = next((unquote(str(parts[name])) for name in ROW_PARTS if name in parts), "")
    logger.warning(
        "Staff %s was refused %s %s (%s %s).",
        request.user.pk, request.method, request.path, model._meta.label if model else "no model", row_id or "no row",
    )  # fmt: skip
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(model) if model else None,
        object_id=row_id,
        object_repr=f"{model._meta.verbose_name} {row_id}".strip().capitalize()[:200] if model else "The staff’s pages",
        action_flag=CHANGE,
        change_message=Truncator(f"Refused: {request.method} {request.path}. {why}".strip()).chars(LONGEST_WHY),
    )


def _what_was_wrong(form: BaseForm) -> str:
    """Return which answers made no sense, whose messages may repeat them, and what was said of the whole."""
    fields = [str(form[name].label) for name in form.errors if name != NON_FIELD_ERRORS]
    answers = [f"Not as it should be: {', '.join(fields)}."] if fields else []
    return " ".join([*map(str, form.non_field_errors()), *answers])


def _model_of(path: str) -> type[Model] | None:
    """Return which model's rows a page of the admin is about, as its address says."""
    app_label, _, rest = path.removeprefix(reverse("admin:index")).partition("/")
    try:
        return apps.get_model(app_label, rest.partition("/")[0])
    except (LookupError, ValueError):
        return None
