"""What is kept about a person, as they can take it away: one part a file, each with what it is in words.

A part's rows are read some at a time, in the caller's transaction, so that a file takes as little memory as those.
Secrets stay out: passwords, keys of second steps and of sessions would let whoever holds the file in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet

from accounts.models import User

Row = Mapping[str, Any]
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the archive: `name` without its ending, what it has in words, and its rows for a person.

    `models` are the tables that it tells of.
    """

    name: str
    meaning: str
    models: Sequence[type[Model]]
    rows: Callable[[User], Iterable[Row]]


def table(
    name: str, meaning: str, model: type[Model], fields: Sequence[str], *, of: str = "wallet__owner", order: str = "pk"
) -> Part:
    """Return a part with these fields of all rows of a model that are a person's; `of` leads to the person."""

    def rows(user: User) -> Iterable[Row]:
        return in_pieces(model._default_manager.filter(**{of: user}).order_by(order).values(*fields))

    return Part(name, meaning, [model], rows)


def in_pieces(rows: QuerySet[Any, Row]) -> Iterable[Row]:
    """Return rows that the database hands out some at a time, also behind a pooler: in a transaction that does no harm.

    `QuerySet.iterator` would read all of them at once there, because it can't know of the transaction.
    """
    pieces: Iterable[Row] = rows._iterator(use_chunked_fetch=True, chunk_size=AT_ONCE)  # type: ignore[attr-defined]
    return pieces


def _profile(user: User) -> Iterable[Row]:
    names = ["email", "name", "time_zone", "joined_at", "last_login", "is_active", "is_staff", "is_superuser"]
    yield {name: getattr(user, name) for name in names} | {"groups": sorted(user.groups.values_list("name", flat=True))}


def _second_steps(user: User) -> Iterable[Row]:
    for step in Authenticator.objects.filter(user=user).order_by("pk"):
        yield {
            "kind": step.get_type_display(),
            "name": str(step.data.get("name", "")) if step.type == Authenticator.Type.WEBAUTHN else "",
            "created_at": step.created_at,
            "last_used_at": step.last_used_at,
        }


PARTS = [
    Part("profile", "who you are here: address, name, time zone, and since when", [User], _profile),
    table("addresses", "your e-mail addresses", EmailAddress, ["email", "primary", "verified"], of="user"),
    table(
        "sessions",
        "where you are logged in: address on the net, browser, since when",
        UserSession,
        ["ip", "user_agent", "created_at", "last_seen_at"],
        of="user",
    ),
    Part("second_steps", "your authenticator app, passkeys and recovery codes, without secrets", [Authenticator],
         _second_steps),
    table(
        "acts",
        "what you did as a member of staff, without what it says of others",
        LogEntry,
        ["action_time", "content_type__model", "object_id"],
        of="user",
    ),
]  # fmt: skip
