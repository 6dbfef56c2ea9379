"""A worker that is killed while it returns charges: another one goes on, and nobody gets anything twice (G5)."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from accounts.models import User
from billing import metering
from billing.models import ReturnedCharge
from billing.selectors.returns import Span
from billing.services import returns
from billing.tests.kills.mortal import live
from billing.tests.people import books

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

FEWEST_MOMENTS = 40
HOUR = timedelta(hours=1)


def test_killed_at_any_moment_it_is_gone_on_with(alice: User, bob: User, stella: User, now: datetime) -> None:
    for moment in count(1):
        at = now + moment * HOUR
        for user in (alice, bob):
            metering.charge(wallet=user.wallet, feature="gpt-4o-mini", quantity=1_000, key=str(moment), now=at)
        asked = returns.begin(
            span=Span("gpt-4o-mini", now, at + HOUR / 2), reason="Wrong answers", is_reason_shown=True,
            expires_at=None, actor=stella, key=str(moment), now=at + HOUR / 2,
        )  # fmt: skip
        asked_at = at + HOUR / 2
        end = live(lambda: returns.go_on(return_id=asked.pk, clock=lambda: asked_at), dies_at=moment)  # noqa: B023
        returns.go_on(return_id=asked.pk, clock=lambda: asked_at + returns.CLAIM)  # noqa: B023
        asked.refresh_from_db()
        assert asked.finished_at is not None, moment
        assert ReturnedCharge.objects.count() == 2 * moment, moment
        for user in (alice, bob):
            assert books(user.wallet)[-1] == ("grant", 1_000, 0, 0), moment
        if not end.was_killed:
            break
    assert moment >= FEWEST_MOMENTS
