"""What the developer has set wins, and what the sandbox writes is read back by the settings as it was meant."""

import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from sandbox import environment
from sandbox.lock import AlreadyRunningError, Lock
from sandbox.run import variables


@pytest.fixture(autouse=True)
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "LOCAL", tmp_path / ".local")
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_URL", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


def test_the_real_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://from-file/db\nREDIS_URL=redis://from-file/0\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://from-environment/db")

    given = environment.given()

    assert given["DATABASE_URL"] == "postgresql://from-environment/db"
    assert given["REDIS_URL"] == "redis://from-file/0"


def test_an_empty_value_counts_as_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=\n")
    monkeypatch.setenv("DATABASE_URL", "")

    assert {"DATABASE_URL", "REDIS_URL"}.isdisjoint(environment.given())


def test_what_the_developer_has_set_is_not_set_again(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SITE_URL=https://mine.example\n")

    found = variables({"REDIS_URL": "redis://127.0.0.1:1/0"})

    assert "SITE_URL" not in found
    assert found["REDIS_URL"] == "redis://127.0.0.1:1/0"
    assert found["ENVIRONMENT"] == "development"


def test_the_key_is_made_once_and_long_enough() -> None:
    first = environment.secret_key()

    assert len(first) >= 50
    assert environment.secret_key() == first
    assert stat.S_IMODE((environment.LOCAL / "secret_key").stat().st_mode) == 0o600


def test_awkward_values_survive_the_file() -> None:
    awkward = {"DATABASE_URL": "postgresql://u:it's $HOME #1 \\ %2F@/db", "SITE_URL": "http://127.0.0.1:8000"}

    environment.write_env_file(awkward)

    assert dotenv_values(environment.LOCAL / "env") == awkward
    assert environment.read_env_file() == awkward


def test_only_one_holds_the_lock_and_the_other_learns_who(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path) as lock:
        lock.acquire(url="http://127.0.0.1:8000/")
        with pytest.raises(AlreadyRunningError, match=r"already running here \(pid \d+\), at http://127.0.0.1:8000/"):
            Lock(path).acquire()
    with Lock(path) as lock:
        lock.acquire(command="pytest")
