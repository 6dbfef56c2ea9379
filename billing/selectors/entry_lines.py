"""The entries of an export's file, as `billing/sql/export_entries.sql` lists them."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from billing.models import Wallet
from billing.selectors.balance import SOURCE_LABELS
from billing.selectors.sources import LABELS, names_to_look_up

QUERY = "export_entries"
NO_CONDITIONS = dict.fromkeys(("kinds", "feature", "model", "source", "cycle", "first_day", "last_day"))


def parameters(
    wallet: Wallet, numbers: range, *, held_before: int | None = None, **conditions: object
) -> Mapping[str, Any]:
    """Return the parameters of the query for the wallet's entries with these numbers for which the conditions hold.

    `held_before`, in millicredits, lets it say what is held after each entry: only right without conditions.
    """
    return {
        **NO_CONDITIONS,
        **conditions,
        **names(wallet),
        "wallet": wallet.pk,
        "first": numbers.start,
        "last": numbers.stop - 1,
        "held_before": held_before,
        "origins": Jsonb({str(source): label for source, label in SOURCE_LABELS.items()}),
    }


def names(wallet: Wallet) -> dict[str, Any]:
    """Return the parameters with which a query calls sources by their names."""
    return {"sources": Jsonb(names_to_look_up(wallet)), "labels": Jsonb(LABELS)}
