"""What sample customers have paid: through the Stripe sandbox and the product's own fulfilment, each sale at its time.

With a Stripe account of one's own, which knows no past, the same sales are written down without Stripe's names.
"""

import json
import urllib.request
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.db import transaction

from billing import gateway
from billing.models import Grant, Pack, Plan, Purchase, StripePrice, Wallet
from billing.services import checkouts, customers, grants, paid_subscriptions, stripe_catalog, subscriptions

PLAN = "pro"


class Sales(Protocol):
    """What one customer buys."""

    def subscribe(self, since: datetime) -> None:
        """Begin a subscription to Pro at a moment in the past; it is renewed each month until now."""

    def pay(self, number: int, at: datetime) -> None:
        """Let our side hear of all that was paid for the subscription until `at`, its period `number` at last."""

    def buy(self, pack: str, at: datetime) -> None:
        """Buy a pack at a moment."""


def sales_of(wallet: Wallet) -> Sales:
    """Return how a wallet's owner buys on this machine."""
    return AtStripe(wallet) if settings.IN_SANDBOX else OnPaper(wallet)


def prepare(*, now: datetime) -> None:
    """Let Stripe know our catalog: the sandbox at once; a Stripe account of one's own waits for its owner's word."""
    if settings.IN_SANDBOX:
        stripe_catalog.sync(now=now)


class AtStripe:
    """Sales at the Stripe sandbox, which can make a past."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self._subscription: paid_subscriptions.Fetched | None = None

    def subscribe(self, since: datetime) -> None:
        customer_id = customers.ensure_customer(wallet=self.wallet, now=since)
        found = gateway.subscriptions_of(customer_id)
        if found:
            subscription_id = found[0].id
        else:
            made = control("history", **self._sale(customer_id, plan_id=PLAN), since=int(since.timestamp()))
            subscription_id = made["subscription"]
        self._subscription = paid_subscriptions.fetch(subscription_id, now=since)

    def pay(self, number: int, at: datetime) -> None:
        if self._subscription is None:
            raise AssertionError("A subscription is paid after it was begun.")
        paid = (each for each in self._subscription.invoices if each.paid_at is not None and each.paid_at <= at)
        paid_subscriptions.apply(replace(self._subscription, started_at=at, invoices=tuple(paid)), now=at)

    def buy(self, pack: str, at: datetime) -> None:
        customer_id = customers.ensure_customer(wallet=self.wallet, now=at)
        session = control("packs_history", **self._sale(customer_id, pack_id=pack), at=int(at.timestamp()))
        checkouts.apply(checkouts.fetch_session(session["id"], now=at), now=at)

    def _sale(self, customer_id: str, **thing: str) -> dict[str, Any]:
        price = StripePrice.objects.get(is_current=True, **thing)
        return {
            "customer": customer_id,
            "price": price.stripe_price_id,
            "client_reference_id": str(uuid4()),
            "metadata": {"wallet": str(self.wallet.pk), "thing": price.lookup_key},
        }


class OnPaper:
    """Sales that no Stripe knows: they can't be refunded or managed in a portal."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet = wallet
        self._since: datetime | None = None

    def subscribe(self, since: datetime) -> None:
        self._since = since

    @transaction.atomic
    def pay(self, number: int, at: datetime) -> None:
        if self._since is None:
            raise AssertionError("A subscription is paid after it was begun.")
        plan = Plan.objects.get(pk=PLAN)
        grant = subscriptions.begin_bought_period(
            wallet_id=self.wallet.pk,
            plan=plan,
            starts_at=self._since + relativedelta(months=number),
            ends_at=self._since + relativedelta(months=number + 1),
            business_key=f"sample:{PLAN}:{number}",
            payer=None,
            now=at,
        )
        if grant is not None:
            self._write_down(grant, at, plan=plan, cents=plan.price_cents)

    @transaction.atomic
    def buy(self, pack: str, at: datetime) -> None:
        bought = Pack.objects.get(pk=pack)
        number = Purchase.objects.filter(wallet=self.wallet, pack__isnull=False).count() + 1
        grant = grants.issue(
            wallet_id=self.wallet.pk,
            source=Grant.Source.PURCHASE,
            amount=bought.amount,
            business_key=f"sample:pack:{number}",
            now=at,
        )
        self._write_down(grant, at, pack=bought, cents=bought.price_cents)

    def _write_down(self, grant: Grant, at: datetime, **facts: Any) -> None:
        Purchase.objects.get_or_create(
            wallet=self.wallet,
            business_key=grant.business_key,
            defaults=facts | {"grant": grant, "paid_at": at, "fulfilled_at": at},
        )


def control(act: str, **values: object) -> dict[str, Any]:
    """Have the Stripe sandbox do something that Stripe has no call for, and return what it made."""
    request = urllib.request.Request(  # noqa: S310  (our own sandbox on this machine)
        f"{settings.STRIPE_API_BASE}/sandbox/control/{act}",
        data=json.dumps(values).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        made: dict[str, Any] = json.load(answer)
        return made
