"""The examples of the page about the API do what it says, word for word, each for a wallet of 100 credits."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from billing.api.examples import examples
from billing.api.problems import KINDS
from billing.tests.people import books

pytestmark = pytest.mark.django_db(transaction=True)
CODES = sorted(examples())
PACKAGE = Path(settings.BASE_DIR, "clients", "python")
README = PACKAGE / "README.md"


def shown(kind: str) -> dict[str, str]:
    """Return what the page shows, by the code of its example."""
    page = Client().get(reverse("api_reference")).content.decode()
    return {
        code: html.unescape(text) for code, text in re.findall(rf'<code data-{kind}="(\w+)">(.*?)</code>', page, re.S)
    }


def run(text: str, suffix: str, tmp_path: Path, variables: dict[str, str]) -> str:
    """Run a program as somebody would who has copied it, and return what it prints."""
    program = tmp_path / f"program{suffix}"
    program.write_text(text)
    command = [sys.executable, str(program)] if suffix == ".py" else ["/bin/bash", "-euo", "pipefail", str(program)]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": tools, "PYTHONPATH": str(PACKAGE)} | variables
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def variables(live_server: LiveServer, token: str, alice: User) -> dict[str, str]:
    """Who the examples are."""
    return {"CLEVER_URL": live_server.url, "CLEVER_KEY": token, "CLEVER_WALLET": str(alice.wallet.pk)}


def test_the_page_shows_every_example_as_it_is() -> None:
    assert shown("example") == {code: example.text for code, example in examples().items()}
    assert shown("output") == {code: example.output for code, example in examples().items() if example.output}


@pytest.mark.parametrize("code", [code for code in CODES if not code.endswith("_sh")])
def test_an_example_in_python_prints_what_the_page_says(code: str, tmp_path: Path, variables: dict[str, str]) -> None:
    assert run(shown("example")[code], ".py", tmp_path, variables) == shown("output")[code]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("code", [code for code in CODES if code.endswith("_sh")])
def test_an_example_in_curl_answers_what_the_page_says(
    code: str, tmp_path: Path, variables: dict[str, str], alice: User
) -> None:
    answer = json.loads(run(shown("example")[code], ".sh", tmp_path, variables))
    assert without_moments(answer) == without_moments(json.loads(shown("output")[code]))


def without_moments(value: Any, name: str = "") -> Any:
    """Return an answer without what differs from day to day and from machine to machine."""
    if isinstance(value, dict):
        return {name: without_moments(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_moments(inner) for inner in value]
    if name in {"wallet", "instance"}:
        return name
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "a moment", value) if isinstance(value, str) else value


def test_the_readme_of_the_package_runs_as_printed(tmp_path: Path, variables: dict[str, str], alice: User) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) >= 3
    said = run("\n".join(blocks), ".py", tmp_path, variables)
    printed = re.findall(r"```text\n(.*?)```", README.read_text(), re.S)
    assert said == "".join(printed)


def test_every_problem_leads_to_its_page(live_server: LiveServer, now: datetime, alice: User) -> None:
    browser = Client()
    for kind in KINDS.values():
        assert kind.type == f"{settings.SITE_URL}{reverse('api_problem', args=[kind.name])}"
        page = browser.get(reverse("api_problem", args=[kind.name]))
        assert page.status_code == 200
        text = html.unescape(page.content.decode())
        assert kind.advice in text
        assert kind.type in text
    assert browser.get(reverse("api_problem", args=["invented"])).status_code == 404
    assert books(alice.wallet, after=1) == []
