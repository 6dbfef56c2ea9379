"""Selling packs and plans through Stripe Checkout: one open session per wallet and thing, fulfilled once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from billing import gateway
from billing.errors import (
    AlreadySubscribed,
    NotForSale,
    StripeNotFound,
    StripeRefused,
    StripeUnavailable,
    UnexpectedPayment,
)
from billing.gateway.facts import SessionFacts
from billing.models import Checkout, Pack, Plan, StripePrice, Subscription, Wallet
from billing.services import customers, paid_subscriptions, purchases
from billing.services.cycles import CONTRACT
from billing.services.ledger import lock_wallet
from billing.services.transactions import in_one_transaction

#: How long Stripe keeps a session open, and the answer to the request that opened it.
SESSION_LASTS = timedelta(hours=24)
UNANSWERED_AFTER = timedelta(hours=23)
ROUNDS = 5
STATUS_OF_SESSION = {"open": Checkout.Status.OPEN, "expired": Checkout.Status.EXPIRED}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A Checkout Session as Stripe had it after `started_at`, with the subscription that it began."""

    started_at: datetime
    session: SessionFacts
    subscription: paid_subscriptions.Fetched | None = None


def begin_pack(*, wallet: Wallet, pack: str, now: datetime) -> Checkout:
    """Return an open Checkout for a pack; its `url` is where the buyer goes.

    Asked again, it is the same one until it was paid or has expired, so a double click buys nothing twice. Raises
    NotForSale, StripeUnavailable and StripeRefused.
    """
    price = StripePrice.objects.filter(pack_id=pack, is_current=True, pack__is_on_sale=True).first()
    if price is None:
        raise NotForSale(_not_for_sale(Pack.objects.filter(pk=pack, is_on_sale=True).first()))
    return _begin(wallet, price, now=now)


def begin_plan(*, wallet: Wallet, plan: str, now: datetime) -> Checkout:
    """Return an open Checkout for a plan; its `url` is where the buyer goes.

    Raises AlreadySubscribed for who pays for a plan or has a contract, and what `begin_pack` raises.
    """
    price = StripePrice.objects.filter(plan_id=plan, is_current=True).first()
    if price is None:
        raise NotForSale(_not_for_sale(Plan.objects.filter(pk=plan, price_cents__gt=0).first()))
    _refuse_second_plan(wallet)
    return _begin(wallet, price, now=now)


def fetch_session(session_id: str, *, now: datetime) -> Fetched:
    """Ask Stripe for a session, and for the subscription that it began."""
    session = gateway.fetch_session(session_id)
    subscription = paid_subscriptions.fetch(session.subscription_id, now=now) if session.subscription_id else None
    return Fetched(now, session, subscription)


def fetch_session_of_payment(stripe_payment_intent_id: str, *, now: datetime) -> Fetched | None:
    """Ask Stripe for the session that a payment came from; None when it came from elsewhere."""
    session = gateway.session_of_payment(stripe_payment_intent_id)
    return Fetched(now, session) if session else None


def sync_session(*, session_id: str, now: datetime) -> str:
    """Make our side what Stripe says of a session now; return what changed, in words, or nothing."""
    return apply(fetch_session(session_id, now=now), now=now)


def sync(*, checkout: Checkout, now: datetime) -> Checkout:
    """Ask Stripe what became of a Checkout, fulfil it if it was paid, and return it as it is now."""
    if checkout.stripe_session_id:
        sync_session(session_id=checkout.stripe_session_id, now=now)
    return Checkout.objects.select_related("price__pack", "price__plan").get(pk=checkout.pk)


@in_one_transaction
def apply(fetched: Fetched, *, now: datetime) -> str:
    """Record a session's state and grant what it sold once it is paid; the same for webhook, return page and repair.

    Returns what changed, in words. Raises UnexpectedPayment for money from nobody we know, or for nothing we sell.
    """
    session = fetched.session
    wallet_id = customers.wallet_id_of(session.customer_id) if session.customer_id else None
    checkout_id = _uuid(session.client_reference_id)
    if not _is_ours(session, checkout_id):
        return ""
    if wallet_id is None:
        if not session.is_paid:
            return ""
        raise UnexpectedPayment(f"{session.id} was paid by {session.customer_id or 'nobody'}, none of our customers.")
    lock_wallet(wallet_id)
    if checkout_id is not None:
        _record(checkout_id, wallet_id, fetched)
    done = []
    if session.mode == "payment" and (
        purchase := purchases.fulfil_packs(wallet_id=wallet_id, session=session, now=now)
    ):
        done.append(f"Granted by {purchase.business_key}.")
    if fetched.subscription is not None:
        done.append(paid_subscriptions.apply(fetched.subscription, now=now))
    return " ".join(filter(None, done))


def close_all(*, wallet_id: int, now: datetime) -> None:
    """Close every session of a wallet that could still be paid. Raises StripeUnavailable and StripeRefused."""
    open_ones = Checkout.objects.filter(wallet_id=wallet_id, status=Checkout.Status.OPEN)
    for checkout in open_ones.exclude(stripe_session_id=None).order_by("created_at"):
        _expire(checkout, now=now)


def return_url(checkout: Checkout) -> str:
    """Return where Stripe sends a buyer who has paid; built from a name, never from what a request says."""
    path = reverse("billing:checkout_return", args=[checkout.pk])
    return f"{urljoin(settings.SITE_URL, path)}?session_id={{CHECKOUT_SESSION_ID}}"


def cancel_url(checkout: Checkout) -> str:
    """Return where Stripe sends a buyer who turned back."""
    return str(urljoin(settings.SITE_URL, reverse("billing:checkout_cancelled", args=[checkout.pk])))


def _begin(wallet: Wallet, price: StripePrice, *, now: datetime) -> Checkout:
    """Reuse what is open, close what is over or has another price, and open the rest anew.

    Every round but the last closes a Checkout, and a wallet has one open for a thing.
    """
    for _ in range(ROUNDS):
        checkout = _reserve(wallet, price, now=now)
        if checkout.stripe_session_id is None:
            if checkout.price_id == price.pk and checkout.created_at > now - UNANSWERED_AFTER:
                return _open_session(checkout, wallet, now=now)
            _close(checkout)
            continue
        checkout = sync(checkout=checkout, now=now)
        if checkout.status == Checkout.Status.OPEN:
            if checkout.price_id == price.pk:
                return checkout
            _expire(checkout, now=now)
        elif price.plan_id is not None:
            _refuse_second_plan(wallet)
    raise StripeUnavailable("Stripe keeps an older checkout of yours open; try again in a minute.")


@in_one_transaction
def _reserve(wallet: Wallet, price: StripePrice, *, now: datetime) -> Checkout:
    if lock_wallet(wallet.pk).owner_id is None:
        raise NotForSale("This account is deleted.")
    checkout = Checkout.objects.filter(wallet=wallet, thing=price.lookup_key, status=Checkout.Status.OPEN).first()
    if checkout is None and price.plan_id is not None:
        _refuse_second_plan(wallet)  # another request may have seen it paid a moment ago
    return checkout or Checkout.objects.create(
        wallet=wallet, price=price, thing=price.lookup_key, created_at=now, expires_at=now + SESSION_LASTS
    )


def _open_session(checkout: Checkout, wallet: Wallet, *, now: datetime, is_second_try: bool = False) -> Checkout:
    """Ask Stripe for the session; asked twice with the same key, it answers with the same session."""
    customer_id = customers.ensure_customer(wallet=wallet, now=now)
    price = checkout.price
    try:
        session = gateway.create_session(
            mode="subscription" if price.plan_id else "payment",
            price_id=price.stripe_price_id,
            customer_id=customer_id,
            checkout_id=str(checkout.pk),
            success_url=return_url(checkout),
            cancel_url=cancel_url(checkout),
            metadata={"wallet": str(wallet.pk), "checkout": str(checkout.pk), "thing": checkout.thing},
            idempotency_key=f"checkout-{checkout.pk}-{customer_id}",
        )
    except StripeRefused as error:
        if is_second_try or error.code != "resource_missing" or not customers.fetch_deletion(customer_id):
            raise
        customers.forget_customer(stripe_customer_id=customer_id, now=now)
        return _open_session(checkout, wallet, now=now, is_second_try=True)
    Checkout.objects.filter(pk=checkout.pk, stripe_session_id=None).update(
        stripe_session_id=session.id, url=session.url, expires_at=session.expires_at
    )
    checkout.refresh_from_db()
    return checkout


def _expire(checkout: Checkout, *, now: datetime) -> None:
    """Close a session at Stripe, unless it was paid this very moment; its Checkout follows."""
    try:
        gateway.expire_session(checkout.stripe_session_id or "")
    except StripeNotFound:
        _close(checkout)
        return
    except StripeRefused:
        pass  # it isn't open any more, and what it is now is asked next
    sync(checkout=checkout, now=now)


def _close(checkout: Checkout) -> None:
    Checkout.objects.filter(pk=checkout.pk, status=Checkout.Status.OPEN).update(status=Checkout.Status.EXPIRED)


def _record(checkout_id: UUID, wallet_id: int, fetched: Fetched) -> None:
    session = fetched.session
    checkout = Checkout.objects.select_for_update().filter(pk=checkout_id, wallet_id=wallet_id).first()
    if checkout is None or (checkout.synced_at is not None and checkout.synced_at > fetched.started_at):
        return
    if checkout.stripe_session_id not in {None, session.id}:
        return
    if session.status == "complete":
        status = Checkout.Status.COMPLETE if session.is_paid else Checkout.Status.PROCESSING
        if session.is_failed:
            status = Checkout.Status.FAILED
    else:
        status = STATUS_OF_SESSION.get(session.status, Checkout.Status.OPEN)
    if status != Checkout.Status.OPEN:  # what was closed stays so: another may be open in its stead
        checkout.status = status
    checkout.stripe_session_id = session.id
    checkout.url = session.url or checkout.url
    checkout.expires_at = session.expires_at
    checkout.synced_at = fetched.started_at
    checkout.save(update_fields=["status", "stripe_session_id", "url", "expires_at", "synced_at"])


def _refuse_second_plan(wallet: Wallet) -> None:
    plan_id = Subscription.objects.filter(wallet=wallet).values_list("plan_id", flat=True).first()
    if plan_id == CONTRACT:
        raise AlreadySubscribed("Your plan is a contract; write to us to change it.")
    if paid_subscriptions.is_paying(wallet.pk):
        raise AlreadySubscribed("You have this plan already; change or cancel it under “Manage plan”.")


def _is_ours(session: SessionFacts, checkout_id: UUID | None) -> bool:
    if checkout_id is not None and Checkout.objects.filter(pk=checkout_id).exists():
        return True
    return StripePrice.objects.filter(stripe_price_id__in=session.price_ids).exists()


def _not_for_sale(thing: Pack | Plan | None) -> str:
    if thing is None:
        return "That isn't sold here, or not any more."
    return f"{thing.name} can't be bought yet: Stripe doesn't know its price. Staff run sync_stripe_catalog for that."


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
