"""A person who leaves: their login, addresses, second steps and sessions go, and the staff's log forgets their name.

Whose acts are on record, as a member of staff, leaves a nameless row that nobody can enter: the record of who did
what to whose credits stays one, with somebody behind each act.
"""

import logging
from collections.abc import Iterable
from importlib import import_module

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import models, transaction

from accounts.models import User

logger = logging.getLogger(__name__)

FORGOTTEN = "Erased"
NOBODY = "former-staff-{}@removed.invalid"
#: What belongs to a person alone.
OWN = (Authenticator, EmailAddress, UserSession)


def is_last_superuser(user: User) -> bool:
    """Return whether nobody else could give rights to staff once this person has left."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and not others.exists()


def remove(user: User) -> None:
    """Remove a person in the caller's transaction; what else points at them has to be parted from them before."""
    _end_sessions(user)
    for model in OWN:
        forget_in_log(model, model.objects.filter(user=user).values_list("pk", flat=True))
        model.objects.filter(user=user).delete()
    forget_in_log(User, [user.pk])
    if _has_acted(user):
        _make_nameless(user)
    else:
        user.delete()


def forget_in_log(model: type[models.Model], ids: Iterable[object]) -> None:
    """Take the names of rows, and what was said of them, out of the staff's log: who acted when on which row stays."""
    forget(
        LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(model), object_id__in=[str(each) for each in ids]
        )
    )


def forget(lines: models.QuerySet[LogEntry]) -> None:
    """Take the names of rows, and what was said of them, out of some lines of the staff's log."""
    lines.update(object_repr=FORGOTTEN, change_message="")


def logged_ids(model: type[models.Model]) -> set[str]:
    """Return the ids of the rows of a model that the staff's log has lines about."""
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    return {each for each in about.values_list("object_id", flat=True).distinct() if each}


def _end_sessions(user: User) -> None:
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    store = import_module(settings.SESSION_ENGINE).SessionStore()

    def forget() -> None:
        for key in keys:
            store.delete(key)

    # in the cache they are worth nothing once nobody is behind them, so that its outage keeps nobody from leaving
    transaction.on_commit(forget, robust=True)


def _has_acted(user: User) -> bool:
    """Return whether the log or any row that isn't their own names this person as who did something."""
    if LogEntry.objects.filter(user=user).exists():
        return True
    relations = [
        field
        for field in User._meta.get_fields(include_hidden=True)
        if isinstance(field, models.ManyToOneRel) and field.on_delete is not models.CASCADE
    ]
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: user}).exists() for relation in relations
    )


def _make_nameless(user: User) -> None:
    user.groups.clear()
    user.user_permissions.clear()
    user.email, user.name, user.time_zone = NOBODY.format(user.pk), "", "UTC"
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = None
    user.set_unusable_password()
    user.save()
