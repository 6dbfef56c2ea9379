"""What the running code works for, so that a line logged anywhere, and a refusal, can say so (cleverai/tracing.py)."""

from contextvars import ContextVar

#: The wallet that was read or locked last. Whoever begins something new (a request, a task, its next row) empties it.
wallet_id: ContextVar[int | None] = ContextVar("wallet_id", default=None)
#: The id of the request, or of the task, and "" for neither.
request_id: ContextVar[str] = ContextVar("request_id", default="")
