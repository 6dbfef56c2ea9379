"""The Celery application: tasks are hints, the database rows are the truth (see billing/queue.py)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleverai.settings")

app = Celery("cleverai")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
