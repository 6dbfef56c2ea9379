"""Somebody's chatbots: the list, and what can be done with each."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from billing.errors import MeteringError
from billing.forms import ChatbotForm
from billing.models import Chatbot
from billing.selectors import chatbots as selectors
from billing.services import chatbots
from billing.services.chatbots import UnknownChatbot
from billing.views.addresses import whole_number
from billing.views.refusals import only_by_button
from billing.views.wallets import SignedInRequest, wants_fragment, with_wallet

LIST = "chatbots:list"


@require_safe
@with_wallet
def chatbots_page(request: SignedInRequest) -> HttpResponse:
    """Show a page of chatbots with what each used, and what the plan allows."""
    return _list(request, "billing/chatbots/list.html")


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def create(request: SignedInRequest) -> HttpResponse:
    """Ask for a name and a model, and make a chatbot of them."""
    wallet, now = request.user.wallet, timezone.now()
    form = ChatbotForm(request.POST or None, models=selectors.models_to_choose(now=now))
    if request.method == "POST" and form.is_valid():
        try:
            chatbot = chatbots.create(wallet_id=wallet.pk, **form.cleaned_data, now=now)
        except MeteringError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, format_html("“<bdi>{}</bdi>” is ready.", chatbot.name))
            return redirect(LIST)
    counts, limit = selectors.counts(wallet), selectors.limit_of(wallet)
    context = {"form": form, "counts": counts, "limit": limit, "has_room": counts.has_room_under(limit)}
    return render(request, "billing/chatbots/create.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def change(request: SignedInRequest, chatbot_id: int) -> HttpResponse:
    """Rename a chatbot, or let it answer with another model."""
    chatbot, now = _own(request, chatbot_id), timezone.now()
    form = ChatbotForm(
        request.POST or None,
        models=selectors.models_to_choose(now=now),
        initial={"name": chatbot.name, "model": chatbot.model_id},
    )
    if request.method == "POST" and form.is_valid():
        try:
            chatbots.change(wallet_id=chatbot.wallet_id, chatbot_id=chatbot.pk, **form.cleaned_data, now=now)
        except MeteringError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, format_html("“<bdi>{}</bdi>” is saved.", form.cleaned_data["name"]))
            return redirect(LIST)
    return render(request, "billing/chatbots/change.html", {"form": form, "chatbot": chatbot})


@only_by_button(LIST)
@with_wallet
def pause(request: SignedInRequest, chatbot_id: int) -> HttpResponse:
    """Pause a chatbot and stay on the page."""
    return _after(
        request, chatbots.pause, chatbot_id, "“<bdi>{}</bdi>” is paused. It answers nobody until you resume it."
    )


@only_by_button(LIST)
@with_wallet
def resume(request: SignedInRequest, chatbot_id: int) -> HttpResponse:
    """Resume a chatbot, if the plan has room for it, and stay on the page."""
    return _after(request, chatbots.resume, chatbot_id, "“<bdi>{}</bdi>” answers again.")


@require_http_methods(["GET", "HEAD", "POST"])
@with_wallet
def delete(request: SignedInRequest, chatbot_id: int) -> HttpResponse:
    """Say what deleting a chatbot means; once that is confirmed, delete it."""
    chatbot = _own(request, chatbot_id)
    if request.method == "POST":
        return _after(request, chatbots.delete, chatbot.pk, "“<bdi>{}</bdi>” is deleted.")
    return render(request, "billing/chatbots/delete.html", {"chatbot": chatbot})


def _own(request: SignedInRequest, chatbot_id: int) -> Chatbot:
    """Return one of the reader's chatbots; nobody else's are found."""
    chatbot = selectors.find(request.user.wallet, chatbot_id)
    if chatbot is None:
        raise Http404("This wallet has no such chatbot.")
    return chatbot


def _after(request: SignedInRequest, act: Callable[..., Chatbot], chatbot_id: int, said: str) -> HttpResponse:
    """Do something with a chatbot, say so or why not, and answer with the page that it was on."""
    try:
        chatbot = act(wallet_id=request.user.wallet.pk, chatbot_id=chatbot_id, now=timezone.now())
    except UnknownChatbot:
        if wants_fragment(request):  # it was deleted in another tab: show what is left
            return HttpResponse(status=404, headers={"HX-Refresh": "true"})
        raise Http404("This wallet has no such chatbot.") from None
    except MeteringError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, format_html(said, chatbot.name))
    if wants_fragment(request):
        return _list(request, "billing/chatbots/_list.html")
    before = _before(request)
    return redirect(f"{reverse(LIST)}?before={before}" if before else LIST)


def _list(request: SignedInRequest, template: str) -> HttpResponse:
    page = selectors.page(request.user.wallet, before=_before(request), now=timezone.now())
    models = [] if page.counts.all else selectors.models_to_choose(now=timezone.now())
    return render(request, template, {"page": page, "models": models, "is_fragment": wants_fragment(request)})


def _before(request: SignedInRequest) -> int | None:
    """Return where the page of chatbots begins that the reader looks at."""
    return whole_number(request.POST.get("before", "") or request.GET.get("before", ""))
