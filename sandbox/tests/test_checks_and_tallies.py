"""The parts of the sandbox that need no servers."""

import os
import stat
from pathlib import Path

import pytest

from sandbox import chromium
from sandbox.testing import Tally

REPORT = """<testsuites><testsuite>
<testcase name="good"/>
<testcase name="bad"><failure/></testcase>
<testcase name="bad twice"><failure/><error/></testcase>
<testcase name="not here"><skipped/></testcase>
</testsuite></testsuites>"""


def test_the_closing_line_counts_every_test_once(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    tally = Tally(passed=10)

    tally.add(report)

    assert str(tally) == "11 passed, 2 failed, 1 skipped"


def test_chromium_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my-chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CHROMIUM", str(program))

    assert chromium.find_or_install() == str(program)


def test_a_named_chromium_that_is_missing_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")

    assert chromium.find_or_install() is None
    assert "/nowhere/chromium" in chromium.advice()


def test_without_chromium_there_is_one_command_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert chromium.find_or_install() is None
    assert chromium.advice() == (
        "Chromium is missing. Run: sudo apt-get install --yes --no-install-recommends chromium"
    )


def test_root_gets_chromium_through_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    script = f'#!/bin/sh\ncase "$*" in install*) echo "#!/bin/sh" > "{browser}"; /bin/chmod +x "{browser}";; esac\n'
    (tmp_path / "apt-get").write_text(script)
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert chromium.find_or_install() == str(browser)
