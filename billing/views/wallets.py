"""What all pages of billing have in common: they start from the wallet of whoever is signed in."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from billing.errors import OwnerHasLeft
from billing.services.wallets import settled_wallet

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)

GOODBYE = "goodbye"


class SignedInRequest(HttpRequest):
    """A request that the login middleware let through."""

    user: User
    htmx: HtmxDetails


def as_signed_in(request: HttpRequest) -> SignedInRequest:
    """Return the request as what it is known to be, for the type checker."""
    return cast("SignedInRequest", request)


def with_wallet(
    view: Callable[Concatenate[SignedInRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | HttpResponse]:
    """Settle `request.user.wallet` before the view reads it; whoever has none gets a page that says so.

    Who deletes their account in another tab meanwhile is said goodbye to.
    """

    @wraps(view)
    def run(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R | HttpResponse:
        signed_in = as_signed_in(request)
        if settled_wallet(owner=signed_in.user, now=timezone.now()) is None:
            return render(request, "billing/no_wallet.html", status=404)
        try:
            return view(signed_in, *args, **kwargs)
        except OwnerHasLeft:
            return redirect(GOODBYE)

    return run


def wants_fragment(request: SignedInRequest) -> bool:
    """Return whether htmx asks for a part of the page; going back in the browser wants all of it."""
    return bool(request.htmx) and not request.htmx.history_restore_request
