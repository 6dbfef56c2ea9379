"""The Celery application: tasks are hints, the database rows are the truth (see billing/queue.py)."""

import os

from celery import Celery
from kombu.transport import redis, virtual

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
