"""Which request and task the running code works for: a request's id goes along into the tasks that it asks for."""

import re
from contextvars import ContextVar
from uuid import uuid4

from billing import traces

WELL_FORMED = re.compile(r"[A-Za-z0-9-]{1,64}")

# They stay until their thread begins something else: what the server says about a request afterwards is about it too.
request_id = traces.request_id
task: ContextVar[str] = ContextVar("task", default="")


def begin(*, given_id: object = None, task_name: str = "") -> str:
    """Begin a request or a task: forget what came before, and return its id, `given_id` if that is well-formed."""
    is_sound = isinstance(given_id, str) and WELL_FORMED.fullmatch(given_id)
    chosen = str(given_id) if is_sound else uuid4().hex
    request_id.set(chosen)
    task.set(task_name)
    traces.wallet_id.set(None)
    return chosen


def end() -> None:
    """Say that nothing is being worked for."""
    request_id.set("")
    task.set("")
    traces.wallet_id.set(None)


def facts() -> dict[str, str | int]:
    """Return what is known of what is being worked for: request_id, task, wallet_id."""
    found = {"request_id": request_id.get(), "task": task.get(), "wallet_id": traces.wallet_id.get()}
    return {name: value for name, value in found.items() if value}
