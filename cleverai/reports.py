"""Errors reported to Sentry, or what speaks like it. Loaded only where SENTRY_DSN is set.

A report has the error, where in our code it was raised, and the ids of request, task and wallet: no body, header,
cookie or address of a request, no arguments of a task, no local variable, nothing about the person.
"""

from typing import Any

import sentry_sdk

from cleverai import tracing
from cleverai.hiding import hidden
from cleverai.logs import NO_ROUTE, safe_message

#: What a report may have; everything else is left out, whatever a later version of the library adds.
KEPT = (
    "event_id", "timestamp", "platform", "level", "logger", "environment", "release", "sdk", "server_name",
    "transaction", "transaction_info", "exception", "logentry", "threads", "fingerprint",
)  # fmt: skip
NAMED_BY_US = {"route", "task", "view", "component"}


def start(*, dsn: str, environment: str) -> None:
    """Report errors, and lines logged at ERROR or above, from now on."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        trace_propagation_targets=[],
        before_send=cleaned,  # type: ignore[arg-type]  # its Event is a dict
    )


def cleaned(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Return a report with what it may have alone, and that without secrets."""
    kept: dict[str, Any] = {name: _hidden(event[name]) for name in KEPT if event.get(name)}
    if record := hint.get("log_record"):
        kept["logentry"] = {"formatted": hidden(safe_message(record))}
    if kept.get("transaction_info", {}).get("source") not in NAMED_BY_US and "transaction" in kept:
        kept["transaction"] = NO_ROUTE  # it is the address that was asked for
    kept["tags"] = {name: str(value) for name, value in tracing.facts().items()}
    return kept


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, dict):
        return {name: _hidden(each) for name, each in value.items() if name != "vars"}
    return [_hidden(each) for each in value] if isinstance(value, list | tuple) else value
