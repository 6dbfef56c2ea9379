"""ZIP archives that are sent while they are made: however big, in the memory of one piece."""

import io
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from billing.selectors.copying import BLOCK, Blocks


class Pipe(io.RawIOBase):
    """What is written to it is taken from it again; nobody goes back in it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._waiting += data
        return len(data)

    def take(self, *, at_least: int = 0) -> bytes:
        """Return what was written since the last time, or nothing while that is less than `at_least` bytes."""
        if len(self._waiting) < at_least:
            return b""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def zipped(files: Iterable[tuple[str, Iterable[bytes]]], *, at: datetime) -> Blocks:
    """Yield the bytes of an archive of files, given by name and contents, in pieces that are worth sending."""
    pipe = Pipe()
    with ZipFile(pipe, "w", ZIP_DEFLATED) as archive:
        for name, contents in files:
            info = ZipInfo(name, at.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=True) as file, closing(iter_of(contents)) as pieces:
                for piece in pieces:
                    file.write(piece)
                    if ready := pipe.take(at_least=BLOCK):
                        yield ready
    yield pipe.take()


def iter_of(contents: Iterable[bytes]) -> Blocks:
    """Yield contents piece by piece; closing this closes what it reads from."""
    pieces: Iterator[bytes] = iter(contents)
    try:
        yield from pieces
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
