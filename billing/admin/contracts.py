"""Contracts: who asked for one, and setting and ending them on a wallet (decision 12)."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from billing.admin import acts, contract_terms
from billing.admin.acts import Act
from billing.admin.contract_terms import Terms
from billing.admin.forms import ContractEndForm, ContractForm, NothingAsked
from billing.admin.paging import is_row_number
from billing.admin.reading import OfAWallet, Only, moment_column, name_of
from billing.admin.tables import anchor, page_of
from billing.admin.wallet_acts import WalletActs, asked_or_sent, sent, settled
from billing.errors import MeteringError, PaymentError
from billing.models import ContractRequest, Wallet
from billing.services import contracts

SET_CONTRACT = "billing.set_contract"


class ContractActs(WalletActs):
    """The pages that set and end a wallet's contract."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            ("contract/", self.contract_view, "contract"),
            ("contract/post/", self.post_contract_view, "contract_post"),
            ("contract/end/", self.end_contract_view, "contract_end"),
            ("contract/end/post/", self.post_contract_end_view, "contract_end_post"),
        ]
        return [
            *(
                path(f"<int:wallet_id>/{address}", self.admin_site.admin_view(view), name=f"billing_wallet_{name}")
                for address, view, name in own
            ),
            *super().get_urls(),
        ]

    @asked_or_sent
    def contract_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Ask what a contract gives; once that is valid, show what it would change."""
        wallet = settled(self._wallet_for(request, wallet_id, SET_CONTRACT))
        form = ContractForm(request.POST or None)
        act = _setting(wallet)
        if form.is_valid():
            terms = contract_terms.asked(form)
            if terms == contract_terms.present(wallet):
                form.add_error(None, "That is this wallet's contract already.")
            else:
                return self._preview(request, act, form, wallet, terms, url=_address("contract_post", wallet))
        return acts.ask(request, self, act, form, url=_address("contract", wallet))

    @sent
    def post_contract_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Set a previewed contract, unless the plan has changed since."""
        wallet = self._wallet_for(request, wallet_id, SET_CONTRACT)
        form = ContractForm(request.POST)
        if form.is_valid() and self._is_done(request, wallet, form, contract_terms.asked(form)):
            return redirect(page_of(wallet))
        return acts.ask(request, self, _setting(wallet), form, url=_address("contract", wallet))

    @asked_or_sent
    def end_contract_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Ask why a contract ends; then show what that would change."""
        wallet = settled(self._wallet_for(request, wallet_id, SET_CONTRACT))
        form = ContractEndForm(request.POST or None)
        act = _ending(wallet)
        if form.is_valid():
            if contract_terms.present(wallet).is_contract:
                terms = contract_terms.free()
                return self._preview(request, act, form, wallet, terms, url=_address("contract_end_post", wallet))
            form.add_error(None, "This wallet has no contract.")
        return acts.ask(request, self, act, form, url=_address("contract_end", wallet))

    @sent
    def post_contract_end_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """End a contract after its preview, unless the plan has changed since."""
        wallet = self._wallet_for(request, wallet_id, SET_CONTRACT)
        form = ContractEndForm(request.POST)
        if form.is_valid() and self._is_done(request, wallet, form, contract_terms.free()):
            return redirect(page_of(wallet))
        return acts.ask(request, self, _ending(wallet), form, url=_address("contract_end", wallet))

    def _preview(
        self,
        request: HttpRequest,
        act: Act,
        form: ContractForm | ContractEndForm,
        wallet: Wallet,
        terms: Terms,
        *,
        url: str,
    ) -> HttpResponse:
        changes = contract_terms.changes(wallet, terms, now=timezone.now())
        hidden = {"seen": contract_terms.state_of(wallet)}
        return acts.preview(request, self, act, form, url=url, changes=changes, hidden=hidden)

    def _is_done(
        self, request: HttpRequest, wallet: Wallet, form: ContractForm | ContractEndForm, terms: Terms
    ) -> bool:
        """Make a wallet's plan what was asked and say so, or write down in the form why not."""
        reason, seen = form.cleaned_data["reason"], request.POST.get("seen", "")
        try:
            is_new = contract_terms.put_in_force(
                wallet, terms, seen=seen, actor=acts.staff_of(request), reason=reason, now=timezone.now()
            )
        except (MeteringError, PaymentError) as error:
            form.add_error(None, str(error))
            return False
        said = f"The plan of {name_of(wallet)} is {terms}."
        messages.success(request, said if is_new else f"It was done before. {said}")
        return True


class NotAnswered(Only):
    title = parameter_name = "answer"
    label = "Not answered"
    condition = Q(answered_at__isnull=True)


@admin.register(ContractRequest)
class ContractRequestAdmin(OfAWallet):
    """What owners of wallets ask for, with their words."""

    created, mailed = moment_column("created_at", "Asked at"), moment_column("mailed_at", empty="Not yet")
    answered = moment_column("answered_at", empty="Not yet")
    change_form_template = "admin/billing/contractrequest/change_form.html"
    list_display = ("company", "owner", "figure_credits", "created", "answered")
    list_filter = (NotAnswered, "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner", "answered_by"]
    fields = ("company", "owner", "plan", "figure_credits", "message", "created", "mailed", "answered", "by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.answered_view)
        return [path("<path:object_id>/answered/", view, name="billing_contractrequest_answered"), *super().get_urls()]

    @admin.display(description="Credits a month")
    def figure_credits(self, row: ContractRequest) -> str:
        return "Not said" if row.monthly_credits is None else f"{row.monthly_credits:,}"

    @admin.display(description="Plan at present")
    def plan(self, row: ContractRequest) -> str:
        subscription = row.wallet.subscription
        return anchor(f"{subscription.plan}, {subscription.get_status_display().lower()}", subscription)

    @admin.display(description="Answered by")
    def by(self, row: ContractRequest) -> str:
        return str(row.answered_by) if row.answered_by else "–"

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def answered_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then note that a request was answered."""
        if not self.has_view_permission(request) or not request.user.has_perm(SET_CONTRACT):
            raise PermissionDenied
        row = ContractRequest.objects.filter(pk=object_id).first() if is_row_number(object_id) else None
        if row is None:
            raise Http404
        if request.method == "POST":
            is_new = contracts.answer(request_id=row.pk, actor=acts.staff_of(request), now=timezone.now())
            if is_new:
                acts.log(actor=acts.staff_of(request), row=row, message="Answered.")
            messages.success(request, "It is answered." if is_new else "It was answered before.")
            return redirect(page_of(row))
        url = reverse("admin:billing_contractrequest_answered", args=[row.pk])
        return acts.ask(request, self, _answering(row), NothingAsked(), url=url)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a request, with what staff who may can do about it."""
        more = {**(extra_context or {}), "may_set_contract": request.user.has_perm(SET_CONTRACT)}
        return super().change_view(request, object_id, form_url, more)


def _address(name: str, wallet: Wallet) -> str:
    return reverse(f"admin:billing_wallet_{name}", args=[wallet.pk])


def _setting(wallet: Wallet) -> Act:
    return Act(
        title=f"Set a contract for {name_of(wallet)}",
        button="Set the contract",
        back_url=page_of(wallet),
        is_previewed=True,
        words="The monthly credits of the present plan end, and a new cycle of a month starts now. Packs stay."
        " Somebody who pays for a plan has to cancel it at Stripe first.",
        row=wallet,
    )


def _ending(wallet: Wallet) -> Act:
    return Act(
        title=f"End the contract of {name_of(wallet)}",
        button="End the contract",
        back_url=page_of(wallet),
        is_previewed=True,
        words="The wallet returns to Free now, with a new cycle and Free's monthly credits. Packs stay.",
        row=wallet,
    )


def _answering(row: ContractRequest) -> Act:
    return Act(
        title=f"Note that {row.company} was answered",
        button="It is answered",
        back_url=page_of(row),
        words="The owner may then ask again. It changes nothing else: a contract is set on the wallet.",
        row=row,
    )
