"""An event is believed only if our Stripe signed these very bytes just now (G11)."""

import hashlib
import hmac
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from billing import gateway
from billing.errors import BadWebhook

NOW = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
SECRET, OLDER_SECRET, FOREIGN_SECRET = "whsec_new", "whsec_older", "whsec_foreign"
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "api_version": gateway.API_VERSION,
    "created": 1_741_599_000,
    "livemode": False,
    "type": "checkout.session.completed",
    "data": {"object": {"id": "cs_1", "object": "checkout.session"}},
    "pending_webhooks": 1,
    "request": None,
}
FLIPS, FLIPS_IN_THE_LONG_RUN = 500, 10_000


@pytest.fixture(autouse=True)
def _secrets(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET, OLDER_SECRET]
    settings.STRIPE_SECRET_KEY = "sk_test_sandbox"


def body_of(event: Any = EVENT) -> bytes:
    return json.dumps(event).encode()


def sign(body: bytes, *, secret: str = SECRET, at: datetime = NOW, scheme: str = "v1") -> str:
    """Sign as Stripe's documentation says, whatever the library does."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},{scheme}={digest}"


def verify(body: bytes, signature: str | None = None) -> gateway.EventFacts:
    return gateway.verify_event(body=body, signature=sign(body) if signature is None else signature, now=NOW)


def changed(**fields: Any) -> bytes:
    return body_of(EVENT | fields)


def test_a_signed_event_tells_its_facts() -> None:
    facts = verify(body_of())
    assert (facts.id, facts.type, facts.object_id) == ("evt_1", "checkout.session.completed", "cs_1")
    assert facts.created_at == datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
    assert (facts.livemode, facts.api_version) == (False, "2026-10-28.endive")
    assert facts.payload == EVENT


def test_the_library_s_own_signature_is_taken() -> None:
    body = body_of()
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, timestamp=int(NOW.timestamp()))
    assert verify(body, header).id == "evt_1"


def test_either_secret_will_do_while_one_replaces_the_other() -> None:
    body = body_of()
    assert verify(body, sign(body, secret=OLDER_SECRET)).id == "evt_1"
    seconds = int(NOW.timestamp())
    both = f"{sign(body, secret=FOREIGN_SECRET)},{sign(body, secret=SECRET).removeprefix(f't={seconds},')}"
    assert verify(body, both).id == "evt_1"


def test_a_secret_that_was_taken_away_is_worth_nothing(settings: Any) -> None:
    body = body_of()
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    with pytest.raises(BadWebhook, match="isn't Stripe's"):
        verify(body, sign(body, secret=OLDER_SECRET))


def flipped(data: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8) if place == bit // 8 else byte for place, byte in enumerate(data))


def check_flips(number: int) -> None:
    """Flip so many bits, one at a time, in the body or in the header; those of the header's signature all count."""
    chance = random.Random(3)
    body = body_of()
    header = sign(body).encode()
    refused = 0
    for _ in range(number):
        if chance.random() < 0.5:
            bad_body, bad_header = flipped(body, chance.randrange(len(body) * 8)), header
        else:
            bad_body, bad_header = body, flipped(header, chance.randrange(len(header) * 8))
        with pytest.raises(BadWebhook):
            verify(bad_body, bad_header.decode("latin-1"))
        refused += 1
    assert refused == number


def test_no_flipped_bit_gets_through() -> None:
    check_flips(FLIPS)


@pytest.mark.long
def test_no_flipped_bit_gets_through_in_the_long_run() -> None:
    check_flips(FLIPS_IN_THE_LONG_RUN)


@pytest.mark.parametrize("seconds", [0, 1, 299, 300, -1, -299, -300])
def test_a_signature_may_be_five_minutes_off_our_clock(seconds: int) -> None:
    body = body_of()
    assert verify(body, sign(body, at=NOW + timedelta(seconds=seconds))).id == "evt_1"


@pytest.mark.parametrize("seconds", [301, 302, 86_400, 10**10, -301, -302, -86_400])
def test_an_older_one_and_one_from_the_future_are_refused(seconds: int) -> None:
    body = body_of()
    at = int(NOW.timestamp()) + seconds
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    with pytest.raises(BadWebhook, match="too old, or from the future"):
        verify(body, f"t={at},v1={digest}")


def test_a_moment_put_before_the_signed_one_is_no_younger_signature() -> None:
    body = body_of()
    old = sign(body, at=NOW - timedelta(days=1))
    with pytest.raises(BadWebhook):
        verify(body, f"t={int(NOW.timestamp())},{old}")
    with pytest.raises(BadWebhook):
        verify(body, f"{old},t={int(NOW.timestamp())}")


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "t=",
        "t=,v1=",
        "v1=abc",
        "t=1741599000",
        "t=1741599000,v1=",
        "t=1741599000,v1=ä",
        "t=soon,v1=abc",
        "t=1741599000,v0={digest}",
        "t=1741599000;v1={digest}",
        "v1={digest}",
        "t={t},v1={digest}é",
        "t=99999999999999999999999,v1={digest}",
        "t=" + "9" * 5_000 + ",v1={digest}",
        "=" * 10_000,
        "," * 10_000,
        "\0",
    ],
)
def test_a_header_that_is_none_is_refused(header: str) -> None:
    body = body_of()
    seconds, _, digest = sign(body).removeprefix("t=").partition(",v1=")
    with pytest.raises(BadWebhook):
        verify(body, header.replace("{t}", seconds).replace("{digest}", digest))


def test_a_signature_of_another_scheme_is_none() -> None:
    body = body_of()
    with pytest.raises(BadWebhook):
        verify(body, sign(body, scheme="v0"))


def test_a_foreign_signature_is_refused() -> None:
    body = body_of()
    with pytest.raises(BadWebhook, match="isn't Stripe's"):
        verify(body, sign(body, secret=FOREIGN_SECRET))


def test_a_huge_forged_body_is_refused() -> None:
    body = body_of() + b" " * 5_000_000
    with pytest.raises(BadWebhook):
        verify(body, sign(body, secret=FOREIGN_SECRET))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"evt_1"',
        b"17",
        b"{",
        b"{}",
        b'{"object": "event"}',
        b"[" * 100_000,
        b'{"id": ' + b"9" * 5_000 + b"}",
        changed(id=None),
        changed(id=""),
        changed(id=17),
        changed(id="e" * 256),
        changed(id="evt_\0"),
        changed(type=None),
        changed(type="t" * 101),
        changed(created=None),
        changed(created="yesterday"),
        changed(created=10**30),
        changed(data=None),
        changed(data=[]),
        changed(data={}),
        changed(data={"object": None}),
        changed(data={"object": "cs_1"}),
        changed(data={"object": {"id": 17}}),
        changed(data={"object": {"id": "c" * 256}}),
        changed(pending_webhooks=float("nan")),
        changed(pending_webhooks=float("inf")),
        body_of({name: value for name, value in EVENT.items() if name != "livemode"}),
        body_of({"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.error", "livemode": False}),
    ],
)
def test_what_isn_t_an_event_is_refused_even_if_it_is_signed(body: bytes) -> None:
    with pytest.raises(BadWebhook):
        verify(body)


def test_a_thin_event_is_named() -> None:
    with pytest.raises(BadWebhook, match="thin"):
        verify(changed(object="v2.core.event"))


def test_an_object_without_an_id_is_none_of_ours_but_an_event() -> None:
    assert verify(changed(type="balance.available", data={"object": {"object": "balance"}})).object_id == ""


@pytest.mark.parametrize("version", [None, "", "2020-08-27", "2026-10-28.acacia", 17])
def test_an_event_of_another_version_says_which_one_is_needed(version: Any) -> None:
    with pytest.raises(BadWebhook, match=r"must send version 2026-10-28\.endive"):
        verify(changed(api_version=version))


@pytest.mark.parametrize(
    ("key", "livemode"), [("sk_test_1", True), ("rk_test_1", True), ("sk_live_1", False), ("rk_live_1", False)]
)
def test_an_event_from_the_other_mode_is_refused(settings: Any, key: str, livemode: bool) -> None:
    settings.STRIPE_SECRET_KEY = key
    assert verify(changed(livemode=not livemode)).livemode is not livemode
    with pytest.raises(BadWebhook, match="other mode"):
        verify(changed(livemode=livemode))


@pytest.mark.parametrize("livemode", [None, 1, "true", "false", {}])
def test_a_mode_that_is_no_mode_is_not_live(settings: Any, livemode: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    with pytest.raises(BadWebhook):
        verify(changed(livemode=livemode))
