"""What used credits, by the name that its owner knows: the app, a chatbot, a workflow, an API key."""

from collections.abc import Iterable

from billing.models import Chatbot, Wallet

APP = "app"
NAMES = {"": "In the app", APP: "In the app", "api": "API"}
CHATBOT_SOURCE = "chatbot:"
LABELS = {"workflow": "Workflow", "api_key": "API key"}
LONGEST_ID = 18


def source_names(wallet: Wallet, sources: Iterable[str]) -> dict[str, str]:
    """Return the name of each source: "In the app", "Helper", "Workflow weekly-report", "API key 7".

    Only the wallet's own chatbots are called by their names. It asks only if there are any chatbots among the sources.
    """
    asked = set(sources)
    bots = chatbot_names(wallet, asked)
    return {source: bots.get(source) or _name(source) for source in asked}


def names_to_look_up(wallet: Wallet) -> dict[str, str]:
    """Return the name of every source that doesn't say it itself: of the app, and of each of the wallet's chatbots."""
    return NAMES | {bot.source: bot.history_name for bot in Chatbot.objects.filter(wallet=wallet)}


def chatbot_names(wallet: Wallet, sources: Iterable[str]) -> dict[str, str]:
    """Return what the past calls the wallet's chatbots among these sources, asking only if there are any."""
    numbers = {source.removeprefix(CHATBOT_SOURCE) for source in sources if source.startswith(CHATBOT_SOURCE)}
    ids = [int(number) for number in numbers if number.isdecimal() and len(number) <= LONGEST_ID]
    return {bot.source: bot.history_name for bot in Chatbot.objects.filter(wallet=wallet, pk__in=ids)} if ids else {}


def _name(source: str) -> str:
    if source in NAMES:
        return NAMES[source]
    if source.startswith(CHATBOT_SOURCE):
        return f"Former chatbot {source.removeprefix(CHATBOT_SOURCE)}".rstrip()
    kind, _, name = source.partition(":")
    return f"{LABELS[kind]} {name}" if name and kind in LABELS else source
