"""The tables of billing, one module a noun."""

from billing.models.api_keys import ApiKey
from billing.models.catalog import Feature, FeaturePrice, Pack, Plan
from billing.models.chatbots import Chatbot
from billing.models.clockwork import Heartbeat
from billing.models.contracts import ContractRequest
from billing.models.customers import Customer, FormerCustomer
from billing.models.departures import Departure, Farewell
from billing.models.exports import Export
from billing.models.figures import DailyCredits, DailyFigures
from billing.models.holds import Hold
from billing.models.ledger import EntryNote, EntryShare, Grant, LedgerEntry
from billing.models.messages import MailPreference, Message
from billing.models.notices import Notice
from billing.models.purchases import Checkout, Dispute, Purchase, Refund
from billing.models.returns import ChargeReturn, ReturnedCharge, WalletReturn
from billing.models.staff_acts import Proposal, StaffAct
from billing.models.stripe_events import ReconciliationRun, StripeEvent
from billing.models.stripe_prices import StripePrice
from billing.models.subscriptions import StripeSubscription, Subscription
from billing.models.support import SupportRequest
from billing.models.usage import DailyUsage, UsageLine
from billing.models.wallets import Wallet

__all__ = [
    "ApiKey",
    "ChargeReturn",
    "Chatbot",
    "Checkout",
    "ContractRequest",
    "Customer",
    "DailyCredits",
    "DailyFigures",
    "DailyUsage",
    "Departure",
    "Dispute",
    "EntryNote",
    "EntryShare",
    "Export",
    "Farewell",
    "Feature",
    "FeaturePrice",
    "FormerCustomer",
    "Grant",
    "Heartbeat",
    "Hold",
    "LedgerEntry",
    "MailPreference",
    "Message",
    "Notice",
    "Pack",
    "Plan",
    "Proposal",
    "Purchase",
    "ReconciliationRun",
    "Refund",
    "ReturnedCharge",
    "StaffAct",
    "StripeEvent",
    "StripePrice",
    "StripeSubscription",
    "Subscription",
    "SupportRequest",
    "UsageLine",
    "Wallet",
    "WalletReturn",
]
