"""Charges, workflow runs, holds and batches over HTTP: the same books as metering, answered in credits."""

from datetime import datetime, timedelta

import pytest

from accounts.models import User
from billing import metering
from billing.models import Wallet
from billing.services import wallets
from billing.services.api_keys import NewKey
from billing.tests.api.calling import Program, problem_of
from billing.tests.people import books

pytestmark = pytest.mark.django_db
CHAT = {"feature": "gpt-4o", "quantity": 2_453, "detail": {"input_tokens": 1_842, "output_tokens": 611}}
NODES = [{"name": "Every Monday"}, {"name": "News", "feature": "web-search", "quantity": 2}]
PRO = 5_000_000


def available(user: User) -> int:
    user.wallet.refresh_from_db()
    return user.wallet.available


class TestCharges:
    def test_a_use_is_charged_to_the_thousandth(self, backend: Program, alice: User, now: datetime) -> None:
        answer = backend.post("/charges", CHAT, key="message-81f2")
        entry = alice.wallet.entries.get(key="message-81f2")
        assert answer.status_code == 201
        assert answer["Location"] == f"/api/v1/entries/{entry.sequence}"
        assert answer.json() == {
            "sequence": entry.sequence,
            "cost": "12.265",
            "uncovered": "0",
            "available": "4987.735",
            "posted_at": "2025-03-10T09:30:00Z",
        }
        assert (entry.cost, entry.detail, available(alice)) == (12_265, CHAT["detail"], PRO - 12_265)

    def test_what_used_it_is_the_key_unless_it_says_so(
        self, backend: Program, backend_key: NewKey, alice: User
    ) -> None:
        for source in (None, "app", "chatbot:7", "workflow:weekly report"):
            backend.post("/charges", CHAT | ({"source": source} if source else {}))
        sources = list(alice.wallet.entries.filter(kind="charge").order_by("sequence").values_list("source", flat=True))
        assert sources == [backend_key.key.source, "app", "chatbot:7", "workflow:weekly report"]

    def test_a_chatbot_s_message_costs_what_its_model_costs(self, backend: Program) -> None:
        message = {"feature": "chatbot-message", "priced_as": "gpt-4o-mini", "quantity": 735}
        assert backend.post("/charges", message).json()["cost"] == "0.735"

    def test_usage_of_another_day_counts_there(self, backend: Program, alice: User) -> None:
        backend.post("/charges", CHAT | {"occurred_at": "2025-03-08T23:59:59.5+00:00"}, key="imported")
        assert str(alice.wallet.entries.get(key="imported").used_on) == "2025-03-08"

    def test_too_few_credits_say_how_many_and_where_to_buy(self, backend: Program, alice: User) -> None:
        said = problem_of(
            backend.post("/charges", {"feature": "dall-e-3-hd", "quantity": 100}), 402, "insufficient-credits"
        )
        assert (said["needed"], said["available"], said["shortfall"]) == ("8000", "5000", "3000")
        assert said["buy_at"].endswith("/settings/billing/buy/")
        assert available(alice) == PRO

    def test_an_owner_who_wants_to_be_asked_is(self, backend: Program, alice: User) -> None:
        wallets.set_limits(wallet_id=alice.wallet.pk, max_output_tokens=4_096, confirm_above=4_000)
        said = problem_of(backend.post("/charges", CHAT, key="asked"), 409, "needs-confirmation")
        assert (said["cost"], said["limit"]) == ("12.265", "4")
        assert backend.post("/charges", CHAT | {"confirmed": True}, key="asked").status_code == 201

    def test_a_suspended_wallet_takes_no_new_use_and_is_still_read(
        self, backend: Program, program: Program, alice: User, now: datetime
    ) -> None:
        hold = backend.post("/holds", CHAT).json()
        wallets.suspend(wallet_id=alice.wallet.pk, reason="A stolen card.", now=now)
        for path, body in (("/charges", CHAT), ("/holds", CHAT), ("/workflows", {"workflow": "w", "nodes": NODES})):
            problem_of(backend.post(path, body), 403, "wallet-suspended")
        assert backend.post(f"/holds/{hold['id']}/capture", {"quantity": 1}).status_code == 200
        assert program.get("/balance").json()["suspended"] is True

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"feature": "gpt-17", "quantity": 1}, "unknown-feature"),
            ({"feature": "chatbot-message", "quantity": 1}, "unknown-feature"),
            ({"feature": "gpt-4o", "quantity": 2**63 - 1}, "invalid-quantity"),
        ],
    )
    def test_what_cannot_be_priced_is_refused(self, backend: Program, alice: User, body: object, name: str) -> None:
        problem_of(backend.post("/charges", body), 422, name)
        assert available(alice) == PRO

    def test_an_unlimited_wallet_is_only_recorded(self, backend: Program, alice: User) -> None:
        Wallet.objects.filter(pk=alice.wallet.pk).update(unlimited=True)
        answer = backend.post("/charges", CHAT).json()
        assert (answer["cost"], answer["available"]) == ("12.265", "5000")


class TestRepeats:
    def test_a_repeat_gets_the_first_answer(self, backend: Program, alice: User) -> None:
        first = backend.post("/charges", CHAT, key="once")
        backend.post("/charges", {"feature": "web-search", "quantity": 1})
        again = backend.post("/charges", CHAT, key="once")
        assert "Idempotent-Replayed" not in first
        assert (again.status_code, again["Idempotent-Replayed"], again.json()) == (201, "true", first.json())
        assert again["Location"] == first["Location"]
        assert alice.wallet.entries.filter(key="once").count() == 1

    def test_the_same_key_for_another_request_is_refused(self, backend: Program, alice: User) -> None:
        backend.post("/charges", CHAT, key="once")
        problem_of(backend.post("/charges", CHAT | {"quantity": 1}, key="once"), 422, "key-reused")
        problem_of(backend.post("/holds", CHAT, key="once"), 422, "key-reused")
        assert available(alice) == PRO - 12_265

    def test_a_refusal_is_not_remembered(self, backend: Program, alice: User, now: datetime) -> None:
        image = {"feature": "dall-e-3-hd", "quantity": 63}
        problem_of(backend.post("/charges", image, key="image"), 402, "insufficient-credits")
        assert backend.post("/charges", image | {"quantity": 1}, key="image").status_code == 201


class TestWorkflows:
    def test_a_run_is_one_entry_with_its_nodes(self, backend: Program, alice: User) -> None:
        answer = backend.post("/workflows", {"workflow": "weekly-report", "nodes": NODES}, key="run-1")
        assert (answer.status_code, answer.json()["cost"]) == (201, "10")
        entry = alice.wallet.entries.get(key="run-1")
        assert (entry.source, [line.cost for line in entry.lines.all()]) == ("workflow:weekly-report", [0, 10_000])

    def test_half_a_node_is_refused(self, backend: Program, alice: User) -> None:
        half = {"workflow": "w", "nodes": [{"name": "News", "feature": "web-search"}]}
        problem_of(backend.post("/workflows", half), 422, "invalid-quantity")
        assert available(alice) == PRO


class TestHolds:
    def test_hold_capture_and_the_rest_returns(self, backend: Program, alice: User) -> None:
        hold = backend.post("/holds", {"feature": "gpt-4o", "quantity": 60_000, "minimum": 1_200}, key="answer-9")
        said = hold.json()
        assert (hold.status_code, said["status"], said["quantity"], said["amount"]) == (201, "open", 5_296, "26.48")
        assert said["expires_at"] == "2025-03-10T09:45:00Z"
        captured = backend.post(f"/holds/{said['id']}/capture", {"quantity": 1_642}, key=None)
        assert (captured.status_code, captured.json()["cost"]) == (200, "8.21")
        assert [entry[:3] for entry in books(alice.wallet)[-2:]] == [
            ("hold", -26_480, 26_480),
            ("capture", 18_270, -26_480),
        ]

    def test_settling_twice_is_told_by_the_hold(self, backend: Program, alice: User) -> None:
        hold = backend.post("/holds", CHAT).json()["id"]
        first = backend.post(f"/holds/{hold}/capture", {"quantity": 10})
        again = backend.post(f"/holds/{hold}/capture", {"quantity": 10})
        assert (again["Idempotent-Replayed"], again.json()) == ("true", first.json())
        problem_of(backend.post(f"/holds/{hold}/capture", {"quantity": 11}), 409, "hold-closed")
        problem_of(backend.post(f"/holds/{hold}/release"), 409, "hold-closed")
        problem_of(backend.post(f"/holds/{hold}/extend", {"until": "2025-03-10T10:00:00Z"}), 409, "hold-closed")
        assert available(alice) == PRO - 50

    def test_failed_work_costs_nothing(self, backend: Program, alice: User) -> None:
        hold = backend.post("/holds", CHAT, key="fails").json()["id"]
        for body in (None, {}):
            assert backend.post(f"/holds/{hold}/release", body).json()["available"] == "5000"
        again = backend.post("/holds", CHAT, key="fails")
        assert (again["Idempotent-Replayed"], again.json()["status"]) == ("true", "released")
        assert available(alice) == PRO

    def test_a_hold_lasts_as_long_as_it_says(self, backend: Program, alice: User) -> None:
        hold = backend.post("/holds", CHAT | {"lasts_seconds": 60}).json()
        assert hold["expires_at"] == "2025-03-10T09:31:00Z"
        longer = backend.post(f"/holds/{hold['id']}/extend", {"until": "2025-03-10T11:00:00+01:00"})
        assert longer.json()["expires_at"] == "2025-03-10T10:00:00Z"
        too_long = backend.post(f"/holds/{hold['id']}/extend", {"until": "2025-03-12T11:00:00Z"})
        problem_of(too_long, 422, "invalid-request")

    def test_another_s_hold_is_not_there(self, backend: Program, backend_key: NewKey, bob: User) -> None:
        hold = backend.post("/holds", CHAT).json()["id"]
        other = Program(backend_key.token, bob.wallet)
        for act, body in (("capture", {"quantity": 1}), ("release", {}), ("extend", {"until": "2025-03-10T10:00:00Z"})):
            problem_of(other.post(f"/holds/{hold}/{act}", body), 404, "unknown-hold")


class TestBatches:
    def test_each_charge_is_answered_by_itself(self, backend: Program, alice: User) -> None:
        charges = [
            {"feature": "web-search", "quantity": 1, "key": "search-1"},
            {"feature": "gpt-17", "quantity": 1},
            {"feature": "dall-e-3-hd", "quantity": 100, "key": "image-1"},
            {"feature": "web-search", "quantity": 2},
        ]
        answer = backend.post("/batches", {"charges": charges}, key="batch-1")
        said = answer.json()["answers"]
        assert answer.status_code == 200
        assert [item["status"] for item in said] == [201, 422, 402, 201]
        assert [item["key"] for item in said] == ["search-1", "batch-1/1", "image-1", "batch-1/3"]
        assert [item["answer"] and item["answer"]["cost"] for item in said] == ["5", None, None, "10"]
        assert said[2]["problem"]["shortfall"] == "3005"
        assert available(alice) == PRO - 15_000

    def test_a_batch_sent_again_charges_what_is_missing(self, backend: Program, alice: User) -> None:
        charges = [{"feature": "web-search", "quantity": 1} for _ in range(5)]
        first = backend.post("/batches", {"charges": charges[:3]}, key="batch").json()["answers"]
        answer = backend.post("/batches", {"charges": charges}, key="batch")
        again = answer.json()["answers"]
        assert [item["replayed"] for item in again] == [True] * 3 + [False] * 2
        assert [item["answer"] for item in again[:3]] == [item["answer"] for item in first]
        assert "Idempotent-Replayed" not in answer
        assert backend.post("/batches", {"charges": charges}, key="batch")["Idempotent-Replayed"] == "true"
        assert available(alice) == PRO - 25_000

    def test_five_hundred_fit_and_no_more(self, backend: Program, alice: User) -> None:
        charge = {"feature": "gpt-4o-mini", "quantity": 1}
        assert len(backend.post("/batches", {"charges": [charge] * 500}).json()["answers"]) == 500
        problem_of(backend.post("/batches", {"charges": [charge] * 501}), 422, "invalid-request")
        problem_of(backend.post("/batches", {"charges": []}), 422, "invalid-request")
        assert available(alice) == PRO - 500


def test_http_writes_the_same_books_as_metering(
    backend: Program, backend_key: NewKey, alice: User, bob: User, now: datetime
) -> None:
    wallet = bob.wallet
    Wallet.objects.filter(pk__in=[wallet.pk, alice.wallet.pk]).update(next_due_at=now + timedelta(days=1))
    source = backend_key.key.source
    start = {user: user.wallet.entries.count() for user in (alice, bob)}
    backend.post("/charges", CHAT, key="a")
    backend.post("/workflows", {"workflow": "w", "nodes": NODES}, key="b")
    hold = backend.post("/holds", {"feature": "gpt-4o", "quantity": 900}, key="c").json()["id"]
    backend.post(f"/holds/{hold}/capture", {"quantity": 800})
    backend.post("/batches", {"charges": [{"feature": "web-search", "quantity": 1, "key": "d"}]})

    metering.charge(wallet=wallet, **CHAT, key="a", source=source, now=now)
    nodes = [metering.Node(**node) for node in NODES]
    metering.charge_workflow(wallet=wallet, workflow="w", nodes=nodes, key="b", now=now)
    held = metering.hold(wallet=wallet, feature="gpt-4o", quantity=900, key="c", source=source, now=now)
    metering.capture(wallet=wallet, hold=held, quantity=800, now=now)
    charge = metering.Charge(feature="web-search", quantity=1, key="d", source=source)
    metering.charge_many(wallet=wallet, charges=[charge], now=now)

    columns = ("kind", "available_change", "held_change", "cost", "uncovered", "feature", "priced_as", "quantity",
               "price", "source", "detail", "posted_at", "used_on", "key", "request_hash")  # fmt: skip
    lives = [
        list(user.wallet.entries.filter(sequence__gt=start[user]).order_by("sequence").values(*columns))
        for user in (alice, bob)
    ]
    for entry in (*lives[0], *lives[1]):
        if entry["kind"] == "capture":  # its hash has the hold's number in it
            assert entry.pop("request_hash")
    assert lives[0] == lives[1]
