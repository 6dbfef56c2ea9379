"""Sessions: kept in the database, read from the cache while there is one."""

import logging
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.sessions.backends import cached_db, db
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class SessionStore(cached_db.SessionStore):
    """Reads sessions from the database while the cache is away, so that nobody is thrown out.

    Ending a session still needs both: one that stayed in the cache would come back to life with it.
    """

    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except RedisError:
            logger.warning("The cache is away: a session was read from the database.")
            return db.SessionStore.load(self)


def forget_expired_sessions(*, now: datetime) -> int:
    """Delete the sessions that nobody can come back to, and where they were used from; return how many there were.

    Of a session that was never logged in, what somebody typed on the way there goes with it.
    """
    # these need the installed apps, which the settings that name this module's class are read before
    sessions = db.SessionStore.get_model_class().objects
    count, _ = sessions.filter(expire_date__lt=now).delete()
    user_sessions = apps.get_model("usersessions", "UserSession").objects
    user_sessions.exclude(session_key__in=sessions.values("session_key")).delete()
    return int(count)
