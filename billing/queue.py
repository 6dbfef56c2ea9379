"""The queue is a hint: the database row is the truth, and a sweeper finds what the queue lost."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def hint(task_name: str, row_id: int) -> None:
    """Ask a worker, by task name and after commit, to look at a row soon. A lost hint costs time, never work."""

    def send() -> None:
        try:
            current_app.send_task(task_name, args=[row_id], retry=False)
        except OperationalError:
            logger.warning("The broker is away; the sweeper of %s will find row %s.", task_name, row_id)

    transaction.on_commit(send)
