"""Alice takes all that is kept about her: one ZIP, whole, hers alone, without secrets, in little memory."""

import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any
from zipfile import ZipFile

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import ForeignKey, Model
from django.test import Client

from accounts.models import User
from billing import metering, models, tasks
from billing.metering import Node
from billing.selectors import archives, personal_data
from billing.services import api_keys, chatbots, contracts, grants, support
from billing.tests.exports.keeping import offered
from billing.tests.leaving.conftest import PASSWORD, logged_in
from billing.tests.people import books
from billing.tests.stripe.shop import Shop

ARCHIVE = "/settings/data/archive/"

#: Tables that a path leads to from a person or a wallet, and that are in no file: why.
LEFT_OUT: dict[str, str] = {
    "billing.EntryShare": "which grant paid for which part of an entry: its entry and its grants are there",
    "billing.Farewell": "made when a person leaves, who then has no account to download from",
    "billing.StaffAct": "that an act of staff was done: its entry, its note and the staff's log are there",
    "billing.ReturnedCharge": "which charges a return was made of: what came back, and its grant, are there",
    "auth.Permission": "a right, not a person's row; the names of groups are in the profile",
    "account.EmailConfirmation": "a link that was mailed and is over in days; codes are signed, none is stored",
}


def files_of(answer: object) -> dict[str, Any]:
    whole = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    with ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        read = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name: json.loads(text) if name.endswith(".json") else text for name, text in read.items()}


def live(alice: User, stella: User, stripe: Shop) -> None:
    """Give Alice something of everything."""
    wallet, now = alice.wallet, stripe.now()
    stripe.subscribe(alice)
    stripe.buy_pack(alice)
    nodes = [Node(name="Look it up", feature="web-search", quantity=1)]
    metering.charge_workflow(wallet=wallet, workflow="report", nodes=nodes, key="run", now=now)
    metering.charge(wallet=wallet, feature="gpt-4o", quantity=1_234, key="chat", detail={"input_tokens": 1}, now=now)
    metering.hold(wallet=wallet, feature="web-search", quantity=1, key="open", now=now)
    chatbots.create(wallet_id=wallet.pk, name="=Helper", model="gpt-4o", now=now)
    api_keys.create(wallet_id=wallet.pk, name="Reports", scopes=["read"], expires_at=None, created_by=alice, now=now)
    asked = support.ask(wallet=wallet, topic="", subject="Größe?", message="Why “this”?", now=now)
    support.answer(request_id=asked.pk, text="Because.", actor=stella, now=now)
    contracts.request_contract(wallet=wallet, company="Acme", monthly_credits=None, message="All of it.", now=now)
    grants.adjust(wallet_id=wallet.pk, amount=5_000, reason="A gift.", actor=stella, key="gift", now=now)
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Blue key", "credential": {"id": "SECRET"}})
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "SECRET"})
    tasks.sweep_messages()
    offered(wallet, now=now)
    LogEntry.objects.create(
        user=stella, content_type=ContentType.objects.get_for_model(wallet), object_id=str(wallet.pk),
        object_repr="Wallet", action_flag=CHANGE, change_message="+5 credits",
    )  # fmt: skip


def test_everything_is_in_it_and_nothing_of_anybody_else(alice: User, bob: User, stella: User, stripe: Shop) -> None:
    browser = logged_in(alice)
    live(alice, stella, stripe)
    metering.charge(wallet=bob.wallet, feature="gpt-4o-mini", quantity=86_753, key="bob's", now=stripe.now())
    before = books(alice.wallet)
    answer = browser.get(ARCHIVE)
    assert answer["Content-Disposition"] == 'attachment; filename="cleverai-my-data-2025-03-10.zip"'
    files = files_of(answer)

    assert files["profile.json"][0]["email"] == "alice@example.com"
    assert [row["name"] for row in files["second_steps.json"]] == ["Blue key", ""]
    assert files["sessions.json"][0]["ip"] == "127.0.0.1"
    assert files["support_requests.json"][0]["subject"] == "Größe?"
    assert files["support_requests.json"][0]["answer"] == "Because."
    assert files["staff_notes.json"][0]["reason"] == "A gift."
    assert files["staff_log.json"][0]["change_message"] == "+5 credits"
    assert files["chatbots.json"][0]["name"] == "=Helper", "data for programs: nothing is guarded against spreadsheets"
    key = alice.wallet.api_keys.get()
    assert (files["api_keys.json"][0]["name"], files["api_keys.json"][0]["prefix"]) == ("Reports", key.prefix)
    assert files["workflow_steps.json"][0]["name"] == "Look it up"
    assert {row["source"] for row in files["grants.json"]} == {"allowance", "purchase", "adjustment"}
    assert [row["plan"] for row in files["purchases.json"]] == ["pro", None]
    lines = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, alice.wallet.sequence + 1))
    for part in personal_data.PARTS:
        empty = part.name in {
            "refunds", "disputes", "former_stripe_customers", "mail_preferences", "warnings", "acts", "staff_proposals",
            "returned_charges",
        }  # fmt: skip
        assert files[f"{part.name}.json"] or empty, part.name
        assert f"{part.name}.json" in files["README.txt"]
    text = json.dumps(files, ensure_ascii=False)
    for foreign in (
        "SECRET",
        key.secret_hash,
        alice.password,
        "bob",
        "stella",
        "86753",
        Session.objects.latest("expire_date").pk,
    ):
        assert foreign not in text, foreign
    assert books(alice.wallet) == before, "looking changes nothing"


def test_a_newcomer_gets_whole_files_too(alice: User, stripe: Shop) -> None:
    files = files_of(logged_in(alice).get(ARCHIVE))
    assert files["support_requests.json"] == []
    assert len(files) == len(personal_data.PARTS) + 2


def test_a_login_alone_does_not_do(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    answer = browser.get(ARCHIVE)
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    answer = browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": ARCHIVE})
    assert answer["Location"] == ARCHIVE


def test_the_page_says_what_is_in_it(alice: User) -> None:
    page = logged_in(alice).get("/settings/data/").content.decode()
    for name, _ in personal_data.meanings():
        assert f"<code>{name}</code>" in page


def _paths() -> set[type[Model]]:
    """Return every model from which foreign keys lead to a person or a wallet."""
    reached: set[type[Model]] = {User, models.Wallet}
    while True:
        more = {
            model
            for model in apps.get_models()
            for field in model._meta.get_fields()
            if isinstance(field, ForeignKey) and field.remote_field.model in reached and _is_about(model, field)
        }
        if more <= reached:
            return reached
        reached |= more


def _is_about(model: type[Model], field: ForeignKey) -> bool:
    """Whether a key says whose a row is: not who of staff answered it, and not a catalog's row."""
    return field.name not in {"answered_by", "author", "actor", "asked_by", "proposed_by", "decided_by"}


def test_every_table_that_leads_to_a_person_is_in_it_or_has_a_reason() -> None:
    told = {model for part in personal_data.PARTS for model in part.models}
    for model in _paths():
        if model._meta.app_label in {"sandbox", "mail_viewer_database_backend"}:
            continue
        assert (model in told) != (model._meta.label in LEFT_OUT), model._meta.label
    for label, reason in LEFT_OUT.items():
        assert len(reason) > 20
        apps.get_model(label)


def test_it_is_sent_in_pieces_with_little_memory() -> None:
    def files() -> Any:
        for number in range(4):
            yield f"{number}.json", (f"{each:064}".encode() * 16 for each in range(20_000))

    tracemalloc.start()
    size = pieces = 0

    for piece in archives.zipped(files(), at=datetime(2025, 3, 10, tzinfo=UTC)):
        size += len(piece)
        pieces += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert pieces > 3
    assert peak < 3_000_000, f"{peak:,} bytes for 80 MB of contents, {size:,} packed"
