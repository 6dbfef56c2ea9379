"""Money that goes back takes its credits back, as far as they are there, and gives back what a bank returns (G17)."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from billing import gateway, metering
from billing.errors import InvalidRequest, KeyReused, StripeUnavailable
from billing.models import Dispute, Grant, Hold, LedgerEntry, Purchase, Refund, Wallet
from billing.services import disputes, refunds
from billing.tests.people import books, left
from billing.tests.stripe.shop import Shop
from billing.tests.stripe.undoing import undone

PACK, CENTS = 1_000_000, 1_000
LONG = pytest.mark.long


@pytest.fixture
def pack(alice: User, stripe: Shop) -> Purchase:
    """A pack of 1,000 credits that Alice paid $10 for, and nothing else in her wallet."""
    stripe.buy_pack(alice)
    spend(alice.wallet, 100_000, "the allowance", stripe)
    return Purchase.objects.get()


def spend(wallet: Wallet, millicredits: int, key: str, stripe: Shop) -> None:
    """Use so many millicredits, at one a token."""
    metering.charge(wallet=wallet, feature="gpt-4o-mini", quantity=millicredits, key=key, now=stripe.now())


def taken(purchase: Purchase) -> tuple[int, int, int]:
    """Return what is asked back of a purchase, what of it was taken, and what is left of its grant."""
    grant = Grant.objects.get(pk=purchase.grant_id)
    return grant.clawback_target, grant.taken_back, left(grant)


def last_entry(wallet: Wallet) -> LedgerEntry:
    return wallet.entries.latest("sequence")


def test_a_refund_takes_back_what_is_there(pack: Purchase, alice: User, stripe: Shop) -> None:
    stripe.engine.refund(pack.stripe_payment_intent_id)
    stripe.deliver(copies=3)

    assert taken(pack) == (PACK, PACK, 0)
    assert books(alice.wallet)[-1] == ("clawback", -PACK, 0, 0)
    assert Refund.objects.get().status == "succeeded"


def test_what_was_spent_stays_visible_as_uncovered_and_the_balance_never_negative(
    pack: Purchase, alice: User, stripe: Shop
) -> None:
    spend(alice.wallet, 400_000, "chat", stripe)
    stripe.engine.refund(pack.stripe_payment_intent_id)
    stripe.deliver()

    entry = last_entry(alice.wallet)
    assert (entry.available_change, entry.uncovered, entry.available_after) == (-600_000, 400_000, 0)
    assert taken(pack) == (PACK, 600_000, 0)


def test_a_part_of_the_money_takes_that_part_of_the_credits_rounded_down(pack: Purchase, stripe: Shop) -> None:
    stripe.engine.refund(pack.stripe_payment_intent_id, 333)
    stripe.deliver()
    assert taken(pack) == (333_000, 333_000, 667_000)

    stripe.engine.refund(pack.stripe_payment_intent_id, 1)
    stripe.deliver()
    assert taken(pack) == (334_000, 334_000, 666_000)


def test_a_refund_that_fails_later_gives_back(pack: Purchase, alice: User, stripe: Shop) -> None:
    refund = stripe.engine.refund(pack.stripe_payment_intent_id, 500, status="pending")
    stripe.deliver()
    assert taken(pack) == (500_000, 500_000, 500_000)

    stripe.engine.fail_refund(refund["id"])
    stripe.deliver(copies=2)
    assert taken(pack) == (0, 0, PACK)
    assert books(alice.wallet)[-1] == ("clawback", 500_000, 0, 0)


def test_an_event_that_tells_an_older_state_is_not_believed(pack: Purchase, stripe: Shop) -> None:
    refund = stripe.engine.refund(pack.stripe_payment_intent_id, 500, status="pending")
    told_pending = stripe.take_events("refund.created")
    stripe.engine.fail_refund(refund["id"])
    stripe.deliver()

    stripe.deliver(told_pending)

    assert taken(pack) == (0, 0, PACK)


def test_a_dispute_takes_when_the_money_is_withdrawn_and_gives_back_when_it_is_won(
    pack: Purchase, stripe: Shop
) -> None:
    dispute = stripe.engine.dispute(pack.stripe_payment_intent_id)
    stripe.deliver()
    assert taken(pack) == (PACK, PACK, 0)
    assert Dispute.objects.get().withdrawn_cents == CENTS

    stripe.engine.close_dispute(dispute["id"], "won")
    stripe.deliver()
    assert taken(pack) == (0, 0, PACK)
    assert (Dispute.objects.get().status, Dispute.objects.get().withdrawn_cents) == ("won", 0)


def test_a_dispute_that_is_lost_keeps_what_it_took(pack: Purchase, stripe: Shop) -> None:
    dispute = stripe.engine.dispute(pack.stripe_payment_intent_id)
    stripe.deliver()
    stripe.engine.close_dispute(dispute["id"], "lost")
    stripe.deliver()

    assert taken(pack) == (PACK, PACK, 0)


def test_a_refund_and_a_dispute_never_take_more_than_was_granted(pack: Purchase, stripe: Shop) -> None:
    payment = pack.stripe_payment_intent_id
    stripe.engine.refund(payment, 700)
    stripe.deliver()
    facts = disputes.DisputeFacts("du_1", "lost", "fraudulent", CENTS, CENTS, "usd", payment, stripe.now())
    disputes.apply(disputes.Fetched(stripe.now(), facts, refunds.Sale()), now=stripe.now())

    assert taken(pack) == (PACK, PACK, 0)


def test_credits_that_return_from_a_hold_are_taken_until_the_target_is_met(
    pack: Purchase, alice: User, stripe: Shop
) -> None:
    hold = metering.hold(wallet=alice.wallet, feature="dall-e-3-hd", quantity=10, key="images", now=stripe.now())
    stripe.engine.refund(pack.stripe_payment_intent_id)
    stripe.deliver()
    assert taken(pack) == (PACK, 200_000, 0)

    metering.capture(wallet=alice.wallet, hold=hold, quantity=3, now=stripe.now())

    assert taken(pack) == (PACK, 760_000, 0)
    assert books(alice.wallet)[-2:] == [
        ("capture", 560_000, -800_000, 240_000),
        ("clawback", -560_000, 0, 0),
    ]


def test_a_hold_that_expires_returns_its_credits_to_the_refund(pack: Purchase, alice: User, stripe: Shop) -> None:
    metering.hold(wallet=alice.wallet, feature="dall-e-3-hd", quantity=10, key="images", now=stripe.now())
    stripe.engine.refund(pack.stripe_payment_intent_id)
    stripe.deliver()
    stripe.advance(hours=1)
    metering.charge(wallet=alice.wallet, feature="analytics", quantity=1, key="report", now=stripe.now())
    assert taken(pack) == (PACK, PACK, 0)


def test_a_refund_that_is_told_before_its_sale_grants_first_and_takes_then(alice: User, stripe: Shop) -> None:
    checkout = stripe.buy_pack(alice, deliver=False)
    stripe.engine.refund(stripe.payment_of(checkout), 400)
    stripe.deliver(stripe.take_events()[::-1])

    assert [entry[:2] for entry in books(alice.wallet)] == [
        ("grant", 100_000),
        ("grant", PACK),
        ("clawback", -400_000),
    ]


def test_an_invoice_that_is_refunded_takes_its_allowance_back(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    purchase = Purchase.objects.get(plan_id="pro")
    spend(alice.wallet, 1_000_000, "chat", stripe)
    stripe.engine.refund(purchase.stripe_payment_intent_id, 1_450)
    stripe.deliver()

    assert taken(purchase) == (2_500_000, 2_500_000, 1_500_000)


def test_what_was_refunded_after_its_cycle_is_gone_already(alice: User, stripe: Shop) -> None:
    stripe.subscribe(alice)
    first = Purchase.objects.get(plan_id="pro")
    stripe.renew(alice)
    stripe.deliver()
    dispute = stripe.engine.dispute(first.stripe_payment_intent_id)
    stripe.deliver()
    assert taken(first) == (5_000_000, 0, 0)

    stripe.engine.close_dispute(dispute["id"], "won")
    stripe.deliver()
    alice.wallet.refresh_from_db()
    assert (taken(first), alice.wallet.available) == ((0, 0, 0), 5_000_000)


def test_what_is_given_back_to_a_cycle_that_ended_meanwhile_is_gone_and_an_entry_says_so(
    alice: User, stripe: Shop
) -> None:
    stripe.subscribe(alice)
    first = Purchase.objects.get(plan_id="pro")
    dispute = stripe.engine.dispute(first.stripe_payment_intent_id)
    stripe.deliver()
    stripe.renew(alice)
    stripe.deliver()
    stripe.engine.close_dispute(dispute["id"], "won")
    stripe.deliver()

    assert [entry[:2] for entry in books(alice.wallet)[-2:]] == [("clawback", 5_000_000), ("expiry", -5_000_000)]
    assert taken(first) == (0, 0, 0)


def test_a_payment_that_bought_nothing_of_ours_is_let_be(alice: User, stripe: Shop) -> None:
    facts = refunds.RefundFacts("re_1", "succeeded", 5, "usd", "pi_elsewhere", stripe.now())
    assert refunds.apply(refunds.Fetched(stripe.now(), facts, refunds.Sale()), now=stripe.now()) == ""
    assert not Refund.objects.exists()


def test_a_look_at_a_refund_that_began_earlier_overwrites_nothing(pack: Purchase, stripe: Shop) -> None:
    made = stripe.engine.refund(pack.stripe_payment_intent_id, 500, status="pending")
    early = refunds.fetch_refund(made["id"], now=stripe.now())
    stripe.advance(minutes=1)
    stripe.engine.fail_refund(made["id"])
    stripe.deliver()

    refunds.apply(early, now=stripe.now())

    assert taken(pack) == (0, 0, PACK)


def test_a_look_at_a_dispute_that_began_earlier_overwrites_nothing(pack: Purchase, stripe: Shop) -> None:
    made = stripe.engine.dispute(pack.stripe_payment_intent_id)
    early = disputes.fetch_dispute(made["id"], now=stripe.now())
    stripe.advance(minutes=1)
    stripe.engine.close_dispute(made["id"], "won")
    stripe.deliver()

    disputes.apply(early, now=stripe.now())

    assert taken(pack) == (0, 0, PACK)


# --- asked for by staff ------------------------------------------------------------------------------------------


def ask(pack: Purchase, stella: User, stripe: Shop, **change: Any) -> Refund:
    facts = {"cents": 500, "reason": "Bought by mistake.", "key": "form:1"} | change
    return refunds.request(purchase=pack, actor=stella, now=stripe.now(), **facts)


def test_staff_refund_a_pack_and_the_webhook_that_follows_changes_nothing(
    pack: Purchase, stella: User, stripe: Shop
) -> None:
    refund = ask(pack, stella, stripe)
    assert (refund.status, refund.cents, taken(pack)) == ("succeeded", 500, (500_000, 500_000, 500_000))

    stripe.deliver(copies=2)
    assert taken(pack) == (500_000, 500_000, 500_000)
    assert Refund.objects.get().actor == stella


def test_a_form_that_is_sent_twice_refunds_once_and_its_key_serves_nothing_else(
    pack: Purchase, stella: User, stripe: Shop
) -> None:
    assert ask(pack, stella, stripe).pk == ask(pack, stella, stripe).pk
    with pytest.raises(KeyReused):
        ask(pack, stella, stripe, cents=400)

    assert taken(pack)[0] == 500_000


@pytest.mark.parametrize("change", [{"cents": 0}, {"cents": -5}, {"cents": 1_001}, {"cents": 5.5}, {"reason": "  "}])
def test_a_refund_without_sense_or_reason_is_refused_and_nothing_changes(
    pack: Purchase, stella: User, stripe: Shop, change: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest):
        ask(pack, stella, stripe, **change)
    assert not Refund.objects.exists()


def test_no_more_than_what_was_paid_can_be_refunded_in_all(pack: Purchase, stella: User, stripe: Shop) -> None:
    ask(pack, stella, stripe, cents=600)
    with pytest.raises(InvalidRequest, match=r"\$4.00"):
        ask(pack, stella, stripe, cents=401, key="form:2")
    ask(pack, stella, stripe, cents=400, key="form:3")
    with pytest.raises(InvalidRequest):
        ask(pack, stella, stripe, cents=1, key="form:4")

    assert taken(pack) == (PACK, PACK, 0)


def test_a_refund_that_stripe_did_not_answer_is_asked_for_again_and_made_once(
    pack: Purchase, stella: User, stripe: Shop
) -> None:
    for _ in range(3):
        stripe.wire.fail_next(500)
    with pytest.raises(StripeUnavailable):
        ask(pack, stella, stripe)
    waiting = Refund.objects.get()
    assert (waiting.status, taken(pack)[0]) == ("requested", 0)

    refunds.finish_requested(refund_id=waiting.pk, now=stripe.now())
    refunds.finish_requested(refund_id=waiting.pk, now=stripe.now())
    assert taken(pack)[0] == 500_000
    assert len(gateway.refunds_of(pack.stripe_payment_intent_id)) == 1


def test_a_refund_whose_answer_was_lost_is_made_once(
    pack: Purchase, stella: User, stripe: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(**request: Any) -> None:
        create(**request)
        raise StripeUnavailable("The line is dead.")

    create = gateway.create_refund
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "create_refund", no_answer)
        with pytest.raises(StripeUnavailable):
            ask(pack, stella, stripe)
    refunds.finish_requested(refund_id=Refund.objects.get().pk, now=stripe.now())
    stripe.deliver()

    assert len(gateway.refunds_of(pack.stripe_payment_intent_id)) == 1
    assert (Refund.objects.get().status, taken(pack)[0]) == ("succeeded", 500_000)


def test_a_refund_whose_key_stripe_has_forgotten_is_still_made_once(
    pack: Purchase, stella: User, stripe: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(**request: Any) -> None:
        create(**request)
        raise StripeUnavailable("The line is dead.")

    create = gateway.create_refund
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "create_refund", no_answer)
        with pytest.raises(StripeUnavailable):
            ask(pack, stella, stripe)
    assert len(stripe.take_events("refund.created")) == 1
    stripe.wait(timedelta(hours=25))
    forget_keys(stripe)

    refunds.finish_requested(refund_id=Refund.objects.get().pk, now=stripe.now())

    assert len(gateway.refunds_of(pack.stripe_payment_intent_id)) == 1
    assert (Refund.objects.get().status, taken(pack)[0]) == ("succeeded", 500_000)


def test_a_refund_that_stripe_never_had_is_made_however_late(pack: Purchase, stella: User, stripe: Shop) -> None:
    for _ in range(3):
        stripe.wire.fail_next(500)
    with pytest.raises(StripeUnavailable):
        ask(pack, stella, stripe)
    stripe.wait(timedelta(hours=25))
    forget_keys(stripe)

    refunds.finish_requested(refund_id=Refund.objects.get().pk, now=stripe.now())

    assert (Refund.objects.get().status, taken(pack)[0]) == ("succeeded", 500_000)


def forget_keys(stripe: Shop) -> None:
    """Let Stripe forget the idempotency keys of all requests so far, as it does after a day."""
    for key in stripe.engine.store.all("_key"):
        stripe.engine.store.remove(key["id"])


def test_what_stripe_refuses_says_why_and_takes_nothing(pack: Purchase, stella: User, stripe: Shop) -> None:
    stripe.engine.refund(pack.stripe_payment_intent_id)
    refund = ask(pack, stella, stripe)

    assert refund.status == "refused"
    assert refund.error
    assert taken(pack)[0] == 0


def test_a_preview_says_what_would_happen_and_then_that_happens(
    pack: Purchase, alice: User, stella: User, stripe: Shop
) -> None:
    spend(alice.wallet, 300_000, "chat", stripe)
    metering.hold(wallet=alice.wallet, feature="dall-e-3-hd", quantity=5, key="images", now=stripe.now())

    shown = refunds.preview(purchase=Purchase.objects.get(pk=pack.pk), cents=800)

    assert (shown.cents_left, shown.granted, shown.spent, shown.held, shown.left) == (
        1_000,
        PACK,
        300_000,
        400_000,
        300_000,
    )
    assert (shown.taken, shown.to_come, shown.uncovered) == (300_000, 400_000, 100_000)
    ask(pack, stella, stripe, cents=800)
    assert taken(pack) == (800_000, 300_000, 0)


# --- any order (G17) ---------------------------------------------------------------------------------------------


@dataclass
class Model:
    """One pack as decision 24 describes it: a few lines that know nothing of grants, entries or Stripe's objects."""

    left: int = PACK
    taken: int = 0
    held: dict[int, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)

    @property
    def target(self) -> int:
        return min(PACK, PACK * sum(self.known.values()) // CENTS)

    def hear(self, name: str, cents: int) -> None:
        self.known[name] = cents
        now_taken = min(self.target, self.left + self.taken)
        self.left -= now_taken - self.taken
        self.taken = now_taken

    def give_back(self, amount: int) -> None:
        self.left += amount
        more = min(self.target - self.taken, self.left) if self.target > self.taken else 0
        self.left -= more
        self.taken += more


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["spend", "hold", "capture", "release", "refund", "fail", "dispute", "win", "lose", "hear", "hear", "hear"]
        ),
        st.integers(1, 400),
        st.integers(0, 2),
    ),
    min_size=4,
    max_size=14,
)


class Walk:
    """One pack's life, at our side and in the model, with events that arrive late, twice, in any order or never."""

    def __init__(self, pack: Purchase, wallet: Wallet, stripe: Shop) -> None:
        self.pack, self.wallet, self.stripe, self.model = pack, wallet, stripe, Model()
        self.payment = pack.stripe_payment_intent_id
        self.holds: list[Hold] = []
        self.refunds: list[str] = []
        self.disputes: list[str] = []
        self.unheard: list[dict[str, Any]] = []
        self.step = 0

    def do(self, act: str, size: int, copies: int) -> None:
        self.step += 1
        getattr(self, act)(size, copies)
        self.unheard += self.stripe.take_events()

    def spend(self, size: int, copies: int) -> None:
        amount = min(size * 1_000, self.model.left)
        if amount:
            spend(self.wallet, amount, f"step {self.step}", self.stripe)
            self.model.left -= amount

    def hold(self, size: int, copies: int) -> None:
        amount = min(size * 1_000, self.model.left) // 10_000 * 10_000
        if amount:
            hold = metering.hold(
                wallet=self.wallet, feature="stable-diffusion", quantity=amount // 10_000, key=f"step {self.step}",
                now=self.stripe.now(),
            )  # fmt: skip
            self.holds.append(hold)
            self.model.left -= amount
            self.model.held[hold.pk] = amount

    def capture(self, size: int, copies: int) -> None:
        if self.holds:
            hold = self.holds.pop()
            amount = self.model.held.pop(hold.pk)
            used = min(size, amount // 10_000)
            metering.capture(wallet=self.wallet, hold=hold, quantity=used, now=self.stripe.now())
            self.model.give_back(amount - used * 10_000)

    def release(self, size: int, copies: int) -> None:
        if self.holds:
            hold = self.holds.pop(0)
            metering.release(wallet=self.wallet, hold=hold, now=self.stripe.now())
            self.model.give_back(self.model.held.pop(hold.pk))

    def refund(self, size: int, copies: int) -> None:
        refunded = sum(self._cents(name) for name in self.refunds)
        if refunded + size <= CENTS and not self.disputes:
            made = self.stripe.engine.refund(self.payment, size, status="pending" if copies else "succeeded")
            self.refunds.append(made["id"])

    def fail(self, size: int, copies: int) -> None:
        pending = [name for name in self.refunds if self.stripe.engine.find(name)["status"] == "pending"]
        if pending:
            self.stripe.engine.fail_refund(pending[size % len(pending)])

    def dispute(self, size: int, copies: int) -> None:
        refunded = sum(self._cents(name) for name in self.refunds)
        if not self.disputes and refunded + size <= CENTS:
            self.disputes.append(self.stripe.engine.dispute(self.payment, size)["id"])

    def win(self, size: int, copies: int, *, outcome: str = "won") -> None:
        if self.disputes and self.stripe.engine.find(self.disputes[0])["status"] not in {"won", "lost"}:
            self.stripe.engine.close_dispute(self.disputes[0], outcome)

    def lose(self, size: int, copies: int) -> None:
        self.win(size, copies, outcome="lost")

    def hear(self, size: int, copies: int) -> None:
        """Deliver one of the events that wait, so many times more than once; 30 % are lost."""
        if not self.unheard:
            return
        event = self.unheard.pop(size % len(self.unheard))
        if size % 10 < 3:
            return
        self.stripe.deliver([event], copies=copies + 1)
        name = event["data"]["object"]["id"]
        if name in self.refunds or name in self.disputes:
            self.model.hear(name, self._cents(name))

    def hear_everything(self) -> None:
        self.stripe.reconcile()
        self.stripe.work()
        for name in (*self.refunds, *self.disputes):
            self.model.hear(name, self._cents(name))

    def check(self) -> None:
        assert taken(self.pack) == (self.model.target, self.model.taken, self.model.left)

    def _cents(self, name: str) -> int:
        found = self.stripe.engine.find(name)
        if found["object"] == "refund":
            return found["amount"] if found["status"] in {"pending", "succeeded"} else 0
        return found["amount"] if found["status"] != "won" else 0


@pytest.mark.parametrize("examples", [200, pytest.param(50_000, marks=LONG)])
def test_refunds_and_disputes_in_any_order_net_right(pack: Purchase, alice: User, stripe: Shop, examples: int) -> None:
    before = stripe.engine.snapshot()

    @settings(max_examples=examples)
    @given(ACTS)
    def live(acts: list[tuple[str, int, int]]) -> None:
        stripe.engine.restore(before)
        with undone():
            walk = Walk(pack, Wallet.objects.get(pk=alice.wallet.pk), stripe)
            for act in acts:
                walk.do(*act)
                walk.check()
            walk.hear_everything()
            walk.check()

    live()


def test_no_day_of_the_calendar_takes_a_pack_back(pack: Purchase, alice: User, stripe: Shop) -> None:
    stripe.advance(days=400)
    metering.charge(wallet=alice.wallet, feature="analytics", quantity=1, key="report", now=stripe.now())
    assert taken(pack) == (0, 0, PACK)
    assert stripe.now() - pack.paid_at > timedelta(days=399)
