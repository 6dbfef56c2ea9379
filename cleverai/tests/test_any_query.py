"""Whatever stands behind the question mark: a valid page or none, never a fault of ours, never another's data.

Each route tells by itself which parameters it reads, so a new page and a new filter are asked everything too.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, urlencode

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, QueryDict
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from billing import metering
from billing.models import Chatbot, Checkout, LedgerEntry, Notice, Purchase
from cleverai.tests.routes import OWNER, ROWS
from cleverai.tests.test_access import CANARY, OUT_OF_HER_MAIL, address_of, alice, bob, browser_of

__all__ = ["alice", "bob"]
pytestmark = pytest.mark.django_db

#: How many tokens Alice used once; nobody else's page has this number.
ALICES_TOKENS = 86_753
TRACES = [CANARY, "86,753", "86.753", "86753"]
#: Parameters that pages agree on, and others that look like ones.
NAMES = ["span", "from", "to", "cycle", "by", "per", "kind", "feature", "model", "source", "before", "after", "q", "id",
         "wallet", "user", "page", "next", "shown"]  # fmt: skip
WORDS = ["", " ", "0", "1", "-1", "+1", "01", "1.5", "1e9", "NaN", "Infinity", "٣", "１２", "²", "None", "[]",
         "{}", "custom", "cycle", "last-cycle", "7d", "12m", "feature", "month", "usage", "gpt-4o", "gpt-17", "app",
         "chatbot:", "chatbot:1e9", "workflow:x", "api_key:-1", "%", "%s", "{0}", "{{ user }}", "../../etc/passwd",
         "' OR 1=1 --", "<script>alert(1)</script>", "\u202e", "💥", "\ufeff", "a\nb", "a\r\nb: c", "\x00", "a\x00b",
         "\x7f", "9" * 19, "9" * 20, "9" * 10_000, "-" + "9" * 40, "x" * 10_000, "💥" * 2_500]  # fmt: skip
DAYS = ["0000-01-01", "0001-01-01", "1999-12-31", "2000-01-01", "2025-02-29", "2025-03-10", "2025-13-01", "2999-12-31",
        "3000-01-01", "9999-12-31", "10000-01-01", "99999-99-99", "-2025-03-10", "2025-3-1", "20250310", "2025-W11-1",
        "2025-03-10T00:00:00Z", "today"]  # fmt: skip
#: Written as no form would: broken escapes, bytes that are no text, names twice, names without values, far too many.
RAW = ["%", "%%%", "%zz", "%00", "&&&", "=", "=&=", "?", "cycle", "cycle=%ff%fe", "source=%ed%a0%80", "%ff=%ff",
       "feature=%c3%28", "kind=%00", "cycle=1&cycle=2&cycle=x", "from=2025-03-10&from=x&to=1", "cycle[]=1&cycle[a]=2",
       "from=9999-12-31&to=0001-01-01&span=custom", "from=2025-03-10&to=2025-03-01", "from=2000-01-01&to=2999-12-31",
       "span=custom", "span=custom&from=&to=", "span=7d&cycle=1&from=2025-03-10", "before=1&after=1", "before=0",
       "&".join(f"a{n}=1" for n in range(1_500)), "a" * 10_000, "+" * 500]  # fmt: skip
#: What tells a page where to lead on to.
LEADING_ON = {"next", "process", "action", "reauth", "_"}
HISTORY = "/settings/billing/history/"
#: Which parameters each route reads, as far as it was asked.
FOUND: dict[str, list[str]] = {}
FREELY = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Notebook(QueryDict):
    """The parameters of a request, which write down which ones were asked for."""

    asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def getlist(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().getlist(key, default)


@pytest.fixture(autouse=True)
def _asked() -> Iterator[None]:
    """Write down which parameters views ask for, from here to the end of the test."""
    read = property(lambda request: Notebook(request.META.get("QUERY_STRING", ""), encoding=request.encoding))
    with patch.object(WSGIRequest, "GET", read), patch.object(Notebook, "asked", set()):
        yield


@pytest.fixture
def addresses(alice: User, bob: User) -> dict[str, str]:
    """Every address that can be looked at, by its route, with Alice's own numbers in it; both have books to tell of."""
    now = timezone.now()
    source = f"chatbot:{Chatbot.objects.get(wallet=alice.wallet).pk}"
    use = {"feature": "chatbot-message", "priced_as": "gpt-4o-mini", "quantity": ALICES_TOKENS, "source": source}
    metering.charge(wallet=alice.wallet, key="1", now=now, **use)
    for number in range(3):
        metering.charge(wallet=bob.wallet, feature="gpt-4o", quantity=100, key=str(number), now=now)
    return {pattern: address_of(row, alice) for pattern, row in ROWS.items() if pattern != OUT_OF_HER_MAIL}


@pytest.fixture
def browser_of_bob(bob: User) -> Client:
    return browser_of(bob)


def numbers_of(alice: User) -> list[str]:
    """Return what addresses of Alice's pages have in them, for Bob to try."""
    ids: list[object] = [alice.pk, alice.wallet.pk, alice.email]
    ids += LedgerEntry.objects.filter(wallet=alice.wallet).values_list("sequence", flat=True)
    for model in (Chatbot, Checkout, Notice, Purchase):
        ids += model.objects.filter(wallet=alice.wallet).values_list("pk", flat=True)
    return [str(each) for each in ids] + [f"chatbot:{Chatbot.objects.get(wallet=alice.wallet).pk}"]


def look(browser: Client, address: str, query: str, usual: int, **headers: Any) -> HttpResponse:
    """Ask for an address, and check that it is answered as usual, or that there is no such page."""
    answer = browser.get(f"{address}?{query}", **headers)
    if answer.status_code == 302 != usual:  # a file that can't be made leads to the page that says why
        answer = browser.get(answer["Location"], **headers)
    assert answer.status_code in {usual, 200, 204, 400, 404}, f"{address}?{query[:200]} answered {answer.status_code}"
    text = body(answer)
    found = [trace for trace in TRACES if trace in text and trace not in query]
    assert found == [], f"{address}?{query[:200]} shows {found}"
    return answer


def body(answer: HttpResponse) -> str:
    whole = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return whole.decode(errors="replace")


def usual_status(browser: Client, address: str) -> int:
    return browser.get(address).status_code


def names_asked(browser: Client, pattern: str, address: str) -> list[str]:
    """Return which parameters a route reads: asked with none, with all that it is known to read, and by htmx."""
    if pattern not in FOUND:
        found: set[str] = set()
        for query in ("", urlencode(dict.fromkeys(NAMES, "1")), "span=custom"):
            Notebook.asked.clear()
            browser.get(f"{address}?{query}", headers={"hx-request": "true"} if query else {})
            found |= Notebook.asked
        FOUND[pattern] = sorted(found)
    return FOUND[pattern]


def queries(names: list[str], tried: list[str], step: int) -> Iterator[str]:
    """Yield what a page with these parameters is asked, and what no form writes.

    With a step of 1 each word stands once in each parameter, with as many steps as parameters in one of them.
    """
    for turn in range(0, len(tried), step):
        yield urlencode({name: tried[(turn + place) % len(tried)] for place, name in enumerate(names)})
    yield from RAW


def reading(browser: Client, addresses: dict[str, str]) -> dict[str, list[str]]:
    """Return which parameters are read by the addresses that read more than where to go next (test_redirects.py)."""
    names = {address: names_asked(browser, pattern, address) for pattern, address in addresses.items()}
    return {address: found for address, found in names.items() if set(found) - LEADING_ON}


def test_the_notebook_sees_what_pages_read(browser_of_bob: Client) -> None:
    def names(address: str) -> set[str]:
        return set(names_asked(browser_of_bob, address.removeprefix("/"), address))

    assert set(NAMES) >= {"kind", "feature", "cycle", "before", "after"} <= names(HISTORY)
    assert "cycle" in names("/settings/billing/usage/")
    assert "next" in names("/accounts/reauthenticate/")


@pytest.mark.parametrize(
    "everywhere", [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(7_200)])]
)
def test_nothing_that_stands_there_breaks_a_page(
    browser_of_bob: Client, alice: User, addresses: dict[str, str], everywhere: bool
) -> None:
    tried = [*WORDS, *DAYS, *numbers_of(alice)]
    found = reading(browser_of_bob, addresses)
    assert len(found) > 5
    for address, names in found.items():
        usual = usual_status(browser_of_bob, address)
        for query in queries(names, tried, 1 if everywhere else len(names)):
            look(browser_of_bob, address, query, usual)


def test_pages_that_read_nothing_stay_what_they_are(browser_of_bob: Client, addresses: dict[str, str]) -> None:
    found = set(addresses.values()) - set(reading(browser_of_bob, addresses))
    assert len(found) > 20
    for address in found:
        usual = usual_status(browser_of_bob, address)
        for query in RAW[::4]:
            look(browser_of_bob, address, query, usual)


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 19, "9" * 400])
def test_a_number_that_nothing_has_is_not_found(browser_of_bob: Client, number: str) -> None:
    for pattern, row in ROWS.items():
        address = re.sub(r"\{\w+\}", number, row.address)
        if row.seen_by == OWNER and "<int:" in pattern:
            assert browser_of_bob.get(address).status_code in {302, 404, 405}, address


words = st.one_of(
    st.sampled_from(WORDS + DAYS),
    st.integers().map(str),
    st.dates().map(str),
    st.timedeltas(max_value=timedelta(days=10**9 - 1)).map(lambda length: str(length.days)),
    st.text(max_size=40),
    st.binary(max_size=20).map(quote),
)


@pytest.mark.parametrize("examples", [150, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(7_200)])])
def test_any_words_in_any_order(browser_of_bob: Client, addresses: dict[str, str], examples: int) -> None:
    found = reading(browser_of_bob, addresses)
    usual = {address: usual_status(browser_of_bob, address) for address in found}

    @settings(FREELY, max_examples=examples)
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(usual)))
        names = st.sampled_from(found[address])
        pairs = data.draw(st.lists(st.tuples(names, words), max_size=6))
        fragment = data.draw(st.booleans())
        query = "&".join(f"{name}={quote(word, safe='%', errors='replace')}" for name, word in pairs)
        look(browser_of_bob, address, query, usual[address], headers={"hx-request": "true"} if fragment else {})

    ask()
