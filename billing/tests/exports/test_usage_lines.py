"""A usage export has the totals a day that the usage page is made of."""

import io
from datetime import date, datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.models import Chatbot, Wallet
from billing.selectors import exports
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import custom
from billing.tests.exports.reading import from_csv, from_jsonl, from_xlsx, in_credits
from billing.tests.people import give

SPRING = custom(date(2025, 3, 1), date(2025, 5, 31))


@pytest.fixture
def busy(alice: User, now: datetime) -> Wallet:
    """Alice's wallet after a chat, two messages of a chatbot with a daring name, a workflow run and an import."""
    wallet, day = alice.wallet, timedelta(days=1)
    give(wallet, 50_000, now=now)
    bot = Chatbot.objects.create(wallet=wallet, name="=Ada", model_id="gpt-4o-mini", created_at=now)
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=2_453, key="chat", now=now)
    for number in range(2):
        metering.charge(
            wallet=wallet,
            feature="chatbot-message",
            priced_as="gpt-4o-mini",
            quantity=700,
            key=f"reply {number}",
            source=bot.source,
            now=now,
        )
    nodes = [metering.Node(name="News", feature="web-search", quantity=2), metering.Node(name="Every Monday")]
    metering.charge_workflow(wallet=wallet, workflow="weekly", nodes=nodes, key="run", now=now + day)
    metering.charge(wallet=wallet, feature="flux-pro", quantity=1, key="old", occurred_at=now - 5 * day, now=now + day)
    return wallet


def wanted(wallet: Wallet, **filters: str) -> Wanted:
    return Wanted(wallet, What.USAGE, SPRING, **filters)


def test_its_lines_are_days_features_models_and_sources(busy: Wallet) -> None:
    rows = from_csv(exports.stream(wanted(busy), Format.CSV))
    columns = ("day", "feature_name", "model_name", "step", "source_name", "quantity", "unit", "uses", "credits")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("2025-03-05", "Flux Pro", "Flux Pro", None, "In the app", 1, "image", 1, 20),
        ("2025-03-10", "Chatbot Message", "GPT-4o Mini", None, "=Ada", 1_400, "token", 2, in_credits(1_400)),
        ("2025-03-10", "GPT-4o", "GPT-4o", None, "In the app", 2_453, "token", 1, in_credits(12_265)),
        ("2025-03-11", "Workflow Execution", "Workflow Execution", "web-search", "Workflow weekly", 2, "search", 0, 10),
        ("2025-03-11", "Workflow Execution", "Workflow Execution", None, "Workflow weekly", 1, "run", 1, 0),
        (None, None, None, None, None, None, None, 5, in_credits(43_665)),
    ]
    assert [row["kind"] for row in rows] == ["usage"] * 5 + ["total"]


def test_every_format_says_the_same(busy: Wallet) -> None:
    file = io.BytesIO()
    exports.spreadsheet(wanted(busy), file)
    rows = from_csv(exports.stream(wanted(busy), Format.CSV))
    assert from_jsonl(exports.stream(wanted(busy), Format.JSONL)) == rows
    assert from_xlsx([file.getvalue()]) == rows


@pytest.mark.parametrize(
    ("filters", "uses"),
    [
        ({"feature": "gpt-4o"}, 1),
        ({"model": "gpt-4o-mini"}, 2),
        ({"model": "web-search"}, 0),
        ({"model": "workflow-execution"}, 1),
        ({"source": "workflow:weekly"}, 1),
        ({"source": "app", "feature": "flux-pro"}, 1),
        ({"source": "' OR true --"}, 0),
    ],
)
def test_it_filters_as_the_page_does(busy: Wallet, filters: dict[str, str], uses: int) -> None:
    *rows, total = from_csv(exports.stream(wanted(busy, **filters), Format.CSV))
    assert total["uses"] == uses == sum(row["uses"] for row in rows)


def test_nothing_used_is_a_valid_file(alice: User) -> None:
    (total,) = from_csv(exports.stream(wanted(alice.wallet), Format.CSV))
    assert (total["kind"], total["uses"], total["credits"]) == ("total", 0, 0)
