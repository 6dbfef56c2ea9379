"""dj-stripe's process: reads what there is to post, then a turn a line, and answers how many events it took a second.

Stripe answers at once, from memory. Whatever goes wrong ends the process, whose last words are its traceback.
"""

import json
import re
import sys
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import django
import stripe
from django.core.management import call_command
from django.test import override_settings

from benchmarks.posting import MARK, Postman, numbered

NUMBERED = re.compile(r"(.+)x([0-9]{7})")
ACCOUNT = {"id": "acct_benchmark", "object": "account", "country": "US", "default_currency": "usd", "metadata": {}}
NOTHING = {"object": "list", "data": [], "has_more": False, "url": "/v1/nothing"}


class Memory(stripe.HTTPClient):
    """Stripe, as far as it is asked: every object by its id, no features of products, one account."""

    name = "memory"

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__()
        self._answers = answers

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        path = unquote(urlsplit(url).path)
        return self._answer(path), 200, {"Request-Id": "req_memory"}

    def _answer(self, path: str) -> str:
        name = path.rpartition("/")[2]
        if name == "account":
            return json.dumps(ACCOUNT)
        if name == "features":
            return json.dumps(NOTHING)
        if name in self._answers:
            return self._answers[name]
        found = NUMBERED.fullmatch(name)
        assert found, f"dj-stripe asked for {path}"
        return numbered(self._answers[found[1] + MARK], int(found[2]))

    def close(self) -> None:
        """Nothing is open."""


def keep(trigger, api_key=None) -> None:
    """Leave an event that was verified and kept for later."""


def endpoint(secret: str) -> str:
    """Make an endpoint, and return its address."""
    from djstripe.models import WebhookEndpoint  # noqa: PLC0415 - Django must be set up first

    made = WebhookEndpoint.objects.create(
        id="we_benchmark",
        livemode=False,
        enabled_events=["*"],
        secret=secret,
        status="enabled",
        url="https://bench.example/",
        djstripe_uuid=uuid4(),
    )
    return f"/stripe/webhook/{made.djstripe_uuid}/"


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    given = json.loads(sys.stdin.readline())
    stripe.default_http_client = Memory(given["answers"])
    postman = Postman(path=endpoint(given["secret"]), secret=given["secret"], events=given["events"])
    for line in sys.stdin:
        turn = json.loads(line)
        with override_settings(DJSTRIPE_WEBHOOK_EVENT_CALLBACK=keep if turn["only_keep"] else None):
            per_second = postman.per_second(turn["seconds"])
        print(json.dumps({"per_second": per_second}), flush=True)


if __name__ == "__main__":
    main()
