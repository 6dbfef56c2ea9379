"""Who lives in a simulation: where, with which habits, and what happens to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from billing.units import CREDIT
from sandbox.sample_data.habits import Habits
from sandbox.simulation import office
from sandbox.simulation.life import DECLINED_CARD, DISPUTED_CARD, FAILS_LATER_CARD, GOOD_CARD, REFUND_FAILS_CARD, Life

SPARSE = {"gpt-4o-mini": 8, "gpt-4o": 2, "claude-3.5-sonnet": 1, "web-search": 2, "stable-diffusion": 1}
LIVELY = {"gpt-4o": 6, "claude-3.5-sonnet": 4, "o1-preview": 2, "web-search": 3, "pdf-summary": 2, "dall-e-3-hd": 2}
ZONES = ("Asia/Kathmandu", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "UTC")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be: `tale` says in words, and `plot` in acts, what happens to them. Extras are further uses a day."""

    name: str
    time_zone: str
    tale: str
    plot: Callable[[Life], None]
    habits: Habits
    extras: Mapping[str, float]
    joins_after_hours: int = 10


def berta(life: Life) -> None:
    """Pro for a month, then Free with a pack; later Pro once more, cancelled, resumed and cancelled for good."""
    life.on(0, 20, partial(life.make_chatbot, "Greeter", "gpt-4o-mini"))
    life.on(5, 9, partial(life.subscribe, DECLINED_CARD))
    life.on(9, 9, life.subscribe)
    life.on(10, 9, partial(life.make_chatbot, "Shop", "gpt-4o"))
    life.on(20, 17, partial(life.set_cancelling, True))
    life.on(54, 11, partial(life.buy_pack, "pack-1000"))
    life.on(150, 11, life.subscribe)
    life.on(200, 11, partial(life.set_cancelling, True))
    life.on(203, 11, partial(life.set_cancelling, False))
    life.on(330, 23, partial(life.set_cancelling, True), minute=55)


def paula(life: Life) -> None:
    """Buys packs when short; gets some money back, and her bank takes some."""
    life.when_short = partial(_buy_when_short, life)
    life.on(6, 12, partial(life.buy_pack, "pack-1000"))
    life.on(8, 12, partial(office.refund, life, packs=True, share=30))
    life.on(16, 12, partial(office.dispute, life, share=50, won_after_days=25))
    life.on(40, 12, partial(life.buy_pack, "pack-5000"))
    life.on(64, 12, partial(office.refund, life, packs=True, share=100))
    life.on(120, 12, partial(life.buy_pack, "pack-1000"))
    life.on(121, 12, partial(office.dispute, life, share=100, lost_after_days=30))
    life.on(200, 12, partial(life.buy_pack, "pack-1000", REFUND_FAILS_CARD))
    life.on(201, 12, partial(office.refund, life, packs=True, share=60))
    life.on(260, 12, partial(life.buy_pack, "pack-5000", DISPUTED_CARD))


def _buy_when_short(life: Life) -> None:
    if life.dice.random() < 0.2:
        life.buy_pack("pack-1000")


def lea(life: Life) -> None:
    """Free all along, from the 31st on; staff give and take, promote and suspend."""
    life.on(4, 15, partial(office.promote, life, 40 * CREDIT, days=9))
    life.on(11, 15, partial(office.give, life, 25 * CREDIT))
    life.on(12, 15, partial(office.give, life, -10 * CREDIT))
    life.on(26, 15, partial(office.promote, life, 30 * CREDIT, days=5, ahead=3))
    life.on(45, 9, partial(office.suspend, life))
    life.on(48, 9, partial(office.resume, life))
    life.on(200, 15, partial(office.promote, life, 60 * CREDIT, days=45))


def nora(life: Life) -> None:
    """Pro from the second day; her card fails at renewals, and she mends it in time."""
    life.on(1, 10, partial(life.subscribe, FAILS_LATER_CARD))
    life.on(3, 10, partial(life.buy_pack, "pack-1000"))
    life.on(36, 10, partial(life.change_card, GOOD_CARD))
    life.on(180, 10, partial(life.change_card, FAILS_LATER_CARD))
    life.on(192, 10, partial(life.change_card, GOOD_CARD))


def felix(life: Life) -> None:
    """Pro, until Stripe gives up collecting; his packs stay, and months later he tries again."""
    life.on(2, 10, partial(life.buy_pack, "pack-5000"))
    life.on(3, 10, partial(life.subscribe, FAILS_LATER_CARD))
    life.on(290, 10, partial(life.subscribe, FAILS_LATER_CARD))


def aarav(life: Life) -> None:
    """Free, and runs out each month; leaves, and comes back with the same address on the next day."""
    life.on(25, 22, life.leave)
    life.on(26, 22, life.sign_up)


def wanda(life: Life) -> None:
    """Pro with chatbots and workflows, who moves across the date line; a month is refunded as goodwill."""
    life.on(0, 18, life.subscribe)
    for day, (name, model) in enumerate([("Desk", "gpt-4o-mini"), ("Guide", "gpt-4o"), ("Reader", "o1-preview")]):
        life.on(1 + day, 9, partial(life.make_chatbot, name, model))
    life.on(12, 9, partial(office.refund, life, packs=False, share=40))
    life.on(52, 9, partial(life.move, "Pacific/Honolulu"))
    life.on(310, 9, partial(life.move, "Pacific/Kiritimati"))
    life.on(340, 9, partial(life.set_cancelling, True))


def enno(life: Life) -> None:
    """A contract, unlimited first and then with credits a month; a pack that he bought before waits for its end."""
    life.on(2, 9, partial(life.buy_pack, "pack-1000"))
    life.on(6, 9, partial(office.begin_contract, life, None))
    life.on(50, 9, partial(office.begin_contract, life, 2_000 * CREDIT))
    life.on(240, 9, partial(office.end_contract, life))


def _habits(weights: Mapping[str, int], sittings_a_day: float, prompt_tokens: int) -> Habits:
    return Habits(weights=weights, sittings_a_day=sittings_a_day, prompt_tokens=prompt_tokens, uses_a_sitting=(1, 5))


LIGHT = {"hold": 0.06, "analytics": 0.05}
BUSY = {"hold": 0.35, "video": 0.1, "workflow": 0.15, "chatbot": 0.6, "analytics": 0.05}

EVERYBODY = (
    Person("Berta", "Europe/Berlin", "Free → Pro → cancels", berta, _habits(LIVELY, 0.8, 1_800), BUSY, 12),
    Person("Paula", "Pacific/Auckland", "buys packs", paula, _habits(LIVELY, 0.5, 1_200), LIGHT, 57),
    Person("Lea", "Asia/Tokyo", "Free, from the 31st", lea, _habits(SPARSE, 0.5, 900), LIGHT),
    Person("Nora", "America/New_York", "Pro, mends her card", nora, _habits(LIVELY, 1.0, 1_800), BUSY, 30),
    Person("Felix", "America/St_Johns", "Pro, card fails", felix, _habits(LIVELY, 0.8, 1_500), LIGHT, 33),
    Person("Aarav", "Asia/Kathmandu", "Free, runs out", aarav, _habits(SPARSE, 0.9, 2_500), LIGHT, 100),
    Person("Wanda", "Pacific/Kiritimati", "Pro, chatbots", wanda, _habits(LIVELY, 0.8, 1_500), BUSY, 15),
    Person("Enno", "Africa/Cairo", "contract", enno, _habits(LIVELY, 1.0, 2_500), BUSY, 200),
)


def cast_of(number: int) -> list[Person]:
    """Return so many people; from the ninth on the same things happen again, elsewhere and later."""
    found = list(EVERYBODY[:number])
    for further in range(len(EVERYBODY), number):
        again, person = divmod(further, len(EVERYBODY))
        model = EVERYBODY[person]
        zone = ZONES[further % len(ZONES)]
        later = model.joins_after_hours + 67 * again
        found.append(replace(model, name=f"{model.name} {again + 1}", time_zone=zone, joins_after_hours=later))
    return found
