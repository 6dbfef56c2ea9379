"""P9: the header's poll while nothing changed, against an empty view behind the same login, over gunicorn."""

from contextlib import closing
from functools import partial
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from benchmarks import data, site
from benchmarks.contest import Figure, Rounds
from billing.selectors import balance

UNCHANGED = 204


def unchanged_balance(*, rounds: int, requests: int) -> list[Figure]:
    """Measure with one kept connection and a session's cookie; the figure is milliseconds a request."""
    ids = data.create_wallets(1, name="poll")
    user = User.objects.get(wallet=ids[0])
    cookie = site.cookie_of(user)
    shown = balance.shown_now(owner_id=user.pk, now=timezone.now())
    poll = f"{reverse('billing:balance')}?{urlencode({'shown': shown})}"
    with site.running() as running, closing(running.connect()) as connection:
        turns = {
            "poll": partial(site.milliseconds, connection, poll, cookie, requests, status=UNCHANGED),
            "empty": partial(site.milliseconds, connection, reverse("empty"), cookie, requests, status=UNCHANGED),
        }
        found = Rounds(turns, rounds=rounds)
    return [
        Figure(
            "P9",
            "balance poll, unchanged",
            found.median("poll"),
            "empty view",
            found.median("empty"),
            "ms",
            found.ratio("poll", "empty"),
            1.5,
            at_least=False,
        )
    ]
