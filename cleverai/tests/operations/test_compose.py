"""compose.yaml brings up everything that production needs, in the right order, and with nobody's default password."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from honcho.environ import parse_procfile

from cleverai import healthcheck
from cleverai.tests.test_settings import RIGHT

ROOT = Path(settings.BASE_DIR)
OURS = {"migrate", "web", "worker", "beat"}
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"}
#: What the compose file's variables would be on somebody's machine.
FILLED_IN = RIGHT | {"POSTGRES_PASSWORD": "database9", "VALKEY_PASSWORD": "queue9"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def filled_in(text: str) -> str:
    """Return a value as Compose would fill it in; fail where it would stop."""

    def value(found: re.Match[str]) -> str:
        name, how, default = found.group("name", "how", "default")
        return FILLED_IN.get(name) or (default if how == ":-" else pytest.fail(f"{name} is asked for"))

    text = re.sub(r"\$\{(?P<name>[A-Z_]+)(?P<how>:[-?])(?P<default>[^}]*)\}", value, str(text))
    return text.replace("$$", "$")


def test_it_has_every_process_and_what_they_stand_on(services: dict[str, Any]) -> None:
    assert set(services) == {*OURS, "postgres", "valkey"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_settings_start_with_what_a_process_is_given(
    services: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {key: filled_in(value) for key, value in services[name]["environment"].items()}
    copy = tmp_path / "cleverai" / "settings.py"
    copy.parent.mkdir()
    shutil.copy(ROOT / "cleverai" / "settings.py", copy)
    with monkeypatch.context() as patch:
        for variable in os.environ:
            patch.delenv(variable)
        for variable, value in given.items():
            patch.setenv(variable, value)
        found = runpy.run_path(str(copy))

    assert RIGHT.keys() <= given.keys()
    assert (found["ENVIRONMENT"], found["SITE_URL"]) == ("production", RIGHT["SITE_URL"])
    assert found["DATABASES"]["default"]["HOST"] == "postgres"
    assert found["REDIS_URL"] == "redis://:queue9@valkey:6379/0"
    assert services[name]["env_file"] == ".env"


def test_no_secret_has_a_default_that_a_public_machine_could_keep() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name in SECRETS:
        asked = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert asked, name
        assert all(each.startswith(":?") and len(each) > 10 for each in asked), name


def test_data_is_kept_by_known_versions_of_its_servers(services: dict[str, Any]) -> None:
    for name in ("postgres", "valkey"):
        assert re.search(r":\d+\.\d+(\.\d+)?$", services[name]["image"]), name
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert bases == ["python:3.11-slim-bookworm"] * 2


def test_what_must_stay_lies_on_volumes_and_everything_else_is_read_only(services: dict[str, Any]) -> None:
    assert services["postgres"]["volumes"] == ["database:/var/lib/postgresql"]
    assert services["valkey"]["volumes"] == ["queue:/data"]
    for name in OURS:
        where = services[name]["environment"]["EXPORTS_DIR"]
        assert services[name]["volumes"] == [f"exports:{where}"]
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]


def test_the_queue_evicts_nothing_and_writes_everything_down(services: dict[str, Any]) -> None:
    command = " ".join(services["valkey"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command
    assert "--requirepass" not in command


def test_nothing_starts_before_the_migrations_and_those_not_before_the_database(services: dict[str, Any]) -> None:
    assert services["migrate"]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
    }
    assert services["migrate"]["restart"] == "no"
    for name in OURS - {"migrate"}:
        assert services[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "postgres": {"condition": "service_healthy"},
            "valkey": {"condition": "service_healthy"},
        }
    for name in ("postgres", "valkey", "worker"):
        assert services[name]["healthcheck"]["test"], name


def test_nobody_outside_reaches_anything_but_the_web_through_this_machine(services: dict[str, Any]) -> None:
    assert {name: each["ports"] for name, each in services.items() if "ports" in each} == {
        "web": ["127.0.0.1:${WEB_PORT:-8000}:8000"]
    }


def test_procfile_compose_and_image_run_the_same_commands(services: dict[str, Any]) -> None:
    procfile = parse_procfile((ROOT / "Procfile").read_text()).processes
    assert set(procfile) == {"release", "web", "worker", "beat"}
    without_temporary = {name: command.replace("${TMPDIR:-/tmp}", "/tmp") for name, command in procfile.items()}  # noqa: S108
    for name, service in (("release", "migrate"), ("web", "web"), ("worker", "worker"), ("beat", "beat")):
        assert without_temporary[name] == f"exec {services[service]['command']}"
    (command,) = re.findall(r"^CMD (\[.*\])", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert yaml.safe_load(command) == shlex.split(services["web"]["command"])


def test_the_image_is_made_of_nothing_but_the_product() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    allowed = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert copied == set(allowed) == {
        "requirements.txt", "manage.py", "accounts", "billing", "cleverai", "static", "templates",
    }  # fmt: skip


@pytest.mark.skipif(not shutil.which("docker"), reason="Docker's client isn't here")
def test_compose_itself_can_read_it(tmp_path: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:  # noqa: S607
        pytest.skip("Docker's client has no Compose")
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in FILLED_IN.items()))
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    subprocess.run(["docker", "compose", "config", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"SITE_URL": "https://credits.example.com"}, "credits.example.com"),
        ({"SITE_URL": "https://credits.example.com:8443", "ALLOWED_HOSTS": ""}, "credits.example.com"),
        ({"SITE_URL": "https://credits.example.com", "ALLOWED_HOSTS": ".example.com,b"}, "example.com"),
        ({}, "localhost"),
    ],
)
def test_the_image_s_health_is_asked_under_a_name_of_the_site(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    for variable in ("SITE_URL", "ALLOWED_HOSTS"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert healthcheck.site_name() == name


def test_a_server_that_is_not_there_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    assert not healthcheck.is_up()
