"""Sessions: kept in the database, read from the cache while there is one, and over 14 days after their login."""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.sessions.backends import cached_db, db
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

#: Under this name a session has the moment of its login, in seconds since 1970.
BEGAN = "began_at"


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

    def get_expiry_age(self, **known: Any) -> int:
        """Return for how many seconds it goes on: Django counts anew each time that a session is saved."""
        age = int(super().get_expiry_age(**known))
        # whoever says the expiry is loading the session, which mustn't be looked into yet
        return age if "expiry" in known else max(0, age - self._seconds_since_login())

    def get_expiry_date(self, **known: Any) -> datetime:
        """Return the moment at which it is over."""
        date: datetime = super().get_expiry_date(**known)
        return date if "expiry" in known else date - timedelta(seconds=self._seconds_since_login())

    def _seconds_since_login(self) -> int:
        """Return how long ago somebody logged in, 0 where nobody has."""
        now = int(time.time())
        return max(0, now - int(self.get(BEGAN, now)))


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
