"""The tables of billing, one module a noun."""

from billing.models.catalog import Feature, FeaturePrice, Pack, Plan
from billing.models.chatbots import Chatbot
from billing.models.holds import Hold
from billing.models.ledger import EntryNote, EntryShare, Grant, LedgerEntry
from billing.models.notices import Notice
from billing.models.subscriptions import Subscription
from billing.models.usage import DailyUsage, UsageLine
from billing.models.wallets import Wallet

__all__ = [
    "Chatbot",
    "DailyUsage",
    "EntryNote",
    "EntryShare",
    "Feature",
    "FeaturePrice",
    "Grant",
    "Hold",
    "LedgerEntry",
    "Notice",
    "Pack",
    "Plan",
    "Subscription",
    "UsageLine",
    "Wallet",
]
