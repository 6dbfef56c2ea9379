"""The everyday of a person: what they use, on which days, also in the nights in which clocks change."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from billing.metering import Charge
from sandbox.sample_data.habits import sittings
from sandbox.simulation.life import Life
from sandbox.simulation.people import Person

NIGHT_HOURS = (0, 1, 2, 3)


def plan_everyday(life: Life, person: Person, *, until: datetime) -> None:
    """Put all that a person uses until then on the agenda, but for what their plot brings."""
    usual = sittings(person.habits, life.dice, life.zone, life.joined_at + timedelta(minutes=5), until)
    for sitting in usual:
        charges = [charge for _, charge in sitting]
        life.at(sitting[-1][0], partial(life.charge, charges))
    for night in nights_of_change(life.zone, life.joined_at, until):
        _plan_night(life, night)
    for day in range((until - life.joined_at).days + 1):
        for kind, chance in person.extras.items():
            if life.dice.random() < chance:
                life.on(day, life.dice.randrange(24), _extra(life, kind), minute=life.dice.randrange(60))


def nights_of_change(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[date]:
    """Yield the local days between two moments on which the zone's clocks change."""
    for number in range((until - since).days + 1):
        day = since.astimezone(zone).date() + timedelta(days=number)
        offsets = [
            datetime.combine(day + timedelta(days=further), time(), tzinfo=zone).utcoffset() for further in (0, 1)
        ]
        if offsets[0] != offsets[1]:
            yield day


def _plan_night(life: Life, day: date) -> None:
    """Search the web every half hour, also in the hour that comes twice and in the one that is left out."""
    for hour in NIGHT_HOURS:
        for minute in (0, 30):
            for fold in (0, 1):
                at = datetime.combine(day, time(hour, minute, fold=fold), tzinfo=life.zone)
                search = Charge(feature="web-search", quantity=1, key=f"{life.name}:night:{at.isoformat()}:{fold}")
                life.at(at, partial(life.charge, [search]))


def _extra(life: Life, kind: str) -> Callable[[], object]:
    match kind:
        case "hold":
            tokens = life.dice.randint(2_000, 30_000)
            model = life.dice.choice(["gpt-4o-mini", "gpt-4o", "claude-3.5-sonnet"])
            return partial(life.work_under_a_hold, model, tokens)
        case "video":
            return partial(life.work_under_a_hold, "video-generation", 60)
        case "workflow":
            return partial(life.run_workflow, "weekly-report")
        case "chatbot":
            return life.talk_to_chatbot
        case _:
            return life.look_at_analytics
