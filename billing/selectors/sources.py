"""What used credits, by the name that its owner knows: the app, a chatbot, a workflow, an API key."""

from collections.abc import Iterable, Sequence

from django.db.models import DateTimeField, Q, QuerySet, Value

from billing.models import ApiKey, Chatbot, Wallet

APP = "app"
NAMES = {"": "In the app", APP: "In the app", "api": "API"}
CHATBOT_SOURCE, API_KEY_SOURCE = "chatbot:", "api_key:"
LABELS = {"workflow": "Workflow", "api_key": "API key"}
LONGEST_ID = 18


def source_names(wallet: Wallet, sources: Iterable[str]) -> dict[str, str]:
    """Return the name of each source: "In the app", "Helper", "Workflow weekly-report", "API key Nightly import".

    Only the wallet's own chatbots and keys, and those of our services, are called by their names. It asks once, if
    there are any among the sources.
    """
    asked = set(sources)
    named = _looked_up(wallet, bots=_ids(CHATBOT_SOURCE, asked), keys=_ids(API_KEY_SOURCE, asked))
    return {source: named.get(source) or _name(source) for source in asked}


def names_to_look_up(wallet: Wallet) -> dict[str, str]:
    """Return the name of every source that doesn't say it itself: of the app, of each of its chatbots, and of keys."""
    bots = {bot.source: bot.history_name for bot in Chatbot.objects.filter(wallet=wallet)}
    return NAMES | bots | {key.source: _key_name(key) for key in _keys(wallet)}


def _looked_up(wallet: Wallet, *, bots: Sequence[int], keys: Sequence[int]) -> dict[str, str]:
    never = Value(None, DateTimeField())
    rows = (
        Chatbot.objects.filter(wallet=wallet, pk__in=bots)
        .values_list(Value(CHATBOT_SOURCE), "pk", "name", "deleted_at")
        .union(_keys(wallet).filter(pk__in=keys).values_list(Value(API_KEY_SOURCE), "pk", "name", never), all=True)
    )
    return {
        f"{prefix}{number}": _key_name(ApiKey(name=name))
        if prefix == API_KEY_SOURCE
        else Chatbot(name=name, deleted_at=deleted_at).history_name
        for prefix, number, name, deleted_at in rows
    }


def _keys(wallet: Wallet) -> "QuerySet[ApiKey]":
    """Return the keys whose names the wallet's owner may know: its own, and those of our services."""
    return ApiKey.objects.filter(Q(wallet=wallet) | Q(wallet=None))


def _key_name(key: ApiKey) -> str:
    return f"{LABELS['api_key']} {key.name}"


def _ids(prefix: str, sources: Iterable[str]) -> list[int]:
    numbers = {source.removeprefix(prefix) for source in sources if source.startswith(prefix)}
    return [int(number) for number in numbers if number.isdecimal() and len(number) <= LONGEST_ID]


def _name(source: str) -> str:
    if source in NAMES:
        return NAMES[source]
    if source.startswith(CHATBOT_SOURCE):
        return f"Former chatbot {source.removeprefix(CHATBOT_SOURCE)}".rstrip()
    kind, _, name = source.partition(":")
    return f"{LABELS[kind]} {name}" if name and kind in LABELS else source
