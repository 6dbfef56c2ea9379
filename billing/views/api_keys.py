"""Settings → API keys: the list, and what can be done with each. A new key is shown once, by the page that made it."""

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from billing.errors import MeteringError
from billing.forms import ApiKeyForm, ExpiryForm, ReplacementForm
from billing.selectors import api_keys as selectors
from billing.selectors.api_keys import Row
from billing.services import api_keys
from billing.services.api_keys import NewKey
from billing.views.wallets import SignedInRequest, with_wallet

LIST = "api_keys:list"
asked_or_sent = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@with_wallet
def keys_page(request: SignedInRequest) -> HttpResponse:
    """Show a wallet's keys with their state and last use, or what plan has room for them."""
    return render(request, "billing/api_keys/list.html", {"page": _page(request)})


@asked_or_sent
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth's has no types
@with_wallet
def create(request: SignedInRequest) -> HttpResponse:
    """Ask for a name, scopes and an end, make a key of them, and show it this once."""
    if not _page(request).has_access:
        return redirect(LIST)
    form, now = ApiKeyForm(request.POST or None), timezone.now()
    if request.method == "POST" and form.is_valid():
        try:
            made = api_keys.create(
                wallet_id=request.user.wallet.pk,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at(now=now),
                created_by=request.user,
                now=now,
            )
        except MeteringError as refusal:
            form.add_error(None, str(refusal))
        else:
            return _shown_once(request, made)
    return render(request, "billing/api_keys/create.html", {"form": form})


@asked_or_sent
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth's has no types
@with_wallet
def replace(request: SignedInRequest, key_id: int) -> HttpResponse:
    """Ask how long a key works on beside its successor, make that one, and show it this once."""
    row, form, now = _own(request, key_id), ReplacementForm(request.POST or None), timezone.now()
    if not _page(request).has_access:
        return redirect(LIST)
    if request.method == "POST" and form.is_valid():
        try:
            made = api_keys.rotate(
                wallet_id=request.user.wallet.pk,
                key_id=key_id,
                overlap=form.overlap_span,
                expires_at=form.expires_at(now=now),
                created_by=request.user,
                now=now,
            )
        except MeteringError as refusal:
            form.add_error(None, str(refusal))
        else:
            return _shown_once(request, made, replaced=_own(request, key_id))
    return _ask(request, "replace", row, form)


@asked_or_sent
@with_wallet
def expiry(request: SignedInRequest, key_id: int) -> HttpResponse:
    """Ask when a key ends, and set that."""
    row, form, now = _own(request, key_id), ExpiryForm(request.POST or None), timezone.now()
    if request.method == "POST" and form.is_valid():
        try:
            api_keys.set_expiry(
                wallet_id=request.user.wallet.pk, key_id=key_id, expires_at=form.expires_at(now=now), now=now
            )
        except MeteringError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, format_html("“<bdi>{}</bdi>” is saved.", row.key.name))
            return redirect(LIST)
    return _ask(request, "expiry", row, form)


@asked_or_sent
@with_wallet
def revoke(request: SignedInRequest, key_id: int) -> HttpResponse:
    """Say what revoking a key means; once that is confirmed, revoke it."""
    row = _own(request, key_id)
    if request.method != "POST":
        return render(request, "billing/api_keys/revoke.html", {"row": row})
    api_keys.revoke(wallet_id=request.user.wallet.pk, key_id=key_id, now=timezone.now())
    messages.success(request, format_html("“<bdi>{}</bdi>” is revoked. It opens nothing any more.", row.key.name))
    return redirect(LIST)


def _page(request: SignedInRequest) -> selectors.Page:
    return selectors.page(request.user.wallet, now=timezone.now())


def _own(request: SignedInRequest, key_id: int) -> Row:
    """Return one of the reader's keys; nobody else's are found."""
    row = selectors.find(request.user.wallet, key_id, now=timezone.now())
    if row is None:
        raise Http404("This wallet has no such API key.")
    return row


def _ask(request: SignedInRequest, act: str, row: Row, form: forms.Form) -> HttpResponse:
    return render(request, f"billing/api_keys/{act}.html", {"row": row, "form": form})


def _shown_once(request: SignedInRequest, made: NewKey, replaced: Row | None = None) -> HttpResponse:
    """Show a key to whoever made it. It is nowhere else, so that the page answers the POST itself."""
    context = {"key": made.key, "token": made.token, "replaced": replaced, "address": request.build_absolute_uri("/")}
    return render(request, "billing/api_keys/made.html", context)
