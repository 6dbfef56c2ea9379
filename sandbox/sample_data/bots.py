"""The chatbots of sample users: made, paused and deleted through the services, each once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random

from accounts.models import User
from billing.metering import Charge
from billing.models import Chatbot, Wallet
from billing.services import chatbots
from sandbox.sample_data.diary import Diary
from sandbox.sample_data.habits import Bot

LAUNCH, WAITING = "Launch helper", "مساعد المتجر"


def make(user: User, names: Sequence[tuple[str, str]], at: datetime) -> list[Bot]:
    """Return chatbots with these names and models; those there aren't yet are made at `at`."""
    at = max(at, Wallet.objects.get(owner=user).last_posted_at)
    made = [_one(user.wallet, name, model, at) for name, model in names]
    return [Bot(chatbot.source, chatbot.model_id) for chatbot in made]


def note_further(diary: Diary, rng: Random, *, now: datetime) -> None:
    """Note two more: one that was deleted after a launch, one that was tried in Arabic and waits for its texts."""
    for days, messages, name, model in ((40, 60, LAUNCH, "claude-3.5-sonnet"), (26, 14, WAITING, "gpt-4o-mini")):
        diary.note(now - timedelta(days=days), partial(_make, diary.wallet, name, model))
        for number in range(messages):
            at = now - timedelta(days=days) + timedelta(hours=6 + 9 * number, minutes=rng.randrange(60))
            diary.note(at, partial(_say, diary, name, rng.randint(180, 900), f"sample:{model}:{number}"))
    diary.note(now - timedelta(days=16), partial(_act, diary.wallet, LAUNCH, chatbots.delete))
    diary.note(now - timedelta(days=20), partial(_act, diary.wallet, WAITING, chatbots.pause))


def _one(wallet: Wallet, name: str, model: str, at: datetime) -> Chatbot:
    known = wallet.chatbots.filter(name=name).first()
    return known or chatbots.create(wallet_id=wallet.pk, name=name, model=model, now=at)


def _make(wallet: Wallet, name: str, model: str, at: datetime) -> None:
    _one(wallet, name, model, at)


def _say(diary: Diary, name: str, tokens: int, key: str, at: datetime) -> None:
    chatbot = diary.wallet.chatbots.get(name=name)
    diary.charge(
        [
            Charge(
                feature="chatbot-message",
                quantity=tokens,
                key=key,
                source=chatbot.source,
                priced_as=chatbot.model_id,
                detail={"input_tokens": tokens * 2 // 3, "output_tokens": tokens - tokens * 2 // 3},
            )
        ],
        at,
    )


def _act(wallet: Wallet, name: str, act: Callable[..., Chatbot], at: datetime) -> None:
    chatbot = wallet.chatbots.get(name=name)
    if chatbot.deleted_at is None:
        act(wallet_id=wallet.pk, chatbot_id=chatbot.pk, now=at)
