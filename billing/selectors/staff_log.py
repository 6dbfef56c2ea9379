"""What the staff's log says of a wallet, of its owner, and of whatever belongs to it."""

from collections.abc import Sequence

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.functions import Cast

from accounts.models import User
from billing.models import (
    ApiKey,
    Chatbot,
    Checkout,
    ContractRequest,
    Customer,
    Dispute,
    Export,
    Message,
    Notice,
    Proposal,
    Purchase,
    Refund,
    StaffAct,
    StripeSubscription,
    Subscription,
    SupportRequest,
    Wallet,
    WalletReturn,
)

#: Models with rows of a wallet that lines are about and name; entries, grants and holds have numbers for names.
BELONGING: Sequence[type[Model]] = (
    ApiKey, Chatbot, Checkout, ContractRequest, Customer, Dispute, Export, Message, Notice, Proposal, Purchase,
    Refund, StaffAct, StripeSubscription, Subscription, SupportRequest, WalletReturn,
)  # fmt: skip
ACTED_ON: Sequence[type[Model]] = (Wallet, User, *BELONGING)


def lines_about(wallet_id: int, models: Sequence[type[Model]] = ACTED_ON) -> QuerySet[LogEntry]:
    """Return the lines about a wallet and rows that belong to it, as far as they are about some models."""
    about = Q(pk__in=[])
    for model in models:
        keys = _rows(model, wallet_id).values_list(Cast("pk", CharField()))
        about |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=keys)
    return LogEntry.objects.filter(about)


def _rows(model: type[Model], wallet_id: int) -> QuerySet[Model]:
    return model._default_manager.filter(**{"pk" if model is Wallet else "wallet": wallet_id})
