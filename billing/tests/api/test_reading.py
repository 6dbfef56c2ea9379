"""Balance, usage, entries, features, plans and quotes over HTTP, and whose they are."""

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from accounts.models import User
from billing import metering
from billing.api.schemas import DEEPEST_DETAIL
from billing.models import Feature, FeaturePrice
from billing.services.api_keys import NewKey
from billing.tests.api.calling import Program, nested, problem_of
from billing.tests.people import give

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(alice: User, now: datetime) -> User:
    """Alice after a chat, three searches, a chatbot's reply, a workflow run and a hold."""
    wallet = alice.wallet
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=2_453, key="chat", now=now)
    for number in range(3):
        metering.charge(wallet=wallet, feature="web-search", quantity=1, key=f"search {number}", now=now)
    metering.charge(wallet=wallet, feature="chatbot-message", priced_as="gpt-4o-mini", quantity=735, key="reply",
                    source="chatbot:7", occurred_at=now - timedelta(days=2), now=now)  # fmt: skip
    nodes = [metering.Node(name="News", feature="web-search", quantity=2)]
    metering.charge_workflow(wallet=wallet, workflow="report", nodes=nodes, key="run", now=now)
    hold = metering.hold(wallet=wallet, feature="video-generation", quantity=60, key="film", now=now)
    metering.capture(wallet=wallet, hold=hold, quantity=30, now=now)
    return alice


def test_the_balance_says_what_there_is_and_until_when(program: Program, alice: User, now: datetime) -> None:
    give(alice.wallet, 1_000_500, now=now)
    metering.hold(wallet=alice.wallet, feature="web-search", quantity=2, key="held", now=now)
    said = program.get("/balance").json()
    assert (said["wallet"], said["available"], said["held"], said["posted"]) == (
        alice.wallet.pk, "5990.5", "10", "6000.5",
    )  # fmt: skip
    assert (said["state"], said["unlimited"], said["monthly_credits"]) == ("fine", False, "5000")
    assert [(portion["source"], portion["left"], portion["expires_at"]) for portion in said["portions"]] == [
        ("allowance", "4990", "2025-04-10T09:30:00Z"),
        ("purchase", "1000.5", None),
    ]
    assert said["cycle"]["ends_at"] == "2025-04-10T09:30:00Z"


def test_what_time_has_changed_is_settled_before_it_is_read(backend_key: NewKey, bob: User, now: datetime) -> None:
    metering.charge(wallet=bob.wallet, feature="web-search", quantity=1, key="search", now=now)
    program = Program(backend_key.token, bob.wallet)
    assert program.get("/balance").json()["available"] == "95"
    with patch.object(timezone, "now", return_value=now + timedelta(days=32)):
        said = program.get("/balance").json()
    assert (said["available"], said["cycle"]["number"]) == ("100", 2)


def test_usage_lists_days_and_their_sum(program: Program, busy: User) -> None:
    said = program.get("/usage").json()
    assert (said["from"], said["to"]) == ("2025-03-10", "2025-04-10")
    assert said["totals"] == {"uses": 7, "cost": "88"}
    lines = [(line["day"], line["feature"], line["priced_as"], line["source"], line["uses"]) for line in said["items"]]
    assert lines[-1] == ("2025-03-08", "chatbot-message", "gpt-4o-mini", "chatbot:7", 1)
    assert lines == sorted(lines, key=lambda line: line[:4], reverse=True)
    assert sum(int(line["uses"]) for line in said["items"]) == said["totals"]["uses"]


def test_pages_of_usage_follow_one_another(program: Program, busy: User) -> None:
    whole = program.get("/usage?span=30d").json()["items"]
    found: list[object] = []
    cursor = ""
    while cursor is not None:
        page = program.get(f"/usage?span=30d&limit=2{f'&cursor={cursor}' if cursor else ''}").json()
        found += page["items"]
        cursor = page["next_cursor"]
    assert found == whole
    assert len(found) == 6


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 11), ("kind=usage", 7), ("kind=set-aside", 1), ("feature=web-search", 3), ("model=gpt-4o-mini", 1),
     ("source=chatbot:7", 1), ("from=2025-03-08&to=2025-03-09", 1), ("cycle=2&kind=usage", 7),
     ("span=7d&kind=usage", 7), ("source=nothing", 0), ("kind=expired", 1)],
)  # fmt: skip
def test_entries_are_found_by_the_history_s_filters(program: Program, busy: User, query: str, count: int) -> None:
    said = program.get(f"/entries?{query}").json()
    assert (len(said["items"]), said["next_cursor"]) == (count, None)


def test_pages_of_entries_follow_one_another(program: Program, busy: User, now: datetime) -> None:
    first = program.get("/entries?limit=4").json()
    metering.charge(wallet=busy.wallet, feature="web-search", quantity=1, key="meanwhile", now=now)
    second = program.get(f"/entries?limit=4&cursor={first['next_cursor']}").json()
    numbers = [entry["sequence"] for entry in first["items"] + second["items"]]
    assert numbers == list(range(11, 3, -1))


def test_an_entry_s_receipt_says_who_paid(program: Program, busy: User) -> None:
    sequence = busy.wallet.entries.get(key="chat").sequence
    said = program.get(f"/entries/{sequence}").json()
    assert (said["kind"], said["cost"], said["available_change"], said["available_before"]) == (
        "charge", "12.265", "-12.265", "5000",
    )  # fmt: skip
    assert (said["price"]["credits"], said["price"]["per"]) == ("5", 1_000)
    assert [(share["name"], share["change"]) for share in said["shares"]] == [("Monthly credits", "-12.265")]
    run = program.get(f"/entries/{busy.wallet.entries.get(key='run').sequence}").json()
    assert [(step["name"], step["cost"]) for step in run["steps"]] == [("News", "10")]
    film = program.get(f"/entries/{busy.wallet.entries.get(kind='capture').sequence}").json()
    assert film["entries_of_hold"] == [10, 11]


def test_the_deepest_detail_that_is_taken_is_shown_again(backend: Program) -> None:
    use = {"feature": "gpt-4o", "quantity": 1, "detail": nested(DEEPEST_DETAIL)}
    charged = backend.post("/charges", use)
    assert charged.status_code == 201
    assert backend.get(f"/entries/{charged.json()['sequence']}").json()["detail"] == use["detail"]


def test_nobody_reads_another_s_entries(program: Program, busy: User, bob: User, now: datetime) -> None:
    for number in range(12):
        metering.charge(wallet=bob.wallet, feature="gpt-4o-mini", quantity=1, key=f"his {number}", now=now)
    problem_of(program.get("/entries/13"), 404, "unknown-entry")
    problem_of(program.get(f"/entries/{2**63 - 1}"), 404, "unknown-entry")
    problem_of(program.get("/balance", **{"Clever-Wallet": str(bob.wallet.pk)}), 404, "unknown-wallet")
    assert program.get("/balance", **{"Clever-Wallet": str(busy.wallet.pk)}).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["form=2025-03-10", "from=2025-3-1", "from=2025-03-10T00:00:00Z", "from=1741564800", "from=1999-12-31",
     "from=2025-03-10&to=2025-03-09", "span=month", "span=custom", "span=7d&cycle=1", "cycle=0", "cycle=99",
     "cycle=1.0", "cycle=%201", "cycle=1_0", "cycle=9999999999999999999", "feature=gpt-17", "model=gpt-17",
     "feature=GPT", "source=a%00b", f"source={'x' * 81}", "limit=0", "limit=201", "limit=ten", "limit=5&limit=6",
     "source="],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/usage", "/entries"])
def test_a_question_that_makes_no_sense_is_refused(program: Program, alice: User, path: str, query: str) -> None:
    said = problem_of(program.get(f"{path}?{query}"), 422, "invalid-request")
    assert {error["in"] for error in said["errors"]} == {"query"}


@pytest.mark.parametrize("cursor", ["x", "%00", "WzFd%0A", "bnVsbA", "W10", "WzBd", "WyJhIl0", "WzEsMl0", "W1tbW1tb"])
@pytest.mark.parametrize("path", ["/usage", "/entries"])
def test_a_broken_cursor_is_refused(program: Program, alice: User, path: str, cursor: str) -> None:
    problem_of(program.get(f"{path}?cursor={cursor}"), 422, "broken-cursor")


def test_features_have_prices_now_and_later(program: Program, now: datetime) -> None:
    FeaturePrice.objects.create(feature_id="gpt-4o", millicredits=6_000, per=1_000, starts_at=now + timedelta(days=30))
    Feature.objects.create(code="gpt-6", name="GPT-6", group="chat", unit="token", position=99)
    found = {feature["code"]: feature for feature in program.get("/features").json()["items"]}
    assert found["gpt-4o"]["price"]["credits"] == "5"
    assert [price["credits"] for price in found["gpt-4o"]["upcoming"]] == ["6"]
    assert (found["gpt-6"]["price"], found["chatbot-message"]["pricing"]) == (None, "model")


def test_plans_are_listed(program: Program) -> None:
    plans = {plan["code"]: plan for plan in program.get("/plans").json()["items"]}
    assert (plans["pro"]["monthly_credits"], plans["pro"]["api_access"]) == ("5000", True)
    assert plans["free"]["price_cents"] == 0


def test_a_quote_costs_nothing(program: Program, alice: User) -> None:
    said = program.post("/quotes", {"feature": "gpt-4o", "quantity": 2_453}, key=None).json()
    assert (said["cost"], said["unit"], said["price"]["per"]) == ("12.265", "token", 1_000)
    problem_of(program.post("/quotes", {"feature": "gpt-17", "quantity": 1}), 422, "unknown-feature")
    assert not alice.wallet.entries.filter(kind="charge").exists()


def test_a_service_reads_whom_it_names(backend_key: NewKey, alice: User, bob: User) -> None:
    for user in (alice, bob):
        assert Program(backend_key.token, user.wallet).get("/balance").json()["wallet"] == user.wallet.pk
