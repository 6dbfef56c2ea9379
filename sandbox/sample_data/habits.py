"""How people use CleverAI: what they reach for, how much of it, and when in their week."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from billing.metering import Charge, Node

HOURS = {8: 2, 9: 6, 10: 8, 11: 7, 12: 3, 13: 4, 14: 7, 15: 7, 16: 6, 17: 4, 18: 2, 20: 1, 21: 1}
LONGEST_PROMPT, LONGEST_ANSWER = 28_000, 4_096
Sitting = list[tuple[datetime, Charge]]
CHAT_MODELS = ("gpt-4o-mini", "gpt-4o", "claude-3.5-sonnet", "o1-preview")


@dataclass(frozen=True, slots=True)
class Bot:
    """A chatbot as usage knows it."""

    source: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What one person uses: weights by feature, their chatbots, the length of their conversations in tokens.

    `short_share` of the messages to models are short questions, and in `batch_share` of the sittings one question is
    asked about several things, one after the other.
    """

    weights: Mapping[str, int]
    bots: Sequence[Bot] = ()
    prompt_tokens: int = 1_800
    answer_tokens: int = 600
    sittings_a_day: float = 2.2
    uses_a_sitting: tuple[int, int] = (3, 7)
    sources: Sequence[str] = ("app",)
    short_share: float = 0
    batch_share: float = 0

    def use(self, rng: Random, key: str) -> Charge:
        """Return one use, of a kind and size that this person is likely to have."""
        feature = rng.choices(list(self.weights), list(self.weights.values()))[0]
        source = rng.choice(self.sources)
        if feature == "chatbot-message" and self.bots:
            bot = rng.choice(self.bots)
            return self._conversation(rng, feature, key, bot.source, priced_as=bot.model, share=0.4)
        if feature in CHAT_MODELS and self.short_share and rng.random() < self.short_share:
            return _message(feature, key, source, rng.randint(25, 280), rng.randint(15, 190))
        if feature in CHAT_MODELS:
            return self._conversation(rng, feature, key, source)
        most = {"web-search": 4, "stable-diffusion": 4, "pdf-summary": 2, "dall-e-3-standard": 2}.get(feature, 1)
        return Charge(feature=feature, quantity=rng.randint(1, most), key=key, source=source)

    def _conversation(
        self, rng: Random, feature: str, key: str, source: str, *, priced_as: str | None = None, share: float = 1
    ) -> Charge:
        prompt = min(round(rng.lognormvariate(0, 0.9) * self.prompt_tokens * share) + 12, LONGEST_PROMPT)
        answer = min(round(rng.lognormvariate(0, 0.7) * self.answer_tokens * share) + 6, LONGEST_ANSWER)
        return _message(feature, key, source, prompt, answer, priced_as=priced_as)


def _message(feature: str, key: str, source: str, prompt: int, answer: int, *, priced_as: str | None = None) -> Charge:
    return Charge(
        feature=feature,
        quantity=prompt + answer,
        key=key,
        source=source,
        priced_as=priced_as,
        detail={"input_tokens": prompt, "output_tokens": answer},
    )


def sittings(habits: Habits, rng: Random, zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Sitting]:
    """Yield what a person does in one go, again and again between two moments: uses with their times.

    Working days are busy, weekends quiet, the summer and the last days of December empty; usage grows over the year.
    """
    for day in range((until - since).days + 2):
        date = (since.astimezone(zone) + timedelta(days=day)).date()
        grown = 0.75 + 0.4 * day / max((until - since).days, 1)
        wanted = habits.sittings_a_day * grown * _business_of(date.month, date.day, date.weekday())
        times = int(wanted) + (rng.random() < wanted % 1)
        hours = sorted(rng.choices(list(HOURS), list(HOURS.values()), k=times))
        earliest = since
        for hour in hours:
            minute = timedelta(minutes=rng.randrange(60), seconds=rng.randrange(60))
            at = max(datetime.combine(date, time(hour), tzinfo=zone) + minute, earliest)
            if habits.batch_share and rng.random() < habits.batch_share:
                sitting, at = _batch(habits, rng, at, until)
            else:
                sitting, at = _sitting(habits, rng, at, until)
            earliest = at + timedelta(minutes=10)
            if sitting:
                yield sitting


def _sitting(habits: Habits, rng: Random, at: datetime, until: datetime) -> tuple[Sitting, datetime]:
    """Return a bit of this and that, and when it ends."""
    uses = []
    for _ in range(rng.randint(*habits.uses_a_sitting)):
        at += timedelta(seconds=rng.randint(25, 420), microseconds=rng.randrange(1_000_000))
        if at < until:
            uses.append((at, habits.use(rng, _key(at))))
    return uses, at


def _batch(habits: Habits, rng: Random, at: datetime, until: datetime) -> tuple[Sitting, datetime]:
    """Return one question about several things to the same model, and when it ends."""
    model, prompt = rng.choice(CHAT_MODELS[:3]), rng.randint(600, 2_400)
    uses = []
    for _ in range(rng.randint(4, 8)):
        at += timedelta(seconds=rng.randint(18, 75), microseconds=rng.randrange(1_000_000))
        charge = _message(model, _key(at), habits.sources[0], prompt + rng.randint(10, 160), rng.randint(80, 360))
        if at < until:
            uses.append((at, charge))
    return uses, at


def _key(at: datetime) -> str:
    return f"sample:{at:%Y%m%d%H%M%S%f}"


def _business_of(month: int, day: int, weekday: int) -> float:
    """Return how busy a day is: 1 is a plain working day."""
    if (month, day) >= (12, 24) or (month, day) == (1, 1):
        return 0
    busy = 1.0 if weekday < 5 else 0.15
    return busy * (0.35 if month == 8 and day <= 16 else 1)


def workflow(rng: Random, name: str) -> list[Node]:
    """Return the nodes of one run of a workflow."""
    if name == "weekly-report":
        return [
            Node(name="Every Monday"),
            Node(name="Search the news", feature="web-search", quantity=rng.randint(3, 8)),
            Node(name="Read the papers", feature="pdf-summary", quantity=rng.randint(1, 3)),
            Node(name="Only what is new"),
            Node(name="Write the report", feature="gpt-4o", quantity=rng.randint(6_000, 14_000)),
        ]
    return [
        Node(name="New sign-up"),
        Node(name="Look the company up", feature="web-search", quantity=rng.randint(1, 3)),
        Node(name="Is it in our market?"),
        Node(name="Draft a greeting", feature="gpt-4o-mini", quantity=rng.randint(900, 2_600)),
    ]
