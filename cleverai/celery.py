"""The Celery application: tasks are hints, the database rows are the truth (see billing/queue.py)."""

import logging
import logging.config
import os
from typing import Any

import click
from celery import Celery, Task, signals
from click.core import ParameterSource
from django.conf import settings
from kombu.transport import redis, virtual

from cleverai import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleverai.settings")


class QoS(redis.QoS):
    """What a worker has taken from the queue; it takes no more than it may until that is acknowledged.

    Kombu counts a task as acknowledged once the queue has answered. When that answer is late once, the worker would
    take one task fewer from then on, and at the last one none at all, until somebody restarts it. Here it counts in
    any case: the queue then hands the task out a second time, which every task bears.
    """

    def ack(self, delivery_tag: str) -> None:
        virtual.QoS.ack(self, delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        virtual.QoS.ack(self, delivery_tag)
        super().reject(delivery_tag, requeue=requeue)


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    """Redis or Valkey, as CELERY_BROKER_TRANSPORT names it."""

    Channel = Channel


app = Celery("cleverai")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def _log_as_everywhere(loglevel: int, **_: Any) -> None:
    """Keep the lines of cleverai/logs.py, at LOG_LEVEL unless a worker or beat was started with a --loglevel."""
    logging.config.dictConfig(settings.LOGGING)
    command = click.get_current_context(silent=True)
    if command is None or command.get_parameter_source("loglevel") != ParameterSource.DEFAULT:
        logging.getLogger().setLevel(loglevel)


@signals.before_task_publish.connect
def _send_along(headers: dict[str, Any], **_: Any) -> None:
    """Let a task be traced to the request, or the other task, that asked for it."""
    if request_id := tracing.request_id.get():
        headers["request_id"] = request_id


@signals.task_prerun.connect
def _begin_task(task_id: str, task: Task[..., Any], **_: Any) -> None:
    tracing.begin(given_id=getattr(task.request, "request_id", None) or task_id, task_name=task.name or "")


@signals.task_postrun.connect
def _end_task(**_: Any) -> None:
    tracing.end()
