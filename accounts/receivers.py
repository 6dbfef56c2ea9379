"""Logins: when a session began, and in the log who came and who couldn't, by number and never by what was typed."""

import logging
import time
from typing import Any

from allauth.account.signals import user_logged_in
from django.contrib.auth import signals
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from accounts.sessions import BEGAN

logger = logging.getLogger(__name__)


@receiver(signals.user_logged_in)
def begin_session(request: HttpRequest, **_: Any) -> None:
    """Write down when somebody logged in, by whatever way: their session is over so long after it."""
    request.session[BEGAN] = int(time.time())


@receiver(user_logged_in)
def note_login(request: HttpRequest, user: User, **_: Any) -> None:
    """Note a login that is complete, and by which steps."""
    records = request.session.get("account_authentication_methods", [])
    steps = ", ".join(str(record.get("type") or record["method"]) for record in records)
    logger.info("Person %s logged in by %s.", user.pk, steps or "nothing that is recorded")


@receiver(user_logged_out)
def note_logout(user: User | None, **_: Any) -> None:
    """Note a logout."""
    if user is not None:
        logger.info("Person %s logged out.", user.pk)


@receiver(user_login_failed)
def note_failed_login(**_: Any) -> None:
    """Note an attempt that failed; whose it was isn't said, because what was typed needn't be an address of ours."""
    logger.warning("A login failed.")
