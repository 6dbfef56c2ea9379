"""See CleverAI as a wallet's owner does: a reason first, then their pages, to read and for a quarter of an hour."""

import time

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from billing import seeing_as
from billing.admin import acts
from billing.admin.acts import Act
from billing.admin.forms import SeeingAsForm
from billing.admin.reading import ReadOnly, name_of
from billing.admin.tables import page_of
from billing.models import Wallet


class SeeingAs(ReadOnly):
    """The page that asks why, and what begins then."""

    def get_urls(self) -> list[URLPattern]:
        own = [("see-as/", self.see_as_view, "see_as"), ("see-as/post/", self.begin_to_see_view, "see_as_post")]
        return [
            *(
                path(f"<int:wallet_id>/{address}", self.admin_site.admin_view(view), name=f"billing_wallet_{name}")
                for address, view, name in own
            ),
            *super().get_urls(),
        ]

    @method_decorator(require_safe)
    def see_as_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Ask why."""
        wallet = self._customer_s(request, wallet_id)
        if refusal := seeing_as.why_not(wallet):
            messages.error(request, refusal)
            return redirect(page_of(wallet))
        return acts.ask(
            request, self, _seeing(wallet), SeeingAsForm(), url=_address("see_as_post", wallet), is_last=True
        )

    @method_decorator(require_POST)
    def begin_to_see_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Begin, and lead to the customer's own page."""
        wallet = self._customer_s(request, wallet_id)
        if refusal := seeing_as.why_not(wallet):
            raise PermissionDenied(refusal)
        form = SeeingAsForm(request.POST)
        if not form.is_valid():
            return acts.ask(request, self, _seeing(wallet), form, url=_address("see_as_post", wallet), is_last=True)
        seeing_as.begin(request, wallet=wallet, reason=form.cleaned_data["reason"], now=time.time())
        return redirect("billing:overview")

    def _customer_s(self, request: HttpRequest, wallet_id: int) -> Wallet:
        if not self.has_view_permission(request) or not request.user.has_perm(seeing_as.SEE_AS):
            raise PermissionDenied
        return get_object_or_404(Wallet.objects.select_related("owner"), pk=wallet_id)


def _address(name: str, wallet: Wallet) -> str:
    return reverse(f"admin:billing_wallet_{name}", args=[wallet.pk])


def _seeing(wallet: Wallet) -> Act:
    return Act(
        title=f"See CleverAI as {name_of(wallet)}",
        button="Begin",
        back_url=page_of(wallet),
        words="You will see this customer’s billing pages, chatbots and questions to support as they do, for 15"
        " minutes. Nothing can be changed meanwhile. Each page you look at is written into this wallet’s history.",
        row=wallet,
    )
