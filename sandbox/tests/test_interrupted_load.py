"""A first start that is interrupted leaves nobody with half a year."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from billing import metering
from billing.models import Purchase, Wallet
from billing.services import proof
from sandbox import sample_data
from sandbox.sample_data import BOB, CARLA, people


@pytest.mark.django_db
def test_a_load_that_was_interrupted_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch, stripe) -> None:
    now = timezone.now()
    with stripe(now + timedelta(minutes=5)):
        _interrupt_and_go_on(now, monkeypatch)


def _interrupt_and_go_on(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, charge_workflow = [], metering.charge_workflow

    def pulled_plug(**request):
        runs.append(request)
        if len(runs) == 9:
            raise KeyboardInterrupt
        return charge_workflow(**request)

    with monkeypatch.context() as patch:
        patch.setattr(metering, "charge_workflow", pulled_plug)
        with pytest.raises(KeyboardInterrupt):
            sample_data.load(now=now)
    bob = Wallet.objects.get(owner__email=BOB.email)
    assert bob.entries.count() > 100
    assert not people.can_sign_in(BOB)
    assert sample_data.load(now=now + timedelta(minutes=3)) == [BOB, CARLA]
    assert proof.prove() == []
    assert Purchase.objects.filter(wallet=bob, plan_id="pro").count() == 13
    assert bob.chatbots.count() == 4
    assert sample_data.load(now=now + timedelta(minutes=4)) == []
