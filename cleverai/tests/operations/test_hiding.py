"""What must never be read in a log is taken out of any text, and what operators need stays."""

import pytest

from cleverai.hiding import hidden


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
