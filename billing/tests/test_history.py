"""History can't be changed: entries, shares, lines and prices refuse UPDATE, DELETE and TRUNCATE (G18)."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, models, transaction

from accounts.models import User
from billing import metering, sql
from billing.models import EntryShare, Feature, FeaturePrice, LedgerEntry, UsageLine
from billing.tests.people import give

TABLES: list[type[models.Model]] = [LedgerEntry, EntryShare, UsageLine, FeaturePrice]
COLUMN = {LedgerEntry: "cost", EntryShare: "left_change", UsageLine: "cost", FeaturePrice: "millicredits"}


@pytest.fixture
def _history(alice: User, now: datetime) -> None:
    """Some of everything that must never change."""
    give(alice.wallet, 50_000, now=now)
    nodes = [metering.Node(feature="dall-e-3-hd", quantity=1), metering.Node(feature="dall-e-3-standard", quantity=1)]
    metering.charge_workflow(wallet=alice.wallet, workflow="poster", nodes=nodes, key="run", now=now)
    assert all(model.objects.exists() for model in TABLES)


@contextmanager
def refused() -> Iterator[None]:
    """Expect the database itself to refuse, whoever asks."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        yield


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def save(row: Any) -> None:
    setattr(row, COLUMN[type(row)], 7)
    row.save()


THROUGH_THE_ORM: dict[str, Callable[[type[models.Model]], object]] = {
    "save": lambda model: save(model.objects.first()),
    "update": lambda model: model.objects.update(**{COLUMN[model]: 7}),
    "bulk_update": lambda model: model.objects.bulk_update(list(model.objects.all()), [COLUMN[model]]),
    "delete": lambda model: model.objects.first().delete(),
    "delete all": lambda model: model.objects.all()._raw_delete("default"),
}


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize("model", TABLES)
class TestEveryTable:
    @pytest.mark.parametrize("way", THROUGH_THE_ORM)
    def test_the_orm_changes_nothing(self, model: type[models.Model], way: str) -> None:
        before = list(model.objects.order_by("pk").values())
        with pytest.raises((DatabaseError, models.ProtectedError)), transaction.atomic():
            THROUGH_THE_ORM[way](model)
        assert list(model.objects.order_by("pk").values()) == before

    @pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = 7", "UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
    def test_sql_changes_nothing(self, model: type[models.Model], statement: str) -> None:
        with refused():
            run(statement.format(model._meta.db_table, COLUMN[model]))

    def test_an_insert_that_would_overwrite_is_refused(self, model: type[models.Model]) -> None:
        overwrite = "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT (id) DO UPDATE SET {1} = 7"
        with refused():
            run(overwrite.format(model._meta.db_table, COLUMN[model]))


@pytest.mark.usefixtures("_history")
def test_deleting_what_entries_refer_to_is_refused(alice: User) -> None:
    for row in (alice, alice.wallet, alice.wallet.grants.first(), alice.wallet.entries.first()):
        with pytest.raises((DatabaseError, models.ProtectedError)), transaction.atomic():
            row.delete()


def test_a_feature_is_never_deleted(db: None) -> None:
    with refused():
        run("DELETE FROM billing_feature WHERE code = 'analytics'")
    assert Feature.objects.filter(code="analytics").exists()


def test_a_price_that_has_not_begun_may_still_be_withdrawn(db: None, now: datetime) -> None:
    price = FeaturePrice.objects.create(
        feature_id="gpt-4o", millicredits=1, per=1, starts_at=datetime.now(now.tzinfo) + timedelta(days=1)
    )
    price.delete()
    assert not FeaturePrice.objects.filter(pk=price.pk).exists()


@pytest.fixture
def elsewhere() -> Iterator[psycopg.Connection[Any]]:
    """A database whose name doesn't start with test_, with the guards on tables of the same names."""
    name = f"not_{connection.settings_dict['NAME']}_{os.getpid()}"
    options = {
        key: value
        for key, value in connection.get_connection_params().items()
        if key in ("host", "port", "user", "password")
    }
    with psycopg.connect(**options, dbname="postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            with psycopg.connect(**options, dbname=name, autocommit=True) as there:
                for model in (*TABLES, Feature):
                    there.execute(f"CREATE TABLE {model._meta.db_table} (id bigint, starts_at timestamptz)")
                there.execute(sql.read("append_only"))
                yield there
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_tables_are_emptied_only_where_the_database_s_name_says_that_it_is_a_test(
    db: None, elsewhere: psycopg.Connection[Any]
) -> None:
    for model in TABLES:
        with pytest.raises(psycopg.errors.RestrictViolation, match="can't be emptied"):
            elsewhere.execute(f"TRUNCATE {model._meta.db_table} CASCADE")
    with transaction.atomic():
        run("TRUNCATE billing_entryshare, billing_usageline, billing_ledgerentry CASCADE")
        transaction.set_rollback(True)
