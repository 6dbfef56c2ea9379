"""Find the Chromium that the browser tests drive; it comes from the system, never from elsewhere."""

import os
import shutil
import subprocess

#: How it is started: without what a machine for tests lacks, and without calls home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
INSTALL = "apt-get install --yes --no-install-recommends chromium"


def find() -> str | None:
    """Return the path of Chromium: what the variable CHROMIUM names, else what the system has."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, (*NAMES, *APPLICATIONS))), None)


def find_or_install() -> str | None:
    """Return the path of Chromium, installing it where that is ours to do: as root, through apt-get."""
    found = find()
    if found or os.environ.get("CHROMIUM") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get update --quiet", INSTALL):
        print(f"$ {command}", flush=True)
        if subprocess.run(command.split(), env=env, stdin=subprocess.DEVNULL, check=False).returncode:
            break
    return find()


def advice() -> str:
    """Return the one line that tells how to get Chromium."""
    if os.environ.get("CHROMIUM"):
        return f"CHROMIUM names {os.environ['CHROMIUM']}, which can't be run."
    if shutil.which("apt-get"):
        return f"Chromium is missing. Run: sudo {INSTALL}"
    return "Chromium is missing. Install it with your system's package manager, or name it in the variable CHROMIUM."
