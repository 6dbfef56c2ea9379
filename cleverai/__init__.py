"""Composition: settings, URLs and start-up. It wires `accounts` and `billing` together, and nobody imports it."""

from cleverai.celery import app as celery_app

__all__ = ["celery_app"]
