"""Our catalog at Stripe: one product and one price for each pack and plan that is paid for there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from billing import gateway
from billing.errors import NotForSale, StripeNotFound
from billing.gateway import EndpointFacts, PriceFacts
from billing.models import Pack, Plan, StripePrice
from billing.services.inbox import TYPES
from billing.services.transactions import in_one_transaction
from billing.units import format_credits

CENTS = 100


@dataclass(frozen=True, slots=True)
class Thing:
    """What we sell: a pack once, or a plan each month."""

    key: str
    name: str
    cents: int
    pack: Pack | None = None
    plan: Plan | None = None

    @property
    def product_id(self) -> str:
        return f"cleverai_{self.key}"

    @property
    def interval(self) -> str:
        return "month" if self.plan else ""

    @property
    def amount(self) -> int | None:
        """What a pack holds, in millicredits; part of what its price means, so another amount is another price."""
        return self.pack.amount if self.pack else None

    @property
    def metadata(self) -> dict[str, str]:
        return {} if self.amount is None else {"millicredits": str(self.amount)}

    def __str__(self) -> str:
        price = f"${self.cents // CENTS:,}.{self.cents % CENTS:02} {'a month' if self.plan else 'once'}"
        return price if self.amount is None else f"{price} for {format_credits(self.amount)} credits"


@dataclass(frozen=True, slots=True)
class Change:
    """One step that brings Stripe, or what we know of it, to what our catalog says."""

    words: str
    make: Callable[[datetime], object]


def differences() -> list[str]:
    """Return in words what `sync` would change, in its order. Raises StripeUnavailable and StripeRefused."""
    return [change.words for change in _changes()]


def sync(*, now: datetime) -> list[str]:
    """Bring Stripe to what our catalog says, and remember the prices' ids; return in words what was changed.

    A changed price or pack becomes a further price, which takes the lookup key over; the older one keeps its meaning
    for those who paid it. Twice is harmless. Raises StripeUnavailable and StripeRefused; what was done then stands.
    """
    done = []
    for change in _changes():
        change.make(now)
        done.append(change.words)
    return done


def sync_endpoint(*, url: str) -> EndpointFacts | None:
    """Have our events sent to `url` in our version; return the endpoint with its secret if it had to be made.

    An endpoint of another version can't be changed; it stays, until somebody switches it off.
    """
    for endpoint in gateway.fetch_endpoints():
        if endpoint.url == url and endpoint.api_version == gateway.API_VERSION:
            if not endpoint.is_enabled or set(endpoint.types) != set(TYPES):
                gateway.change_endpoint(endpoint_id=endpoint.id, types=sorted(TYPES))
            return None
    return gateway.create_endpoint(url=url, types=sorted(TYPES))


def _things() -> list[Thing]:
    things = [
        Thing(key=f"pack_{pack.code.removeprefix('pack-')}", name=pack.name, cents=pack.price_cents, pack=pack)
        for pack in Pack.objects.filter(is_on_sale=True)
    ] + [
        Thing(key=f"plan_{plan.code}", name=f"CleverAI {plan.name}", cents=plan.price_cents or 0, plan=plan)
        for plan in Plan.objects.filter(price_cents__gt=0)
    ]
    keys = [thing.key for thing in things]
    for key in keys:
        if keys.count(key) > 1:
            raise NotForSale(f"Two things would be called “{key}” at Stripe; one of them needs another code.")
    return things


def _changes() -> list[Change]:
    things = _things()
    prices = {price.lookup_key: price for price in gateway.fetch_prices([thing.key for thing in things])}
    rows = {row.lookup_key: row for row in StripePrice.objects.filter(is_current=True)}
    changes = [change for thing in things for change in _product_changes(thing)]
    changes += [
        change for thing in things for change in _price_changes(thing, prices.get(thing.key), rows.pop(thing.key, None))
    ]
    changes += [Change(f"{row.lookup_key}: no longer sold", partial(_forget, row)) for row in rows.values()]
    if lacking := gateway.portal_differences():
        changes.append(Change(f"Customer Portal: {', '.join(lacking)}", _set_portal))
    return changes


def _product_changes(thing: Thing) -> Iterator[Change]:
    try:
        product = gateway.fetch_product(thing.product_id)
    except StripeNotFound:
        yield Change(f"{thing.key}: new product “{thing.name}”", partial(_make_product, thing))
        return
    if product.name != thing.name:
        yield Change(f"{thing.key}: “{product.name}” becomes “{thing.name}”", partial(_rename_product, thing))
    elif not product.is_active:
        yield Change(f"{thing.key}: back on sale", partial(_rename_product, thing))


def _price_changes(thing: Thing, price: PriceFacts | None, row: StripePrice | None) -> Iterator[Change]:
    if price is None:
        yield Change(f"{thing.key}: new price, {thing}", partial(_make_price, thing, ""))
    elif not _is_right(price, thing):
        yield Change(
            f"{thing.key}: another price, {thing}, instead of {price.id}", partial(_make_price, thing, price.id)
        )
    elif row is None or row.stripe_price_id != price.id:
        yield Change(f"{thing.key}: known here as {price.id}", partial(_remember, thing, price))


def _is_right(price: PriceFacts, thing: Thing) -> bool:
    return (
        price.is_active
        and price.product_id == thing.product_id
        and (price.currency, price.cents, price.interval) == ("usd", thing.cents, thing.interval)
        and thing.metadata.items() <= price.metadata.items()
    )


def _make_product(thing: Thing, now: datetime) -> None:
    gateway.create_product(product_id=thing.product_id, name=thing.name)


def _rename_product(thing: Thing, now: datetime) -> None:
    gateway.rename_product(product_id=thing.product_id, name=thing.name)


def _make_price(thing: Thing, older_price_id: str, now: datetime) -> None:
    price = gateway.create_price(
        lookup_key=thing.key,
        product_id=thing.product_id,
        cents=thing.cents,
        interval=thing.interval,
        metadata=thing.metadata,
        idempotency_key=f"price-{thing.key}-{thing.cents}-{thing.amount}-after-{older_price_id or 'none'}",
        transfer=bool(older_price_id),
    )
    _remember(thing, price, now)


@in_one_transaction
def _remember(thing: Thing, price: PriceFacts, now: datetime) -> None:
    """Sell at this price from now on. What an older price sold stays written down."""
    known = StripePrice.objects.filter(stripe_price_id=price.id).first()
    if known and (known.pack, known.plan, known.cents, known.amount) != (
        thing.pack,
        thing.plan,
        price.cents,
        thing.amount,
    ):
        raise NotForSale(f"Stripe sells {thing.key} as {price.id}, which has sold something else here.")
    StripePrice.objects.filter(lookup_key=thing.key, is_current=True).update(is_current=False)
    StripePrice.objects.update_or_create(
        stripe_price_id=price.id,
        defaults={"lookup_key": thing.key, "is_current": True},
        create_defaults={
            "lookup_key": thing.key,
            "pack": thing.pack,
            "plan": thing.plan,
            "cents": price.cents,
            "amount": thing.amount,
            "added_at": now,
        },
    )


def _forget(row: StripePrice, now: datetime) -> None:
    StripePrice.objects.filter(pk=row.pk).update(is_current=False)


def _set_portal(now: datetime) -> None:
    gateway.ensure_portal_configuration()
