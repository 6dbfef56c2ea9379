"""The staff's pages: books to read, a catalog to add to, and a few acts that ask for a reason."""

from billing.admin import (
    api_keys,
    books,
    catalog,
    contracts,
    farewells,
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
    "api_keys",
    "books",
    "catalog",
    "contracts",
    "farewells",
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
