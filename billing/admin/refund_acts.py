"""Refund a purchase: how much and why, what that does to its credits, and one refund however often it is pressed."""

from collections.abc import Sequence
from uuid import uuid4

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.models import User
from billing.admin import acts
from billing.admin.acts import Act, Change
from billing.admin.catalog import dollars
from billing.admin.forms import KeyedRefundForm, RefundForm
from billing.admin.paging import is_row_number
from billing.admin.reading import OfAWallet, name_of
from billing.admin.sale_tables import sold
from billing.admin.tables import page_of
from billing.admin.wallet_acts import asked_or_sent, sent, settled
from billing.errors import MeteringError, PaymentError, StripeUnavailable
from billing.models import Purchase, Refund
from billing.services import refunds
from billing.services.ledger import lock_wallet
from billing.services.refunds import RefundPreview
from billing.services.transactions import in_one_transaction
from billing.units import format_credits

REFUND = "billing.refund_purchase"


class RefundActs(OfAWallet):
    """The pages that refund a purchase."""

    def get_urls(self) -> list[URLPattern]:
        own = [("refund/", self.refund_view, "refund"), ("refund/post/", self.post_refund_view, "refund_post")]
        return [
            *(
                path(f"<path:object_id>/{address}", self.admin_site.admin_view(view), name=f"billing_purchase_{name}")
                for address, view, name in reversed(own)
            ),
            *super().get_urls(),
        ]

    @asked_or_sent
    def refund_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how much to refund; once that is possible, show what it would do."""
        purchase = self._purchase_for(request, object_id)
        form = RefundForm(request.POST or None, cents_left=_cents_left(purchase))
        return self._look(request, purchase, form, key=str(uuid4()))

    @sent
    def post_refund_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask Stripe for a previewed refund, once per key; what has changed since is looked at again first."""
        purchase = self._purchase_for(request, object_id)
        form = KeyedRefundForm(request.POST)
        if form.is_valid():
            key, cents = str(form.cleaned_data["key"]), form.cleaned_data["cents"]
            is_new = not Refund.objects.filter(key=_key_of(form)).exists()
            if is_new and form.cleaned_data["effect"] != _effect(refunds.preview(purchase=purchase, cents=cents)):
                messages.warning(request, "The credits or the payment have changed since. Look at it again.")
                return self._look(request, purchase, form.without_key(cents_left=_cents_left(purchase)), key=key)
            try:
                refund = _ask(purchase, form, actor=acts.staff_of(request))
            except (MeteringError, PaymentError) as error:
                form.add_error(None, str(error))
            else:
                _say(request, refund, is_new=is_new)
                return redirect(page_of(refund))
        return self._look(request, purchase, form.without_key(cents_left=_cents_left(purchase)), key=str(uuid4()))

    def _look(self, request: HttpRequest, purchase: Purchase, form: RefundForm, *, key: str) -> HttpResponse:
        """Show what a valid form would do, ready to be asked for under `key`, or the form with what is wrong."""
        act = _refunding(purchase)
        if not form.is_valid():
            return acts.ask(request, self, act, form, url=_address("refund", purchase))
        found = refunds.preview(purchase=purchase, cents=form.cleaned_data["cents"])
        url, hidden = _address("refund_post", purchase), {"key": key, "effect": _effect(found)}
        return acts.preview(request, self, act, form, url=url, changes=changes(purchase, found), hidden=hidden)

    def _purchase_for(self, request: HttpRequest, object_id: str) -> Purchase:
        if not self.has_view_permission(request) or not request.user.has_perm(REFUND):
            raise PermissionDenied
        purchases = Purchase.objects.select_related("wallet__owner", "pack", "plan", "grant__wallet")
        purchase = purchases.filter(pk=object_id).first() if is_row_number(object_id) else None
        if purchase is None:
            raise Http404
        settled(purchase.wallet)
        return purchases.get(pk=purchase.pk)


def changes(purchase: Purchase, found: RefundPreview) -> Sequence[Change]:
    """Return what a refund would do to the money and to the credits."""
    returned = found.cents_paid - found.cents_left
    lines = [
        Change(
            "Returned of this payment",
            dollars(returned),
            f"{dollars(returned + found.cents)}, of {dollars(found.cents_paid)}",
        ),
    ]
    if purchase.grant is None:
        return lines
    available = purchase.wallet.available
    lines += [
        Change("Credits given", format_credits(found.granted), format_credits(found.granted)),
        Change("Spent or expired", format_credits(found.spent), format_credits(found.spent)),
        Change("Left of them", format_credits(found.left), format_credits(found.left - found.taken)),
        Change("Taken back", format_credits(found.taken_before), format_credits(found.taken_before + found.taken)),
    ]
    if found.held:
        to_come = f"{format_credits(found.to_come)} are taken when the holds return them"
        lines.append(Change("Kept by open holds", format_credits(found.held), to_come))
    if found.uncovered:
        stays = f"{format_credits(found.uncovered)}: the entry shows it, nobody collects it"
        lines.append(Change("Spent already, so not taken", "–", stays))
    return [*lines, Change("Available", format_credits(available), format_credits(available - found.taken))]


def _ask(purchase: Purchase, form: KeyedRefundForm, *, actor: User) -> Refund:
    """Ask for the refund that a form stands for; one that Stripe can't be asked for now waits."""
    answers = form.cleaned_data
    try:
        refund = refunds.request(
            purchase=purchase,
            cents=answers["cents"],
            actor=actor,
            reason=answers["reason"],
            key=_key_of(form),
            now=timezone.now(),
        )
    except StripeUnavailable:
        refund = Refund.objects.get(key=_key_of(form))
    _log(purchase, refund, actor=actor)
    return refund


@in_one_transaction
def _log(purchase: Purchase, refund: Refund, *, actor: User) -> None:
    """Write a refund into the staff's log of its purchase, once; the reason stays with the refund."""
    lock_wallet(purchase.wallet_id)
    message = f"Refund {refund.pk} of {dollars(refund.cents)} asked for."
    of_purchase = {
        "content_type": ContentType.objects.get_for_model(Purchase),
        "object_id": str(purchase.pk),
        "change_message": message,
    }
    if not LogEntry.objects.filter(**of_purchase).exists():
        acts.log(actor=actor, row=purchase, message=message)


def _say(request: HttpRequest, refund: Refund, *, is_new: bool) -> None:
    """Tell what became of a refund."""
    before = "" if is_new else "It was asked for before. "
    money = dollars(refund.cents)
    match refund.status:
        case Refund.Status.REQUESTED:
            said = (
                f"{before}Stripe can't be reached. The refund of {money} is kept and asked for again by itself, once."
            )
            messages.warning(request, said)
        case Refund.Status.REFUSED:
            messages.error(request, f"{before}Stripe refused the refund of {money}: {refund.error}")
        case Refund.Status.FAILED | Refund.Status.CANCELED:
            messages.error(request, f"{before}The refund of {money} failed; nothing is taken back for it.")
        case _:
            messages.success(request, f"{before}{money} go back to the customer.")


def _effect(found: RefundPreview) -> str:
    """Return a text that changes whenever a preview would."""
    figures = (found.cents, found.cents_left, found.left, found.held, found.taken, found.to_come, found.uncovered)
    return " ".join(map(str, figures))


def _key_of(form: KeyedRefundForm) -> str:
    return f"refund-form:{form.cleaned_data['key']}"


def _cents_left(purchase: Purchase) -> int:
    return refunds.preview(purchase=purchase, cents=0).cents_left


def _address(name: str, purchase: Purchase) -> str:
    return reverse(f"admin:billing_purchase_{name}", args=[purchase.pk])


def _refunding(purchase: Purchase) -> Act:
    goodwill = " Monthly credits are not refundable: this would be goodwill." if purchase.plan else ""
    return Act(
        title=f"Refund {sold(purchase)} of {name_of(purchase.wallet)}",
        button="Refund",
        back_url=page_of(purchase),
        is_previewed=True,
        words=f"{dollars(purchase.cents)} were paid. The same share of its credits is taken back, as far as they are"
        f" still there.{goodwill}",
        row=purchase,
    )
