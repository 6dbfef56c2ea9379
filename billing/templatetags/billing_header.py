"""What every page says about credits: the balance chip in the header and the banners below it."""

from django import template
from django.template import Context
from django.utils import timezone

from billing.models import Wallet
from billing.selectors import balance as balances
from billing.selectors.balance import Balance, Pace
from billing.services.wallets import settled_wallet

register = template.Library()


@register.inclusion_tag("billing/_balance_chip.html", takes_context=True)
def balance_chip(context: Context) -> dict[str, object]:
    """The live balance of whoever is signed in; a page that has read the balance already shares it."""
    known = context.get("balance")
    if isinstance(known, Balance):
        return {"balance": known}
    wallet = _wallet(context)
    return {"balance": balances.current(wallet) if wallet else None}


@register.inclusion_tag("billing/_banners.html", takes_context=True)
def billing_banners(context: Context) -> dict[str, object]:
    """What there is to know of the plan, the warning that still holds, and whether the wallet is suspended."""
    wallet = _wallet(context)
    if wallet is None:
        return {"banners": None}
    known = context.get("pace")
    pace = known if isinstance(known, Pace) else None
    return {"banners": balances.banners(wallet, now=timezone.now(), known_pace=pace)}


def _wallet(context: Context) -> Wallet | None:
    user = context.get("user")
    if user is None or not user.is_authenticated:
        return None
    return settled_wallet(owner=user, now=timezone.now())
