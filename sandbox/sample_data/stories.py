"""The year of each sample user: Alice keeps to Free, Bob is on Pro and buys packs, Carla has a contract."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from accounts.models import User
from billing.metering import Charge, Node
from billing.models import Pack, Wallet
from billing.periods import period_start
from billing.services import grants, settlement, subscriptions
from billing.units import CREDIT
from sandbox.sample_data import bots, habits
from sandbox.sample_data.diary import Diary
from sandbox.sample_data.habits import Habits, sittings
from sandbox.sample_data.people import ALICE, BELLA, BOB, CARLA, SIMON, STELLA, Person
from sandbox.sample_data.sales import Sales, sales_of

YEAR = relativedelta(months=12)
GPT_4O_TOKEN = 5
HD_IMAGE = 80 * CREDIT
LAUNCH_LEAVES = 160 * CREDIT
PAID_AFTER = timedelta(minutes=65)
ALICE_KEEPS = 12_400

ALICES_HABITS = {"gpt-4o-mini": 8, "gpt-4o": 4, "chatbot-message": 5, "web-search": 2, "stable-diffusion": 1}
BOBS_HABITS = {
    "gpt-4o": 30, "gpt-4o-mini": 22, "claude-3.5-sonnet": 18, "o1-preview": 3, "web-search": 8, "pdf-summary": 6,
    "dall-e-3-standard": 4, "dall-e-3-hd": 1, "stable-diffusion": 4, "flux-pro": 3, "chatbot-message": 20,
    "analytics": 4,
}  # fmt: skip
CARLAS_HABITS = {
    "gpt-4o": 24, "claude-3.5-sonnet": 22, "gpt-4o-mini": 14, "o1-preview": 8, "web-search": 8, "pdf-summary": 10,
    "dall-e-3-hd": 2, "flux-pro": 4, "chatbot-message": 34, "analytics": 5, "custom-training": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """When somebody joined, and what happened from then until now."""

    joined_at: Callable[[datetime], datetime]
    tell: Callable[[User, Random, datetime], None]


def tell_alice(user: User, rng: Random, now: datetime) -> None:
    """Alice uses up her monthly hundred, now and then to the last one; today little is left."""
    diary = Diary(user.wallet, now=now)
    usual = Habits(
        weights=ALICES_HABITS,
        bots=bots.make(user, [("Recipe helper", "gpt-4o-mini")], user.joined_at + timedelta(hours=1)),
        prompt_tokens=700,
        answer_tokens=350,
        sittings_a_day=0.35,
        uses_a_sitting=(2, 4),
    )
    reset_at = period_start(user.joined_at, 12)
    for sitting in sittings(usual, rng, ZoneInfo(ALICE.time_zone), user.joined_at + timedelta(hours=2), reset_at):
        diary.note_sitting(sitting)
    for month in (4, 9):
        posters = [Charge(feature="dall-e-3-hd", quantity=1, key=f"sample:poster:{month}:{n}") for n in range(2)]
        diary.note(user.joined_at + relativedelta(months=month, days=11), partial(diary.charge, posters))
    diary.live()
    _spend_down(diary, rng, since=reset_at + timedelta(days=2), now=now)


def tell_bob(user: User, rng: Random, now: datetime) -> None:
    """Bob upgrades after nine days, runs short in busy months and buys packs then."""
    zone, wallet_id, stella = ZoneInfo(BOB.time_zone), user.wallet.pk, User.objects.get(email=STELLA.email)
    upgraded_at = user.joined_at + timedelta(days=9)
    trial = Diary(user.wallet, now=upgraded_at)
    for sitting in sittings(
        Habits(weights=ALICES_HABITS, prompt_tokens=900, sittings_a_day=1.2), rng, zone, user.joined_at, upgraded_at
    ):
        trial.note_sitting(sitting)
    trial.live()
    sales = sales_of(user.wallet)
    sales.subscribe(upgraded_at)
    sales.pay(0, _not_before(user, upgraded_at))

    diary = Diary(user.wallet, now=now)
    usual = Habits(
        weights=BOBS_HABITS,
        bots=bots.make(user, [("Shop assistant", "gpt-4o-mini"), ("Returns desk", "gpt-4o")], upgraded_at),
        prompt_tokens=2_600,
        answer_tokens=800,
        sources=["app", "app", "app", "api"],
        short_share=0.3,
        batch_share=0.08,
    )
    for sitting in sittings(usual, rng, zone, upgraded_at + timedelta(minutes=5), now):
        diary.note_sitting(sitting)
    for number in range(1, 14):
        diary.note(upgraded_at + relativedelta(months=number) + PAID_AFTER, partial(sales.pay, number))
    _note_videos(diary, rng, zone, upgraded_at, now, days=11)
    for number, at in enumerate(_mondays(zone, upgraded_at, now)):
        if number % 2:
            nodes = habits.workflow(rng, "weekly-report")
            diary.note(at, partial(_run, diary, "weekly-report", nodes, f"sample:report:{number}"))
    diary.when_short = partial(_buy, sales, diary, "pack-1000")
    diary.short_below = 150 * CREDIT
    diary.note(upgraded_at + relativedelta(months=6, days=26), partial(_launch, diary))
    drafts = [Charge(feature="dall-e-3-hd", quantity=1, key=f"sample:draft:{number}") for number in range(7)]
    diary.note(_at_work(now - timedelta(days=6), zone), partial(diary.charge, drafts))
    diary.note(now - timedelta(days=45), partial(_buy, sales, diary, "pack-5000"))
    diary.note(now - timedelta(days=96), partial(_make_good, wallet_id, stella))
    bots.note_further(diary, rng, now=now)
    diary.live()


def tell_carla(user: User, rng: Random, now: datetime) -> None:
    """Carla tries Free for three days; since then a contract covers all that her company uses."""
    zone = ZoneInfo(CARLA.time_zone)
    signed_at = user.joined_at + timedelta(days=3)
    subscriptions.begin_contract(wallet_id=user.wallet.pk, allowance=None, now=_not_before(user, signed_at))
    names = [
        ("Support assistant", "gpt-4o-mini"),
        ("Onboarding guide", "gpt-4o"),
        ("Contract reader", "claude-3.5-sonnet"),
    ]
    diary = Diary(user.wallet, now=now)
    usual = Habits(
        weights=CARLAS_HABITS,
        bots=bots.make(user, names, signed_at),
        prompt_tokens=4_200,
        answer_tokens=1_000,
        sittings_a_day=1.7,
        uses_a_sitting=(4, 8),
        sources=["app", "app", "api", "api", "api"],
        short_share=0.2,
        batch_share=0.1,
    )
    for sitting in sittings(usual, rng, zone, signed_at + timedelta(hours=1), now):
        diary.note_sitting(sitting)
    _note_videos(diary, rng, zone, signed_at, now, days=16)
    for number, at in enumerate(_mondays(zone, signed_at, now)):
        name = ("weekly-report", "lead-enrichment")[number % 2]
        diary.note(at, partial(_run, diary, name, habits.workflow(rng, name), f"sample:run:{number}"))
    diary.live()


STAFF = Story(lambda now: now - YEAR - timedelta(days=60), lambda user, rng, now: None)
STORIES: dict[Person, Story] = {
    STELLA: STAFF,
    SIMON: STAFF,
    BELLA: STAFF,
    ALICE: Story(lambda now: now - timedelta(days=17) - YEAR, tell_alice),
    BOB: Story(lambda now: now - timedelta(days=13) - YEAR - timedelta(days=9), tell_bob),
    CARLA: Story(lambda now: now - timedelta(days=27) - YEAR, tell_carla),
}


def _spend_down(diary: Diary, rng: Random, *, since: datetime, now: datetime) -> None:
    """Use this cycle's credits until `ALICE_KEEPS` is left, in some twenty uses spread from `since` to now."""
    wallet = settlement.settle(
        wallet_id=diary.wallet.pk, now=max(since, Wallet.objects.get(pk=diary.wallet.pk).last_posted_at)
    )
    left = wallet.available - ALICE_KEEPS
    uses = []
    for feature, quantity, cost in (
        ("stable-diffusion", 2, 20_000),
        ("web-search", 2, 10_000),
        ("pdf-summary", 1, 10_000),
    ):
        if cost <= left:
            uses.append(Charge(feature=feature, quantity=quantity, key=f"sample:last:{feature}"))
            left -= cost
    while left >= GPT_4O_TOKEN:
        tokens = min(rng.randint(400, 900), left // GPT_4O_TOKEN)
        prompt = tokens * rng.randint(55, 80) // 100
        detail: dict[str, object] = {"input_tokens": prompt, "output_tokens": tokens - prompt}
        uses.append(Charge(feature="gpt-4o", quantity=tokens, key=f"sample:last:{left}", detail=detail))
        left -= tokens * GPT_4O_TOKEN
    step = (now - wallet.last_posted_at) / (len(uses) + 1)
    for position, use in enumerate(rng.sample(uses, len(uses)), start=1):
        at = _by_day(wallet.last_posted_at + step * position, ZoneInfo(ALICE.time_zone))
        diary.charge([use], min(at, now))


def _at_work(day: datetime, zone: ZoneInfo) -> datetime:
    """Return twenty past three in the afternoon of a day."""
    return datetime.combine(day.astimezone(zone).date(), time(15, 20), tzinfo=zone)


def _by_day(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment between eight and nine in the evening that comes as late in its day as `at`."""
    midnight = datetime.combine(at.astimezone(zone).date(), time(), tzinfo=zone)
    return midnight + timedelta(hours=8) + (at - midnight) * 13 / 24


def _not_before(user: User, at: datetime) -> datetime:
    """Return `at`, or the wallet's last posting where an interrupted load has got further."""
    return max(at, Wallet.objects.get(owner=user).last_posted_at)


def _buy(sales: Sales, diary: Diary, code: str, now: datetime) -> None:
    sales.buy(code, now)
    diary.available += Pack.objects.get(code=code).amount


def _launch(diary: Diary, now: datetime) -> None:
    """A product launch: images for every page, until `LAUNCH_LEAVES` or a little more is left of all credits."""
    available = Wallet.objects.get(pk=diary.wallet.pk).available
    images = range(max(available - LAUNCH_LEAVES, 0) // HD_IMAGE)
    for start in range(0, len(images), 50):
        batch = images[start : start + 50]
        uses = [Charge(feature="dall-e-3-hd", quantity=1, key=f"sample:launch:{number}") for number in batch]
        diary.charge(uses, now)


def _make_good(wallet_id: int, stella: User, now: datetime) -> None:
    grants.adjust(
        wallet_id=wallet_id,
        amount=150 * CREDIT,
        reason="Goodwill: three images came out empty on a bad afternoon.",
        actor=stella,
        key="sample:goodwill",
        now=now,
    )


def _run(diary: Diary, name: str, nodes: Sequence[Node], key: str, at: datetime) -> None:
    diary.run_workflow(name, nodes, key=key, at=at)


def _note_videos(diary: Diary, rng: Random, zone: ZoneInfo, since: datetime, now: datetime, *, days: int) -> None:
    """A video now and then: up to a minute is set aside, what came out is captured; one in four fails."""
    at = since + timedelta(days=4)
    number = 0
    while at < now:
        number += 1
        used = None if number % 4 == 0 else rng.randint(12, 60)
        hour = time(rng.randint(10, 16), rng.randrange(60))
        moment = datetime.combine(at.astimezone(zone).date(), hour, tzinfo=zone)
        act = partial(diary.hold_and_settle, "video-generation", 60, used, f"sample:video:{number}")
        diary.note(moment, act)
        at += timedelta(days=days)


def _mondays(zone: ZoneInfo, since: datetime, now: datetime) -> Iterator[datetime]:
    """Yield six in the morning of every Monday between two moments."""
    day = (since.astimezone(zone) + timedelta(days=1)).date()
    day += timedelta(days=-day.weekday() % 7)
    while (at := datetime.combine(day, time(6), tzinfo=zone)) < now:
        yield at
        day += timedelta(days=7)
