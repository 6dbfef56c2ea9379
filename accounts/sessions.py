"""Sessions: kept in the database, read from the cache while there is one."""

import logging
from typing import Any

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
