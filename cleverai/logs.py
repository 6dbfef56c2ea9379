"""Log lines: one JSON object each in production, readable ones in development, and nobody's secrets in either.

A line has only the fields named here: what a library attaches to its records (requests, arguments of tasks) stays out.
settings.py and cleverai/gunicorn.py configure logging with this, so that the server's own lines look like the rest.
"""

import copy
import logging
from typing import Any

from django.conf import settings
from pythonjsonlogger.json import JsonFormatter

from cleverai import tracing
from cleverai.hiding import hidden

#: What gunicorn writes about a request. Its route instead of its path: paths carry tokens too (see `route_of`).
ACCESS_FORMAT = "%(m)s %({cleverai.route}e)s %(s)s, %(B)s bytes in %(M)s ms"
ROUTE = "cleverai.route"
NO_ROUTE, STATIC = "(no page)", "(static)"
FIELDS = (
    "time", "level", "logger", "message", "request_id", "wallet_id", "task",
    "method", "route", "status", "bytes", "milliseconds", "exception", "stack",
)  # fmt: skip


class Context(logging.Filter):
    """Adds to each record what is being worked for, and to those about a request what was asked and answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in tracing.facts().items():
            setattr(record, name, value)
        if record.name == "gunicorn.access" and isinstance(record.args, dict):
            atoms = record.args
            record.method, record.route = atoms["m"], atoms[f"{{{ROUTE}}}e"]
            record.status, record.bytes, record.milliseconds = int(atoms["s"]), atoms["B"], atoms["M"]
            if (answered := atoms["{x-request-id}o"]) != "-":
                record.request_id = answered
        return True


class SafeFormatter(logging.Formatter):
    """A formatter whose lines hide what nobody may read; the record itself stays as it is for other handlers."""

    def format(self, record: logging.LogRecord) -> str:
        safe = copy.copy(record)
        safe.msg, safe.args, safe.exc_text = hidden(safe_message(record)), None, None
        return super().format(safe)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        return hidden(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's own name
        return hidden(super().formatStack(stack_info))


class JsonLine(SafeFormatter, JsonFormatter):
    """One JSON object a line, with the fields of FIELDS that have something to say. Times are UTC."""

    def __init__(self) -> None:
        renamed = {"levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"}
        super().__init__(
            ["levelname", "name", "message"], timestamp="time", rename_fields=renamed, json_ensure_ascii=False
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: log_data[name] for name in FIELDS if log_data.get(name) not in (None, "")}


class ReadableLine(SafeFormatter):
    """A line for people: when, how bad, who and what, and whom it was done for."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}{worked_for}", style="{", defaults={"worked_for": ""})

    def format(self, record: logging.LogRecord) -> str:
        facts = [f"{name}={record.__dict__[name]}" for name in ("wallet_id", "task") if record.__dict__.get(name)]
        record.worked_for = f" ({', '.join(facts)})" if facts else ""
        return super().format(record)


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Return what `logging.config.dictConfig` takes: everything goes to standard error, through one handler."""
    formatter = JsonLine if as_json else ReadableLine
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": Context}},
        "formatters": {"line": {"()": formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["context"]}},
        "root": {"handlers": ["console"], "level": level},
        # the library tells what it sends and gets, names and addresses included
        "loggers": {"stripe": {"level": "WARNING"}},
    }


def safe_message(record: logging.LogRecord) -> str:
    """Return a record's message with routes instead of paths, and without what a server quotes of a bad request."""
    if record.name == "gunicorn.error":
        for start in ("Invalid request", "Error handling request"):
            if str(record.msg).startswith(start):
                return start
    message = record.getMessage()
    request = record.__dict__.get("request")  # as Django attaches it to what it says about one
    path = getattr(request, "path", "")
    return message.replace(path, route_of(request)) if len(path) > 1 else message


def route_of(request: Any) -> str:
    """Return the pattern of the page that a request asked for, instead of the address with what is secret in it."""
    if match := getattr(request, "resolver_match", None):
        return f"/{match.route}"
    return STATIC if request.path.startswith(settings.STATIC_URL) else NO_ROUTE
