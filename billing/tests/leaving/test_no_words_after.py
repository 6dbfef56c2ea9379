"""Once somebody has left, nothing writes their words any more: not a click that was under way, and not a worker."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import User
from billing import metering
from billing.errors import OwnerHasLeft
from billing.metering import Node
from billing.models import Chatbot, ContractRequest, Export, SupportRequest, UsageLine, Wallet
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.services import chatbots, contracts, departures, exports, support
from billing.tests.pages.conftest import browser_of

WORDS = "Alice’s own words"
Act = Callable[[Wallet, datetime], object]


def _ask(wallet: Wallet, now: datetime) -> object:
    return support.ask(wallet=wallet, topic="", subject=WORDS, message=WORDS, now=now)


def _wish(wallet: Wallet, now: datetime) -> object:
    return contracts.request_contract(wallet=wallet, company=WORDS, monthly_credits=None, message=WORDS, now=now)


def _make_bot(wallet: Wallet, now: datetime) -> object:
    return chatbots.create(wallet_id=wallet.pk, name=WORDS, model="gpt-4o", now=now)


def _export(wallet: Wallet, now: datetime) -> object:
    return exports.request(wanted=Wanted(wallet, What.USAGE, None, source=WORDS), file_format=Format.CSV, now=now)


ACTS = {"support": _ask, "contract": _wish, "chatbot": _make_bot, "export": _export}


def rows_with_words() -> int:
    return sum(
        rows.count()
        for rows in (
            SupportRequest.objects.all(),
            ContractRequest.objects.all(),
            Chatbot.objects.filter(name=WORDS),
            Export.objects.exclude(asked={}),
            UsageLine.objects.exclude(name=""),
        )
    )


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_click_that_comes_after_it_writes_nothing(alice: User, now: datetime, act: Act) -> None:
    wallet = alice.wallet
    departures.leave(wallet_id=wallet.pk, now=now)
    with pytest.raises(OwnerHasLeft):
        act(wallet, now)
    assert rows_with_words() == 0


def test_a_chatbot_gets_no_name_back(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    bot = chatbots.create(wallet_id=wallet.pk, name="Helper", model="gpt-4o", now=now)
    departures.leave(wallet_id=wallet.pk, now=now)
    Chatbot.objects.filter(pk=bot.pk).update(deleted_at=None)  # as if one had slipped through
    with pytest.raises(OwnerHasLeft):
        chatbots.change(wallet_id=wallet.pk, chatbot_id=bot.pk, name=WORDS, model="gpt-4o", now=now)
    assert rows_with_words() == 0


def test_a_run_that_ends_after_it_is_charged_without_names(alice: User, now: datetime) -> None:
    wallet = alice.wallet
    departures.leave(wallet_id=wallet.pk, now=now)
    nodes = [Node(name=WORDS, feature="web-search", quantity=1), Node(name=WORDS)]
    answer = metering.charge_workflow(wallet=wallet, workflow="report", nodes=nodes, key="run", now=now)
    assert answer.cost == 5_000
    assert [line.name for line in UsageLine.objects.order_by("position")] == ["", ""]


def test_who_clicks_in_another_tab_meanwhile_reads_goodbye(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = browser_of(alice)

    def leaves_first(**facts: Any) -> object:
        departures.leave(wallet_id=alice.wallet.pk, now=facts["now"])
        return ask(**facts)

    ask = support.ask
    monkeypatch.setattr(support, "ask", leaves_first)
    answer = browser.post("/support/", {"topic": "", "subject": WORDS, "message": WORDS})
    assert (answer.status_code, answer["Location"]) == (302, "/goodbye/")
    assert rows_with_words() == 0
