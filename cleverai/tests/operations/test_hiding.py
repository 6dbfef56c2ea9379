"""What must never be read in a log is taken out of any text, and what operators need stays."""

import subprocess
import sys

import pytest
from django.conf import settings

from cleverai.hiding import CUT, HIDDEN, LONGEST_LINE, hidden


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Nobody is alice@example.com here", "Nobody is [hidden] here"),
        ("{'alice.o-brien+1@mail.example.co.uk': (550, b'no')}", "{'[hidden]': (550, b'no')}"),
        ("to <alice@example.com>, bob@example.com.", "to <[hidden]>, [hidden]."),
        ("redis://:p4ss@cache.example.com:6379/0 is away", "redis://[hidden]@cache.example.com:6379/0 is away"),
        ("postgresql://cleverai:p4ss@db/cleverai", "postgresql://[hidden]@db/cleverai"),
        ("https://key123@errors.example.com/42", "https://[hidden]@errors.example.com/[hidden]"),
        ("Referer https://here.example/reset/1-t0ken/?a=b failed", "Referer https://here.example/[hidden] failed"),
        ("GET /credits/?invitation=t0ken HTTP/1.1", "GET /credits/?[hidden] HTTP/1.1"),
        ("Invalid API Key provided: sk_live_51Habc", "Invalid API Key provided: [hidden]"),
        ("rk_test_51Habc whsec_MfKQ9r8GK/= clv_live_AAAA_bbbb", "[hidden] [hidden] [hidden]"),
        ("pi_123_secret_456", "[hidden]"),
        ("Authorization: Bearer abcdefghijklmnopqrst", "Authorization: [hidden] [hidden]"),
        ("sent bearer abcdefghijklmnopqrst.uvw", "sent bearer [hidden]"),
        ("__Host-session=abcdef; __Host-csrf=ghijkl", "__Host-session=[hidden]; __Host-csrf=[hidden]"),
        (
            "{'password': 'hunter2', 'csrfmiddlewaretoken': 'abc'}",
            "{'password': '[hidden]', 'csrfmiddlewaretoken': '[hidden]'}",
        ),
        ("card 4242 4242 4242 4242 and 4000056655665556.", "card [hidden] and [hidden]."),
        ("DETAIL:  Key (email)=(alice) already exists.", "DETAIL:  Key (email)=([hidden]) already exists."),
        ("DETAIL:  Failing row contains (7, Alice, (1,2)).", "DETAIL:  Failing row contains ([hidden])."),
    ],
)
def test_it_hides(text: str, safe: str) -> None:
    assert hidden(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "Wallet 41 can't be settled.",
        "readyz: this machine's clock is 301 seconds ahead of the database's",
        'connection to server at "10.0.0.7", port 5432 failed: Connection refused',
        "Listening at: http://0.0.0.0:8000 (17)",
        "2,453 tokens: 12.265 credits; sessions: 3",
        "Task billing.tasks.send_message[0199-ab] succeeded in 0.0123456789012345s: 1",
        "wallet 9007199254740993: sum of changes (expected 1000000000000, found 999999999999)",
        "cs_test_a1B2c3 in_1PQr evt_3Stu cus_4Vwx",
    ],
)
def test_it_leaves(text: str) -> None:
    assert hidden(text) == text


def test_two_addresses_without_a_space_between_them_are_hidden() -> None:
    assert "x@" not in hidden("alice@example.com1x@example.org") + hidden("alice@example.comx@example.org")


def test_what_a_database_quotes_is_hidden_to_its_end() -> None:
    assert hidden("DETAIL:  Failing row contains (7, Alice, an") == f"DETAIL:  Failing row contains ({HIDDEN})"


def test_a_line_is_cut_before_the_word_that_would_be_halved() -> None:
    text = f"It failed:\n{'x ' * (LONGEST_LINE // 2 - 3)}alice@example.com and more\nIts last line."
    first, second, last = hidden(text).split("\n")
    assert (first, last) == ("It failed:", "Its last line.")
    assert second.endswith(f"x {CUT}")
    assert len(second) < LONGEST_LINE + 10
    assert hidden("y" * (LONGEST_LINE + 1)) == CUT


#: What a visitor could write into a line, over and over, so that a pattern that begins anew everywhere never ends.
REPEATED = [
    "a", "a.", "a@", "a@b", "a.b@", "a-b+", "?", "a?", "a?b", "_secret", "token", "token-", "token=", "token ",
    "csrf: ", " ", "1", "1 ", "1-", "http://", "https://a", "a://", "a://a", "://@", "bearer ", "DETAIL: ",
    "DETAIL: Key (",
    "DETAIL: Failing row contains (", "DETAIL: Failing row contains ()", '"', "password='", "é", "/a?b=",
]  # fmt: skip
CPU_SECONDS = 10
HOSTILE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
from cleverai.hiding import LONGEST_LINE, hidden
for text in {repeated!r}:
    line = " " + text * ((LONGEST_LINE - 2) // len(text))
    hidden("\\n".join([line] * {lines}))
"""


def test_no_line_takes_long() -> None:
    """So many long lines take some seconds, and would take hours if one pattern took the square of a line's length.

    A process of its own gets so much work done and no more; it is killed when it hasn't come to its end by then.
    """
    program = HOSTILE.format(repeated=REPEATED, lines=8, seconds=CPU_SECONDS)
    done = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, check=False)  # noqa: S603
    assert done.returncode == 0
