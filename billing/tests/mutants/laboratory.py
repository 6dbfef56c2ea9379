"""Runs named tests in copies of the tree, each against a database of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from billing.tests.mutants.mutant import Mutant, Stage
from billing.tests.mutants.nursery import run_pytest

PASSED, FAILED = 0, 1
#: Nothing takes so long; it only ends what hangs.
PATIENCE_SECONDS = 1_500
#: Loading the browser's, the servers' and the workers' plugins takes as long as most of the tests.
OPTIONS = ["-p", "django", "-p", "timeout", "-p", "hypothesispytest", "-p", "no:cacheprovider", "-m", "not long"]
NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".git", ".local", ".hypothesis", ".*_cache", "test-results", "node_modules", "*.png"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run of pytest ended: its exit code, and what it printed."""

    code: int
    output: str


class Laboratory:
    """A folder for the copies, and a migrated database that most of their databases are copied from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"mutants_{os.getpid()}"
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self._recreate(f"test_{self.name}")
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity=0"],
            cwd=settings.BASE_DIR,
            env=_environment(f"test_{self.name}"),
            check=True,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._drop(f"test_{self.name}")

    def run(self, tests: Sequence[str], mutant: Mutant | None, *, options: Sequence[str] = ()) -> Verdict:
        """Run tests in a copy of the tree with the mutant's mistake in it, or without any; return how it ended.

        `options` are more of pytest's.
        """
        number = next(self._numbers)
        tree = self.folder / str(number)
        shutil.copytree(settings.BASE_DIR, tree, ignore=NOT_COPIED)
        name = f"{self.name}_{number}"
        try:
            if mutant is not None:
                mutant.apply(tree)
            stage = mutant.shows_in if mutant else Stage.CODE
            if stage != Stage.MIGRATIONS:
                self._recreate(f"test_{name}", like=f"test_{self.name}")
            if mutant and stage == Stage.FUNCTIONS:
                _run((tree / mutant.file).read_text(encoding="utf-8"), database=f"test_{name}")
            output = self.folder / f"{number}.txt"
            code = run_pytest(
                ["-q", "-x", "--reuse-db", *OPTIONS, *options, *tests],
                tree=tree,
                env=_environment(name),
                output=output,
                patience_seconds=PATIENCE_SECONDS,
            )
            return Verdict(code, output.read_text(errors="replace"))
        finally:
            shutil.rmtree(tree)
            self._drop(f"test_{name}")

    def _recreate(self, name: str, *, like: str = "template1") -> None:
        self._drop(name)
        _administer(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(like)))

    def _drop(self, name: str) -> None:
        _administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _administer(statement: sql.Composed) -> None:
    _run(statement, database="postgres")


def _run(statement: sql.Composed | str, *, database: str) -> None:
    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"] or None,
        port=where["PORT"] or None,
        user=where["USER"] or None,
        password=where["PASSWORD"] or None,
        dbname=database,
        autocommit=True,
    ) as server:
        server.execute(statement)


def _environment(database: str) -> dict[str, str]:
    where = connection.settings_dict
    user, password, host = (quote(where[part] or "", safe="") for part in ("USER", "PASSWORD", "HOST"))
    address = f"{user}:{password}@{host}" + (f":{where['PORT']}" if where["PORT"] else "")
    return os.environ | {
        "DATABASE_URL": f"postgresql://{address}/{database}",
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "true",
    }
