"""Runs pytest in a process that is born with the libraries loaded and knows no code of ours: half the time of a start.

The parent is Python's own fork server, which imports what `LIBRARIES` names, once, and nothing of this project's; each
child then reads the project from the tree that it is given.
"""

import multiprocessing
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = [
    "pytest", "hypothesis", "django", "django.contrib.admin", "django.test", "psycopg", "celery", "redis", "stripe",
    "requests", "tenacity", "environs", "qrcode", "fido2", "csp", "whitenoise", "django_htmx", "lucide", "flask",
]  # fmt: skip
#: A library that was there before pytest can't have its assertions explained; nobody needs that.
QUIET = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
BROKEN = 70

_births = multiprocessing.get_context("forkserver")
_births.set_forkserver_preload(LIBRARIES)


def run_pytest(
    arguments: Sequence[str], *, tree: Path, env: Mapping[str, str], output: Path, patience_seconds: float
) -> int:
    """Run pytest in a tree and return its exit code, or one that pytest never has when it didn't run to its end.

    What it prints is in `output`. Raises TimeoutError when it takes longer than `patience_seconds`.
    """
    process = _births.Process(target=_live, args=(list(arguments), str(tree), dict(env), str(output)))
    process.start()
    process.join(patience_seconds)
    if process.is_alive():
        process.kill()
        process.join()
        raise TimeoutError(f"pytest took longer than {patience_seconds} seconds:\n{output.read_text()}")
    return BROKEN if process.exitcode is None else process.exitcode


def _live(arguments: list[str], tree: str, env: dict[str, str], output: str) -> None:
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(env)
    os.chdir(tree)
    for name in [name for name in sys.modules if (Path(tree) / name.partition(".")[0]).is_dir()]:
        del sys.modules[name]
    sys.path[0] = tree
    code = BROKEN
    try:
        import pytest  # noqa: PLC0415  (the libraries are there already; this process alone wants it)

        code = int(pytest.main([*QUIET, *arguments]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
