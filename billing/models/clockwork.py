"""When the clockwork last ran: what staff and load balancers look at."""

from django.db import models


class Heartbeat(models.Model):
    """The last time a periodic task ended well; written by the task, so that it proves beat, queue and worker."""

    task = models.CharField(max_length=100, primary_key=True)
    beat_at = models.DateTimeField(help_text="By the database's clock.")
    outcome = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.task}, {self.beat_at:%Y-%m-%d %H:%M:%S} UTC"
