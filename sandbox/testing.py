"""`make test`: every test there is, in the company it can bear, summed up in one closing line."""

import os
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import chromium
from sandbox.run import call, process_environment, temporary_servers

NOTHING_COLLECTED = 5


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, report: Path) -> None:
        """Count a JUnit report. A test that both failed and broke while cleaning up is one failed test."""
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
            outcomes = {child.tag for child in case}
            if outcomes & {"failure", "error"}:
                self.failed += 1
            elif "skipped" in outcomes:
                self.skipped += 1
            else:
                self.passed += 1

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def phases(*, long: bool) -> list[tuple[str, list[str]]]:
    """Return each phase's name and its arguments: which tests it runs, and how many of them at a time.

    What starts processes mostly waits for them, so that one more of it has room; races want the machine to themselves.
    """
    workers = max(2, min(os.cpu_count() or 2, 8))
    found = [
        ("side by side", ["-m", "not race and not processes and not browser and not long", *_spread(workers)]),
        (
            "with processes of their own",
            ["-m", "processes and not race and not browser and not long", *_spread(workers + 1)],
        ),
        ("alone", ["-m", "race and not browser and not long"]),
        ("in the browser", ["-m", "browser and not long", *_spread(workers)]),
    ]
    return [*found, ("the long figures", ["-m", "long"])] if long else found


def _spread(workers: int) -> list[str]:
    return ["-n", str(workers), "--dist", "worksteal"]


def test(arguments: Sequence[str], *, long: bool) -> int:
    """Run the tests on servers of their own; return 0 only if every phase ran and nothing failed."""
    tally, broken = Tally(), False
    browser = chromium.find_or_install()
    with temporary_servers(durable=False) as found, tempfile.TemporaryDirectory(prefix="cleverai-") as folder:
        env = process_environment(found | ({"CHROMIUM": browser} if browser else {}))
        for name, marks in phases(long=long):
            if name == "in the browser" and not browser:
                continue
            print(f"\n── {name} ──", flush=True)
            report = Path(folder) / "report.xml"
            code = call([sys.executable, "-m", "pytest", *marks, f"--junit-xml={report}", *arguments], env)
            if report.exists():
                tally.add(report)
                report.unlink()
            broken |= code not in {0, NOTHING_COLLECTED}
            if code in {2, 130, 143}:
                break
    print(f"\n{tally}", flush=True)
    if not browser:
        print(f"The browser tests did not run. {chromium.advice()}", flush=True)
    return 1 if broken or tally.failed or not tally.passed or not browser else 0
