"""Seven people whose pages differ: one with something of everything, and one for each state a wallet can be in."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorAttestationResponse,
    AuthenticatorData,
    CollectedClientData,
    RegistrationResponse,
)

from accounts.models import User
from billing import metering
from billing.metering import Node
from billing.services import api_keys, chatbots, grants, subscriptions, support, wallets
from billing.tests.exports.keeping import offered
from billing.tests.people import give, sign_up
from billing.tests.stripe.shop import FAILS_LATER_CARD, Shop

PASSWORD = "a long passphrase"
REPORT = [
    Node(name="Look it up", feature="web-search", quantity=2),
    Node(name="Is it good?"),
    Node(name="Write it", feature="gpt-4o", quantity=4_001),
]
DAYS_OF_USE = 66
#: Of each: the feature, a usual quantity, and every how many days it is used.
HABITS = [
    ("gpt-4o", 2_453, 1),
    ("gpt-4o-mini", 9_120, 2),
    ("claude-3.5-sonnet", 3_777, 3),
    ("o1-preview", 900, 6),
    ("web-search", 2, 4),
    ("pdf-summary", 1, 9),
    ("dall-e-3-hd", 1, 11),
    ("flux-pro", 2, 10),
    ("video-generation", 7, 22),
    ("analytics", 1, 13),
]


def everybody(stripe: Shop) -> dict[str, User]:
    """Return Alice, who has something of everything, and the others by their state; Stripe's clock moves on."""
    stella = _join("stella", stripe, is_staff=True, is_superuser=True)
    alice, paul = _join("alice", stripe), _join("paul", stripe)
    stripe.subscribe(paul, card=FAILS_LATER_CARD)
    _live(alice, stripe, stella)
    people = {name: _join(name, stripe) for name in ("nora", "lena", "oscar", "sue", "uma", "carol")}
    now = stripe.now()
    _use(people["lena"], "gpt-4o-mini", 97_000, now)
    _use(people["oscar"], "gpt-4o-mini", 100_000, now)
    _use(people["sue"], "gpt-4o", 2_453, now)
    wallets.suspend(wallet_id=people["sue"].wallet.pk, reason="A card that was reported stolen.", now=now)
    subscriptions.begin_contract(wallet_id=people["uma"].wallet.pk, allowance=None, now=now)
    _use(people["uma"], "gpt-4o", 2_453_000, now)
    return {
        "rich": alice,
        "newcomer": people["nora"],
        "low": people["lena"],
        "out of credits": people["oscar"],
        "suspended": people["sue"],
        "unlimited": people["uma"],
        "past due": paul,
        "careful": people["carol"],
    }


def logged_in(user: User) -> Client:
    """Return a browser's cookies after a login with the password, given again a moment ago."""
    client = Client()
    answers = [client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})]
    answers.append(client.post("/accounts/reauthenticate/", {"password": PASSWORD}))
    assert [answer.status_code for answer in answers] == [302, 302]
    return client


def protect(user: User) -> None:
    """Give somebody an authenticator app, recovery codes and a security key."""
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    add_security_key(user)


def add_something_open(user: User, stripe: Shop) -> None:
    """Give somebody a security key, a file to fetch, an address to confirm, and a pack that they have yet to pay."""
    add_security_key(user)
    offered(user.wallet, now=stripe.now())
    stripe.begin_pack(user, pack="pack-5000")
    EmailAddress.objects.create(user=user, email=f"new-{user.email}", verified=False)


def add_security_key(user: User) -> None:
    """Register a key that no hand can touch: good enough to be asked for."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential = AttestedCredentialData.create(Aaguid(bytes(16)), b"blue", key)
    touched = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    attestation = AttestationObject.create("none", AuthenticatorData.create(bytes(32), touched, 0, credential), {})
    client_data = CollectedClientData.create("webauthn.create", bytes(16), "http://127.0.0.1")
    answer = AuthenticatorAttestationResponse(client_data=client_data, attestation_object=attestation)
    WebAuthn.add(user, "Blue key", dict(RegistrationResponse(raw_id=b"blue", response=answer)))


def _join(name: str, stripe: Shop, **fields: Any) -> User:
    user = sign_up(name, at=stripe.now(), **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _live(alice: User, stripe: Shop, stella: User) -> None:
    """Let Alice warm up on Free, subscribe, buy a pack, and use all kinds of things for two months and more."""
    wallet = alice.wallet
    _use(alice, "gpt-4o-mini", 97_000, stripe.now())
    stripe.subscribe(alice)
    stripe.buy_pack(alice)
    bots = [
        chatbots.create(wallet_id=wallet.pk, name=name, model=model, now=stripe.now())
        for name, model in (("Shop assistant 🛍", "gpt-4o-mini"), ("Returns, “and” more", "gpt-4o"))
    ]
    for day in range(1, DAYS_OF_USE):
        stripe.advance(days=1)
        stripe.deliver()
        _use_of_a_day(alice, day, bots, stripe.now())
    now = stripe.now()
    reason = "The video came out black."
    grants.adjust(wallet_id=wallet.pk, amount=25_500, reason=reason, actor=stella, key="1", now=now)
    give(wallet, 50_000, now=now, source="promotional", expires_at=now + timedelta(days=9))
    hold = metering.hold(wallet=wallet, feature="gpt-4o", quantity=4_000, key="captured", now=now)
    parts: dict[str, object] = {"input_tokens": 800, "output_tokens": 311}
    metering.capture(wallet=wallet, hold=hold, quantity=1_111, detail=parts, now=now)
    metering.release(
        wallet=wallet, hold=metering.hold(wallet=wallet, feature="flux-pro", quantity=1, key="failed", now=now), now=now
    )
    metering.hold(wallet=wallet, feature="video-generation", quantity=60, key="open", now=now)
    _ask_and_tidy(alice, stella, now)


def _ask_and_tidy(alice: User, stella: User, now: datetime) -> None:
    """Let Alice ask our support twice, which is answered once, and have a chatbot that rests and one that is gone."""
    for subject in ("A strange charge", "مرحبا"):
        request = support.ask(wallet=alice.wallet, topic="", subject=subject, message="What is it?", now=now)
    support.answer(request_id=request.pk, text="A video.\n\nIts receipt has both parts.", actor=stella, now=now)
    for name, act in (("مساعد", chatbots.delete), ("Rests", chatbots.pause)):
        bot = chatbots.create(wallet_id=alice.wallet.pk, name=name, model="gpt-4o", now=now)
        act(wallet_id=alice.wallet.pk, chatbot_id=bot.pk, now=now)
    _make_keys(alice, now)


def _make_keys(alice: User, now: datetime) -> None:
    """Let Alice have a key that works, one that was replaced and works on, and one that she revoked."""
    mine: dict[str, Any] = {"wallet_id": alice.wallet.pk, "now": now}
    new: dict[str, Any] = {"expires_at": now + timedelta(days=90), "created_by": alice}
    made = [api_keys.create(name=name, scopes=["read", "quote"], **mine, **new) for name in ("تقرير", "Nightly report")]
    api_keys.note_use(made[1].key, now=now)
    api_keys.rotate(key_id=made[1].key.pk, overlap=timedelta(days=7), **mine, **new)
    gone = api_keys.create(name="Laptop", scopes=["read"], **mine, **new)
    api_keys.revoke(key_id=gone.key.pk, **mine)


def _use_of_a_day(alice: User, day: int, bots: Sequence[Any], now: datetime) -> None:
    for feature, quantity, every in HABITS:
        if day % every == 0:
            _use(alice, feature, quantity + day % 7 * (quantity // 7), now)
    if day % 3 == 0:
        _use(alice, "chatbot-message", 735 + day, now, priced_as="gpt-4o-mini", source=f"chatbot:{bots[day % 2].pk}")
    if day % 14 == 0:
        metering.charge_workflow(wallet=alice.wallet, workflow="weekly-report", nodes=REPORT, key=f"r{day}", now=now)


def _use(user: User, feature: str, quantity: int, now: datetime, **more: Any) -> None:
    parts: dict[str, object] = {"input_tokens": quantity * 3 // 4, "output_tokens": quantity - quantity * 3 // 4}
    metering.charge(
        wallet=user.wallet, feature=feature, quantity=quantity, key=f"{feature} {now}", now=now,
        detail=parts if quantity > 500 else None, **more,
    )  # fmt: skip
