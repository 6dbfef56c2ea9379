"""No parameter of no address leads off the site; `test_redirects.py` tries logins and logouts one by one."""

import pytest
from django.test import Client

from accounts.models import User
from cleverai.tests.routes import ROWS
from cleverai.tests.test_access import STAFF_PATTERNS, address_of, browsers_of, staff_address_of
from cleverai.tests.test_redirects import ELSEWHERE, leads_away

NAMES = ["next", "url", "redirect", "redirect_to", "redirect_url", "return", "return_to", "return_url", "continue",
         "goto", "target", "dest", "destination", "process", "action", "back", "referer", "cancel_url",
         "success_url"]  # fmt: skip
#: Stripe's own pages, the one place that we lead to.
STRIPE = ("http://127.0.0.1:12111/",)


#: How often each address is asked, until each parameter has held each of the strings that lead away.
TURNS = len(ELSEWHERE)


@pytest.mark.parametrize(
    "turn", [turn if turn % len(NAMES) == 0 else pytest.param(turn, marks=pytest.mark.long) for turn in range(TURNS)]
)
def test_no_address_follows_a_parameter_away(alice: User, bob: User, turn: int) -> None:
    """Each parameter holds another string; so two turns try all strings, and all turns try each in each parameter."""
    wishes = {name: ELSEWHERE[(place + turn) % TURNS] for place, name in enumerate(NAMES)}
    browsers = browsers_of(bob)
    addresses = [address_of(row, alice) for row in ROWS.values()]
    addresses += [staff_address_of(pattern, alice) for pattern in STAFF_PATTERNS]
    for address in addresses:
        for browser in (Client(), next(browsers)):
            for answer in (browser.get(address, wishes), browser.post(address, wishes)):
                place = answer.get("Location", "")
                assert not leads_away(place) or place.startswith(STRIPE), f"{address} → {place[:200]}"
                trigger = answer.get("HX-Redirect", "") + answer.get("HX-Location", "")
                assert not leads_away(trigger), address
                assert "Refresh" not in answer, address
