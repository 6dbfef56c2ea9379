"""Sources are called by the names that their owner knows."""

from datetime import datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from billing.selectors.sources import names_to_look_up, source_names
from billing.services import chatbots
from billing.tests.keys import go_pro, key_of, service_key


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("app", "In the app"),
        ("", "In the app"),
        ("workflow:weekly-report", "Workflow weekly-report"),
        ("workflow:a:b", "Workflow a:b"),
        ("workflow:", "workflow:"),
        ("api_key:7", "API key 7"),
        ("chatbot:999", "Former chatbot 999"),
        (f"chatbot:{'9' * 40}", f"Former chatbot {'9' * 40}"),
        ("chatbot:٣", "Former chatbot ٣"),
        ("chatbot:", "Former chatbot"),
        ("batch", "batch"),
        ("cron:night", "cron:night"),
    ],
)
def test_each_source_has_a_name(alice: User, source: str, name: str) -> None:
    assert source_names(alice.wallet, [source]) == {source: name}


def test_a_chatbot_has_its_own_name(alice: User, now: datetime) -> None:
    helper = chatbots.create(wallet_id=alice.wallet.pk, name="Helper", model="gpt-4o", now=now)
    assert source_names(alice.wallet, [helper.source, "app"]) == {helper.source: "Helper", "app": "In the app"}


def test_another_s_chatbot_stays_nameless(alice: User, bob: User, now: datetime) -> None:
    helper = chatbots.create(wallet_id=bob.wallet.pk, name="Bob's secret", model="gpt-4o", now=now)
    assert source_names(alice.wallet, [helper.source]) == {helper.source: f"Former chatbot {helper.pk}"}


def test_keys_of_hers_and_of_our_services_have_their_own_names(
    alice: User, bob: User, stella: User, now: datetime
) -> None:
    go_pro(alice, now=now)
    go_pro(bob, now=now)
    own, service = key_of(alice, now=now, name="Reports").key, service_key(stella, now=now, name="Chat backend").key
    others = key_of(bob, now=now, name="Bob's secret").key
    names = {own.source: "API key Reports", service.source: "API key Chat backend"}
    nameless = {others.source: f"API key {others.pk}", "api_key:999": "API key 999", "api_key:": "api_key:"}
    assert source_names(alice.wallet, [*names, *nameless]) == names | nameless
    assert names.items() <= names_to_look_up(alice.wallet).items()
    assert others.source not in names_to_look_up(alice.wallet)


def test_names_are_asked_for_once_and_only_for_chatbots_and_keys(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        source_names(alice.wallet, ["app", "workflow:report"])
    with django_assert_num_queries(1):
        source_names(alice.wallet, [f"chatbot:{number}" for number in range(50)])
    with django_assert_num_queries(1):
        source_names(alice.wallet, [f"{kind}:{number}" for kind in ("chatbot", "api_key") for number in range(50)])
