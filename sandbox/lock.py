"""One sandbox per clone. The kernel lets go of the lock when its holder dies, so a stale one can't exist."""

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.errors import SandboxError


class AlreadyRunningError(SandboxError):
    """Another process of this clone holds the lock; `holder` is what it says about itself."""

    def __init__(self, holder: dict[str, Any]) -> None:
        self.holder = holder
        super().__init__(f"CleverAI is already running here (pid {holder.get('pid', '?')}){_whereabouts(holder)}")


class Lock:
    """Held from `acquire()` until `release()` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, **about: Any) -> None:
        """Take the lock, or raise AlreadyRunningError at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunningError(self.holder()) from None
        self._descriptor = descriptor
        os.register_at_fork(after_in_child=self._leave_to_parent)
        self.tell(**about)

    def tell(self, **about: Any) -> None:
        """Write down who holds the lock, for the others to read."""
        assert self._descriptor is not None, "Only the holder of the lock may write in it."  # noqa: S101
        text = json.dumps({"pid": os.getpid(), **about}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def holder(self) -> dict[str, Any]:
        try:
            about = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return about if isinstance(about, dict) else {}

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the holder says that its servers answer."""
        deadline = time.monotonic() + seconds
        while not self.holder().get("ready"):
            if time.monotonic() > deadline:
                raise AlreadyRunningError(self.holder())
            time.sleep(0.1)

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _leave_to_parent(self) -> None:
        """Close our copy of the lock in a forked child, which would otherwise hold it beyond its parent's death."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _whereabouts(holder: dict[str, Any]) -> str:
    if "url" in holder:
        return f", at {holder['url']}"
    if "command" in holder:
        return f", for `{holder['command']}`"
    return ""
