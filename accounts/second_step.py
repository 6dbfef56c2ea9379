"""The second step of a login, as the staff's pages ask for it: used in this very session, and not long ago.

Moments here are seconds since 1970, as allauth notes them in a session. A passkey's login counts, and so does a
recovery code; a step that was deleted since doesn't.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

View = TypeVar("View", bound=Callable[..., Any])

IDLE_SECONDS = 30 * 60
#: However busy somebody is, a second step lets them in for a working day.
LONGEST_SECONDS = 12 * 60 * 60
#: What writes is done within this time of the last second step.
FRESH_SECONDS = 15 * 60
NOTE_SECONDS = 60
ACTIVE_AT = "staff_active_at"
KNOWN = "second_step_used_at"
MARK = "only_looks"


def only_looks(view: View) -> View:
    """Say of one of the staff's pages that it writes nothing, whatever is sent to it."""
    setattr(view, MARK, True)
    return view


def may_write(view: Callable[..., Any]) -> bool:
    """Return whether a page may write something, which is believed of each that `only_looks` wasn't said of."""
    return not getattr(view, MARK, False)


def used_at(request: HttpRequest) -> float | None:
    """Return when a second step was last used in this session, or None; looked up once for each request."""
    if not hasattr(request, KNOWN):
        setattr(request, KNOWN, _looked_up(request))
    at: float | None = getattr(request, KNOWN)
    return at


def _looked_up(request: HttpRequest) -> float | None:
    records = [record for record in get_authentication_records(request, request.user) if record["method"] == "mfa"]
    if not records:
        return None
    theirs = set(Authenticator.objects.filter(user=request.user).values_list("pk", flat=True))
    return max((float(record["at"]) for record in records if record.get("id") in theirs), default=None)


def lets_in(request: HttpRequest, *, now: float) -> bool:
    """Return whether this session may show the staff's pages: a second step today, and no long rest since."""
    at = used_at(request)
    return at is not None and now - at < LONGEST_SECONDS and now - _active_at(request) < IDLE_SECONDS


def lets_write(request: HttpRequest, *, now: float) -> bool:
    """Return whether the last second step is new enough for what can't be undone."""
    at = used_at(request)
    return at is not None and now - at < FRESH_SECONDS


def note_activity(request: HttpRequest, *, now: float) -> None:
    """Write down that somebody whom `lets_in` lets in is still there, at most once a minute."""
    if now - _active_at(request) >= NOTE_SECONDS:
        request.session[ACTIVE_AT] = now


def _active_at(request: HttpRequest) -> float:
    """Return when somebody last used their second step or a page behind it."""
    return max(used_at(request) or 0, float(request.session.get(ACTIVE_AT, 0)))


def question_url(request: HttpRequest) -> str | None:
    """Return the page that asks this person for a second step, or None if they have none yet."""
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    second = [method["url"] for method in methods if method["id"].startswith("mfa_")]
    has_one = Authenticator.objects.filter(user=request.user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
    if not (has_one and second):
        return None
    has_app = Authenticator.objects.filter(user=request.user, type=Authenticator.Type.TOTP).exists()
    # Recovery codes share the app's page: whoever has a key alone is asked for the key.
    return str(second[0] if has_app else second[-1])


def ask(request: HttpRequest, *, url: str, goal: str = "") -> HttpResponse:
    """Lead to the question for a second step at `url`, and from there to `goal`.

    Without a goal it goes on with what was asked for; a form that was sent is kept, and taken after the answer.
    """
    messages.info(request, "The staff’s pages ask for your second step, and again after a while.")
    if goal:
        return redirect(f"{url}?{urlencode({REDIRECT_FIELD_NAME: goal})}")
    response: HttpResponse = suspend_request(request, url)
    return response
