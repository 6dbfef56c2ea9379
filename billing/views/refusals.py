"""What a page answers when a payment can't begin: in every case nothing was charged."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from billing.errors import AlreadySubscribed, NotForSale, StripeRefused, StripeUnavailable
from billing.views.wallets import SignedInRequest

P = ParamSpec("P")
View: TypeAlias = Callable[Concatenate[HttpRequest, P], HttpResponse]

RETRY_AFTER_SECONDS = 30


def only_by_button(page: str) -> Callable[[View[P]], View[P]]:
    """Let a view be reached by POST alone; a visit, as after a login on the way, is led to the button."""

    def decorate(view: View[P]) -> View[P]:
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def run(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            return view(request, *args, **kwargs) if request.method == "POST" else redirect(page)

        return run

    return decorate


def with_refusals(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponse],
) -> Callable[Concatenate[SignedInRequest, P], HttpResponse]:
    """Turn what keeps a customer from Stripe's pages into a page of ours, with a status that programs understand."""

    @wraps(view)
    def run(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except StripeUnavailable:
            return stripe_down(request, status=503)
        except StripeRefused:
            return stripe_down(request, status=502)
        except NotForSale:
            return render(request, "billing/not_for_sale.html", status=404)
        except AlreadySubscribed as refusal:
            messages.info(request, str(refusal))
            return redirect("billing:plans")

    return run


def while_suspended(request: HttpRequest) -> HttpResponse:
    """Lead back from a purchase that a suspended wallet couldn't use."""
    messages.warning(request, "While your wallet is suspended, nothing can be bought.")
    return redirect("billing:buy")


def stripe_down(request: HttpRequest, *, status: int) -> HttpResponse:
    """Say that Stripe doesn't answer (503), or doesn't take what we asked (502), and that nothing was charged."""
    response = render(request, "billing/stripe_down.html", {"is_refused": status != 503}, status=status)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
