"""No parameter of no address leads off the site; `test_redirects.py` tries logins and logouts one by one."""

import pytest
from django.test import Client

from accounts.models import User
from cleverai.tests.routes import ROWS
from cleverai.tests.test_access import STAFF_PATTERNS, address_of, browser_of, staff_address_of
from cleverai.tests.test_redirects import ELSEWHERE, leads_away

NAMES = ["next", "url", "redirect", "redirect_to", "redirect_url", "return", "return_to", "return_url", "continue",
         "goto", "target", "dest", "destination", "process", "action", "back", "referer", "cancel_url",
         "success_url"]  # fmt: skip
#: Stripe's own pages, the one place that we lead to.
STRIPE = ("http://127.0.0.1:12111/",)


@pytest.mark.parametrize("target", ELSEWHERE[:29:7], ids=range(5))
def test_no_address_follows_a_parameter_away(alice: User, bob: User, target: str) -> None:
    wishes = dict.fromkeys(NAMES, target)
    addresses = [address_of(row, alice) for row in ROWS.values()]
    addresses += [staff_address_of(pattern, alice) for pattern in STAFF_PATTERNS]
    for address in addresses:
        for browser in (Client(), browser_of(bob)):
            for answer in (browser.get(address, wishes), browser.post(address, wishes)):
                place = answer.get("Location", "")
                assert not leads_away(place) or place.startswith(STRIPE), f"{address} → {place[:200]}"
                trigger = answer.get("HX-Redirect", "") + answer.get("HX-Location", "")
                assert not leads_away(trigger), address
                assert "Refresh" not in answer, address
