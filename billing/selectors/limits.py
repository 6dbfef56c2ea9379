"""What an owner's limits mean: the dearest answer of each chat model, and what they would have changed lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.time_zones import zone
from billing import sql
from billing.errors import NoPriceInForce
from billing.models import Feature, Wallet
from billing.selectors import catalog
from billing.units import cost_of

DAYS = 30
MOST_USES = 20_000
#: So many entries are looked through at most: a use takes one, or a hold and its capture.
MOST_ENTRIES = 2 * MOST_USES


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A chat model, and what an answer with all the tokens that it may have costs, in millicredits."""

    model: str
    cost: int


@dataclass(frozen=True, slots=True)
class Lately:
    """What the limits would have changed in the uses of the last 30 days, the newest 20,000 at most.

    `answers` are those whose output tokens are known, `cut` those of them that would have ended earlier, which would
    have `saved` so many millicredits; `asked` are the uses that would have been asked about.
    """

    uses: int
    asked: int
    answers: int
    cut: int
    saved: int

    @property
    def is_part(self) -> bool:
        """Whether there were more uses than are looked at."""
        return self.uses >= MOST_USES


@dataclass(frozen=True, slots=True)
class Effect:
    """Both limits with what they mean; `confirm_above` in millicredits, None asks never."""

    max_output_tokens: int
    confirm_above: int | None
    ceilings: Sequence[Ceiling]
    lately: Lately


def effect(wallet: Wallet, *, max_output_tokens: int, confirm_above: int | None, now: datetime) -> Effect:
    """Return what these limits would mean for a wallet, whatever it is set to."""
    return Effect(
        max_output_tokens,
        confirm_above,
        ceilings(max_output_tokens, now=now),
        _lately(wallet, max_output_tokens, confirm_above, now),
    )


def ceilings(max_output_tokens: int, *, now: datetime) -> list[Ceiling]:
    """Return what so many tokens cost at `now` with each chat model that has a price, in the catalog's order."""
    known = catalog.fresh()
    models = [model for model in known.features.values() if model.group == Feature.Group.CHAT]
    found = []
    for model in sorted(models, key=lambda model: model.position):
        try:
            price = known.price_of(model.code, now)
        except NoPriceInForce:
            continue
        cost = cost_of(max_output_tokens, millicredits=price.millicredits, per=price.per)
        found.append(Ceiling(model.name, cost))
    return found


def _lately(wallet: Wallet, max_output_tokens: int, confirm_above: int | None, now: datetime) -> Lately:
    today = now.astimezone(zone(wallet.time_zone)).date()
    with connection.cursor() as cursor:
        cursor.execute(
            sql.read("limits_effect"),
            {
                "wallet": wallet.pk,
                "after": wallet.sequence - MOST_ENTRIES,
                "since": today - timedelta(days=DAYS - 1),
                "most": MOST_USES,
                "tokens": max_output_tokens,
                "above": confirm_above,
            },
        )
        uses, asked, answers, cut, saved = cursor.fetchone() or (0, 0, 0, 0, 0)
    return Lately(uses, asked, answers, cut, int(saved))
