"""What staff may do to a wallet: adjust its credits, suspend it, resume it, prove its books."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST

from billing.admin import acts, adjustments
from billing.admin.acts import Act
from billing.admin.forms import AdjustmentForm, KeyedAdjustmentForm, NothingAsked, SuspensionForm
from billing.admin.reading import ReadOnly, name_of
from billing.admin.tables import page_of
from billing.errors import MeteringError
from billing.models import Wallet
from billing.services import settlement, wallets
from billing.units import format_credits

ADJUST, SUSPEND = "billing.adjust_wallet", "billing.suspend_wallet"

asked_or_sent = method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
sent = method_decorator(require_POST)


class WalletActs(ReadOnly):
    """The pages of the acts; each asks for its own permission."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            ("adjust/", self.adjust_view, "adjust"),
            ("adjust/post/", self.post_adjustment_view, "adjust_post"),
            ("suspend/", self.suspend_view, "suspend"),
            ("resume/", self.resume_view, "resume"),
        ]
        return [
            *(
                path(f"<int:wallet_id>/{address}", self.admin_site.admin_view(view), name=f"billing_wallet_{name}")
                for address, view, name in own
            ),
            *super().get_urls(),
        ]

    @asked_or_sent
    def adjust_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Ask for an adjustment; once it is valid, show what it would change."""
        wallet = settled(self._wallet_for(request, wallet_id, ADJUST))
        form = AdjustmentForm(request.POST or None)
        if form.is_valid():
            if changes := adjustments.changes(wallet, form):
                return acts.preview(
                    request,
                    self,
                    _adjustment(wallet),
                    form,
                    url=_address("adjust_post", wallet),
                    changes=changes,
                    hidden={"key": adjustments.new_key()},
                )
            form.add_error("amount", "There is nothing left to take from this wallet.")
        return acts.ask(request, self, _adjustment(wallet), form, url=_address("adjust", wallet))

    @sent
    def post_adjustment_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Post a previewed adjustment, once per key."""
        wallet = self._wallet_for(request, wallet_id, ADJUST)
        form = KeyedAdjustmentForm(request.POST)
        if form.is_valid():
            try:
                entry, is_new = adjustments.post(wallet=wallet, form=form, actor=acts.staff_of(request))
            except MeteringError as error:
                form.add_error(None, str(error))
            else:
                posted = f"Entry #{entry.sequence}: {adjustments.signed(entry.available_change)} credits"
                left = f"{format_credits(entry.available_after)} available after it."
                messages.success(request, f"{posted}, {left}" if is_new else f"It was posted before. {posted}, {left}")
                return redirect(page_of(wallet))
        return acts.ask(request, self, _adjustment(wallet), form.without_key(), url=_address("adjust", wallet))

    @asked_or_sent
    def suspend_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Suspend a wallet with a reason that its owner is shown."""
        wallet = self._wallet_for(request, wallet_id, SUSPEND)
        form = SuspensionForm(request.POST or None)
        if form.is_valid():
            if wallets.suspend(wallet_id=wallet.pk, reason=form.cleaned_data["reason"], now=timezone.now()):
                self.log_change(request, wallet, "Suspended.")
            messages.success(request, "The wallet is suspended.")
            return redirect(page_of(wallet))
        return acts.ask(request, self, _suspension(wallet), form, url=_address("suspend", wallet))

    @asked_or_sent
    def resume_view(self, request: HttpRequest, wallet_id: int) -> HttpResponse:
        """Resume a suspended wallet."""
        wallet = self._wallet_for(request, wallet_id, SUSPEND)
        if request.method == "POST":
            if wallets.resume(wallet_id=wallet.pk):
                self.log_change(request, wallet, "Resumed.")
            messages.success(request, "The wallet can be used again.")
            return redirect(page_of(wallet))
        return acts.ask(request, self, _resumption(wallet), NothingAsked(), url=_address("resume", wallet))

    def _wallet_for(self, request: HttpRequest, wallet_id: int, permission: str) -> Wallet:
        if not self.has_view_permission(request) or not request.user.has_perm(permission):
            raise PermissionDenied
        return get_object_or_404(Wallet.objects.select_related("owner"), pk=wallet_id)


def settled(wallet: Wallet) -> Wallet:
    """Return a wallet with what came due settled, so that its page shows what is true now (decision 14)."""
    now = timezone.now()
    if wallet.next_due_at is not None and wallet.next_due_at <= now:
        try:
            settlement.settle(wallet_id=wallet.pk, now=now)
        except MeteringError:
            return wallet
        wallet.refresh_from_db()
    return wallet


def _address(name: str, wallet: Model) -> str:
    return reverse(f"admin:billing_wallet_{name}", args=[wallet.pk])


def _adjustment(wallet: Wallet) -> Act:
    available = "It is unlimited: usage burns nothing." if wallet.unlimited else ""
    return Act(
        title=f"Adjust the credits of {name_of(wallet)}",
        button="Post the adjustment",
        back_url=page_of(wallet),
        is_previewed=True,
        words=f"{format_credits(wallet.available)} credits are available, {format_credits(wallet.held)} held."
        f" {available} What is taken stops at what is available.",
        row=wallet,
    )


def _suspension(wallet: Wallet) -> Act:
    return Act(
        title=f"Suspend the wallet of {name_of(wallet)}",
        button="Suspend",
        back_url=page_of(wallet),
        words="New charges and holds are refused until it is resumed. Open holds still settle, and nothing is lost.",
        row=wallet,
    )


def _resumption(wallet: Wallet) -> Act:
    return Act(
        title=f"Resume the wallet of {name_of(wallet)}",
        button="Resume",
        back_url=page_of(wallet),
        words=f"It was suspended, and its owner is told why: “{wallet.suspension_reason}”"
        if wallet.suspended_at
        else "It isn't suspended.",
        row=wallet,
    )
