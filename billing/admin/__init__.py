"""The staff's pages: books to read, a catalog to add to, and a few acts that ask for a reason."""

from billing.admin import (
    books,
    catalog,
    contracts,
    log,
    messages,
    people,
    proposals,
    reconciliations,
    returns,
    sales,
    stripe_events,
    support,
    wallets,
)

__all__ = [
    "books",
    "catalog",
    "contracts",
    "log",
    "messages",
    "people",
    "proposals",
    "reconciliations",
    "returns",
    "sales",
    "stripe_events",
    "support",
    "wallets",
]
