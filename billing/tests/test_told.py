"""What people are told, and that it is written once with its cause."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.db import transaction

from accounts.models import User
from billing import metering
from billing.models import Message, Notice
from billing.services import settlement, subscriptions
from billing.tests.people import begin_paid_cycle


def told(user: User) -> list[tuple[str, dict[str, object]]]:
    return list(Message.objects.filter(wallet=user.wallet).order_by("pk").values_list("kind", "facts"))


def test_who_confirms_an_address_is_welcomed_once(alice: User) -> None:
    address = EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    for _ in range(2):
        email_confirmed.send(sender=EmailAddress, request=None, email_address=address)

    assert told(alice) == [("welcome", {})]


def test_a_warning_is_told_with_its_charge_or_not_at_all(alice: User, now) -> None:
    def spend(quantity: int, key: str) -> None:
        metering.charge(wallet=alice.wallet, feature="gpt-4o-mini", quantity=quantity, key=key, now=now)

    with transaction.atomic():
        spend(81_000, "undone")
        assert len(told(alice)) == 1
        transaction.set_rollback(True)
    assert told(alice) == []

    spend(81_000, "chat")
    spend(1_000, "more")
    assert told(alice) == [("low_credits", {"level": 1, "available": 19_000, "cycle": 1})]
    assert Message.objects.get().key == f"notice:{Notice.objects.get().pk}"


def test_a_reset_is_told_and_the_first_cycle_is_not(alice: User, now) -> None:
    settlement.settle(wallet_id=alice.wallet.pk, now=now + timedelta(days=32))

    ((kind, facts),) = told(alice)
    assert (kind, facts["cycle"], facts["ended_cycle"], facts["allowance"]) == ("cycle_reset", 2, 1, 100_000)
    assert facts["ends_at"] == "2025-05-10T00:00:00+00:00"


def test_a_plan_is_told_when_it_begins_renews_and_ends(alice: User, now) -> None:
    month = timedelta(days=31)
    for number in range(2):
        starts_at = now + number * month
        begin_paid_cycle(
            wallet_id=alice.wallet.pk,
            plan="pro",
            starts_at=starts_at,
            ends_at=starts_at + month,
            business_key=f"line:{number}",
            now=starts_at,
        )
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=now + 2 * month)

    assert [(kind, facts.get("plan"), facts.get("price_cents")) for kind, facts in told(alice)] == [
        ("plan_started", "pro", 2_900),
        ("cycle_reset", None, None),
        ("plan_ended", "pro", 0),
    ]


def test_a_contract_is_told_as_a_plan(alice: User, now) -> None:
    subscriptions.begin_contract(wallet_id=alice.wallet.pk, allowance=7_000, now=now)

    assert [(kind, facts["plan"], facts["allowance"]) for kind, facts in told(alice)] == [
        ("plan_started", "enterprise", 7_000)
    ]
