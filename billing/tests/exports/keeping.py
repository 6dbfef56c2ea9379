"""Places where files of exports are kept, in tests: a folder, and a disk that is full until somebody makes room."""

import errno
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from billing.models import Export, Wallet
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import custom
from billing.services.exports import LASTS

BACKEND = "django.core.files.storage.FileSystemStorage"
FULL = "full"


class FullDisk(FileSystemStorage):
    """A folder on a disk that has no room for more while a file called `full` is in it; half of each file fits."""

    def _save(self, name: str, content: Any) -> str:
        if self.exists(FULL):
            Path(self.path(name)).write_bytes(content.read(100))
            raise OSError(errno.ENOSPC, "No space left on device")
        saved: str = super()._save(name, content)
        return saved


def offered(wallet: Wallet, *, now: datetime, source: str = "app") -> Export:
    """Return an export of a wallet's usage that is ready; its file is nowhere."""
    return Export.objects.create(
        wallet=wallet,
        what=What.USAGE,
        file_format=Format.CSV,
        asked=Wanted(wallet, What.USAGE, custom(date(2025, 3, 1), date(2025, 3, 31)), source=source).as_json,
        fingerprint=source,
        status=Export.Status.READY,
        lines=60_000,
        stored_as=source,
        size=12_600_000,
        sha256="c0ffee" * 10,
        created_at=now,
        ready_at=now,
        expires_at=now + LASTS,
    )


def keep_in(folder: Path, settings: Any, *, backend: str = BACKEND) -> Path:
    """Keep files of exports in a folder, for the length of a test."""
    folder.mkdir(exist_ok=True)
    place = {"BACKEND": backend, "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "exports": place}
    return folder


@pytest.fixture
def files(tmp_path: Path, settings: Any) -> Path:
    """The folder that files of exports are kept in."""
    return keep_in(tmp_path / "exports", settings)


@pytest.fixture
def full_disk(tmp_path: Path, settings: Any) -> Path:
    """The folder that files of exports are kept in, on a disk that is full."""
    folder = keep_in(tmp_path / "exports", settings, backend=f"{__name__}.FullDisk")
    (folder / FULL).touch()
    return folder
