"""What staff get to see as a customer, and what they never do.

django-hijack was looked at first. It is alive and well made, and logs staff in *as* the customer: whoever is hijacked
can do all that the customer can, and sessions, time zones and logs know the customer alone. What is wanted here is
less, so that it is this middleware: the session stays the staff member's own, and only while one of the pages in
`SHOWN` is answered does its request belong to the customer. Everything else is refused by default, also a page that is
added later.

Looking changes nothing: first what time alone has brought is settled, as any touch of the wallet would, then the page
is answered in a transaction in which PostgreSQL refuses to write.
"""

import time
from math import ceil

import psycopg
from django.conf import settings
from django.contrib import messages
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.encoding import escape_uri_path
from django.views.decorators.http import require_http_methods

from accounts import second_step
from accounts.models import User
from billing import seeing_as
from billing.seeing_as import SEE_AS, Seeing, Shown
from billing.services.wallets import settled_wallet
from cleverai.middleware import GetResponse

FAULT = 500
READS = frozenset({"GET", "HEAD"})
#: What a customer's pages are, as far as staff see them: nothing of their login, no files, nothing that asks Stripe.
SHOWN = frozenset(
    {"home", "credits", "pricing", "calculator", "support:requests"}
    | {f"chatbots:{name}" for name in ("list", "create", "change", "delete")}
    | {
        f"billing:{name}"
        for name in (
            "overview", "usage", "history", "receipt", "export", "export_progress", "insights", "plans", "contract",
            "buy", "balance", "notifications", "unread", "preferences", "limits_effect",
        )
    }
)  # fmt: skip
#: What the header of every page asks for by itself.
NOT_WORTH_A_LINE = frozenset({"billing:balance", "billing:unread"})
#: What stays the staff member's own: pages of the admin to read, and what belongs to nobody.
OWN_NAMESPACES = frozenset({"admin", "sandbox"})
OWN = frozenset({"staff_login", "seeing_as", "robots", "site_map", "livez", "readyz"})
LOGOUTS = frozenset({"account_logout", "admin:logout"})
#: Says as whom a page was made, so that one in another tab isn't filled in with somebody else's figures.
MADE_FOR = "Seen-As"


class SeeingAsMiddleware:
    """Answers the customer's pages to staff who see CleverAI as them, and refuses everything else meanwhile."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self.get_response(request)
        seeing = seeing_as.current(request)
        made_for = request.headers.get(MADE_FOR)
        if made_for is not None and made_for != str(seeing.wallet_id if seeing else 0):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return self.get_response(request) if seeing is None else self._answer(request, seeing)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Refuse a page that wanted to write after all, such as what came due within this very moment."""
        wrote = isinstance(exception.__cause__, psycopg.errors.ReadOnlySqlTransaction)
        if not (wrote and seeing_as.is_staff_looking(request)):
            return None
        transaction.set_rollback(True)
        return refusal(request)

    def _answer(self, request: HttpRequest, seeing: Seeing) -> HttpResponseBase:
        customer = seeing_as.customer_of(seeing)
        name = _name_of(request)
        if request.method == "POST" and name in LOGOUTS:
            seeing_as.end(request, seeing, why="logged out")
            return self.get_response(request)
        if customer is None or (why := _why_over(request, seeing, now=time.time())):
            return _over(request, seeing, why="the customer is gone, or on staff" if customer is None else why)
        shown = Shown(name=str(customer), wallet_id=seeing.wallet_id, minutes=_minutes_left(seeing, now=time.time()))
        setattr(request, "seeing_as", shown)  # noqa: B010  (the stubs know no such attribute)
        if name == "seeing_as":
            return self.get_response(request)
        if request.method in READS and name in SHOWN:
            return self._as_customer(request, seeing, customer, name)
        if request.method in READS and (name in OWN or name is None or _namespace(name) in OWN_NAMESPACES):
            return self.get_response(request)
        if request.method in READS and request.headers.get("HX-Request"):
            return render(request, "includes/_not_while_seeing_as.html")
        seeing_as.note(seeing, f"Refused meanwhile: {request.method} {escape_uri_path(request.path)}.")
        return refusal(request)

    def _as_customer(self, request: HttpRequest, seeing: Seeing, customer: User, name: str) -> HttpResponseBase:
        """Answer as the customer would be answered, and be oneself again after it."""
        if name not in NOT_WORTH_A_LINE:
            seeing_as.note(seeing, f"Seen as customer: {request.get_full_path()}")
        settled_wallet(owner=customer, now=timezone.now())
        staff, request.user = request.user, customer
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                response = self.get_response(request)
                if response.status_code >= FAULT:
                    transaction.set_rollback(True)
                return response
        finally:
            request.user = staff


@require_http_methods(["GET", "HEAD", "POST"])
def seeing_as_page(request: HttpRequest) -> HttpResponse:
    """Say as whom staff see CleverAI, and end it."""
    seeing = seeing_as.current(request)
    if seeing is None:
        if not (isinstance(request.user, User) and request.user.is_staff):
            raise Http404("Only staff see CleverAI as somebody else.")
        return redirect("admin:index")
    if request.method == "POST":
        seeing_as.end(request, seeing, why="by the button")
        messages.success(request, "You see CleverAI as yourself again.")
        return redirect(_wallet_page(seeing))
    return render(request, "seeing_as.html")


def refusal(request: HttpRequest) -> HttpResponse:
    """Answer what can't be done or seen as a customer; a page that sent a part of itself leads on to the words."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=403, headers={"HX-Redirect": reverse("seeing_as")})
    return render(request, "seeing_as.html", {"is_refusal": True}, status=403)


def _over(request: HttpRequest, seeing: Seeing, *, why: str) -> HttpResponse:
    """End it, and lead away from the customer's pages; what was sent with this request is not done."""
    seeing_as.end(request, seeing, why=why)
    messages.warning(request, f"You no longer see CleverAI as a customer: {why}. Nothing was changed.")
    staff_may_go_on = isinstance(request.user, User) and request.user.is_staff
    url = _wallet_page(seeing) if staff_may_go_on else reverse("home")
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _why_over(request: HttpRequest, seeing: Seeing, *, now: float) -> str:
    """Return why it ends now, or nothing while it lasts."""
    user = request.user
    if now >= seeing.until:
        return "the time is over"
    if not (isinstance(user, User) and user.is_active and user.is_staff and user.has_perm(SEE_AS)):
        return "the right to it was taken away"
    return "" if second_step.lets_in(request, now=now) else "the second step has grown too old"


def _name_of(request: HttpRequest) -> str | None:
    """Return the name of the page that an address leads to, or None where there is none."""
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return None


def _namespace(name: str) -> str:
    return name.partition(":")[0] if ":" in name else ""


def _wallet_page(seeing: Seeing) -> str:
    return reverse("admin:billing_wallet_change", args=[seeing.wallet_id])


def _minutes_left(seeing: Seeing, *, now: float) -> int:
    """Return the minutes that are left, begun ones too."""
    return max(1, ceil((seeing.until - now) / 60))
