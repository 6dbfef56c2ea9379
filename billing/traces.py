"""Whose wallet the running code works on, so that a line logged anywhere can say so (cleverai/logs.py)."""

from contextvars import ContextVar

#: The wallet that was read or locked last. Whoever begins something new (a request, a task, its next row) empties it.
wallet_id: ContextVar[int | None] = ContextVar("wallet_id", default=None)
