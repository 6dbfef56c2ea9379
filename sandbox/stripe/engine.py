"""The sandbox's account as the pages, the control API and Python tests use it."""

from dataclasses import asdict
from typing import Any

from sandbox.stripe import (
    cards,
    changes,
    clocks,
    disputes,
    payments,
    purchases,
    refunds,
    samples,
    schedule,
    subscriptions,
)
from sandbox.stripe.errors import Refused
from sandbox.stripe.store import Object
from sandbox.stripe.world import Faults, World, public

ALIVE = ("active", "past_due", "unpaid", "trialing")


class Engine(World):
    """A World with what people do to it by hand. Every method is one act: whole, locked and journalled."""

    # --- the hosted page ---------------------------------------------------------------------------------------

    def session(self, session_id: str) -> Object:
        """Return a Checkout Session with its line items, or raise Refused."""
        with self.acting():
            self.catch_up()
            session = self.get("checkout.session", session_id)
            return {**public(session), "line_items": {"data": session["_items"]}}

    def pay(
        self,
        session_id: str,
        card: str = "4242424242424242",
        *,
        expiry: str | None = None,
        cvc: str | None = None,
        name: str | None = None,
        email: str | None = None,
        three_d_secure: bool | None = None,
    ) -> Object:
        """Complete a session as the hosted page does, and return it.

        Raises CardDeclined, or NeedsThreeDSecure when `three_d_secure` has to say whether the customer confirmed;
        Refused if the session isn't open.
        """
        with self.acting():
            self.catch_up()
            session = self.get("checkout.session", session_id)
            person = {"expiry": expiry, "cvc": cvc, "name": name, "email": email}
            return public(purchases.pay(self, session, card, three_d_secure=three_d_secure, **person))

    def pay_later(self, session_id: str, card: str = "4242424242424242") -> Object:
        """Complete a session with a payment that takes days, as a bank debit does; `settle` ends it."""
        with self.acting():
            self.catch_up()
            return public(purchases.pay_later(self, self.get("checkout.session", session_id), card))

    def settle(self, session_id: str, *, succeeded: bool = True) -> Object:
        """Let a payment that takes days arrive, or fail."""
        with self.acting():
            self.catch_up()
            return public(purchases.settle(self, self.get("checkout.session", session_id), succeeded=succeeded))

    # --- clocks ------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Let happen what became due as the account's clock went on."""
        if self._moment is None:
            schedule.run_until(self, self.now())

    def advance_to(self, moment: int, *, clock: str | None = None) -> None:
        """Move the account's clock, or a test clock, on to a moment, and let happen what is due until then."""
        with self.acting():
            if clock:
                clocks.move(self, self.get("test_helpers.test_clock", clock), moment)
            else:
                schedule.run_until(self, moment)
                self.offset += max(moment - self.now(), 0)

    def set_clock(self, moment: int) -> None:
        """Set the account's clock, forward or back. What became due happens at the next touch; nothing is undone."""
        with self.acting():
            self.offset = moment - int(self.real_time())

    def next_renewal(self, subscription_id: str) -> int | None:
        """Return when a subscription's next period begins, or None if it ends before or has ended."""
        with self.acting():
            subscription = self.get("subscription", subscription_id)
            end = subscriptions.period_of(subscription)[1]
            ends = subscription["cancel_at"] is not None and subscription["cancel_at"] <= end
            return None if ends or subscription["status"] not in ALIVE else end

    # --- money that goes back ----------------------------------------------------------------------------------

    def refund(self, payment_intent: str, amount: int | None = None, status: str = "succeeded") -> Object:
        """Refund `amount` cents of a payment, or all that is left; `status` is succeeded or pending."""
        if status not in ("succeeded", "pending"):
            raise Refused("Invalid status: must be one of succeeded or pending", param="status")
        with self.acting():
            charge = payments.charge_of(self, payment_intent)
            return public(refunds.begin(self, charge, amount, status=status))

    def succeed_refund(self, refund_id: str) -> Object:
        with self.acting():
            return public(refunds.succeed(self, self.get("refund", refund_id)))

    def fail_refund(self, refund_id: str) -> Object:
        with self.acting():
            return public(refunds.fail(self, self.get("refund", refund_id)))

    def dispute(self, payment_intent: str, amount: int | None = None) -> Object:
        with self.acting():
            return public(disputes.begin(self, payments.charge_of(self, payment_intent), amount))

    def close_dispute(self, dispute_id: str, status: str = "won") -> Object:
        """Decide a dispute: won or lost."""
        with self.acting():
            return public(disputes.close(self, self.get("dispute", dispute_id), status))

    def fail_next_payment(self, customer: str | None = None, decline_code: str = "generic_decline") -> None:
        """Let the next charge of a customer, or of anybody, be declined."""
        with self.acting():
            payments.fail_next(self, customer, decline_code)

    # --- customers ---------------------------------------------------------------------------------------------

    def subscriptions_of(self, customer: str) -> list[Object]:
        """Return a customer's subscriptions, newest first."""
        return self._of(customer, "subscription")

    def invoices_of(self, customer: str) -> list[Object]:
        """Return a customer's invoices, newest first."""
        return self._of(customer, "invoice")

    def _of(self, customer: str, kind: str) -> list[Object]:
        with self.acting():
            self.catch_up()
            return [public(item) for item in reversed(self.all(kind, customer=customer))]

    def payment_method_of(self, customer: str) -> Object | None:
        """Return the card that is charged next: the running subscription's, or else the customer's."""
        with self.acting():
            running = [item for item in self.all("subscription", customer=customer) if item["status"] in ALIVE]
            method = cards.default_of(self, customer, running[-1] if running else None)
            return public(method) if method else None

    def set_card(self, customer: str, card: str, *, expiry: str | None = None, cvc: str | None = None) -> Object:
        """Put a new card on file, for the customer and their running subscriptions, or raise CardDeclined."""
        with self.acting():
            method = cards.create(self, card, customer=customer, expiry=expiry, cvc=cvc)
            method = cards.attach(self, {"customer": customer}, method["id"])
            owner = self.get("customer", customer)
            settings = {**owner["invoice_settings"], "default_payment_method": method["id"]}
            self.change(owner, event="customer.updated", invoice_settings=settings)
            for subscription in self.all("subscription", customer=customer):
                if subscription["status"] in ALIVE:
                    event = "customer.subscription.updated"
                    self.change(subscription, event=event, default_payment_method=method["id"])
            return public(method)

    def set_cancel_at_period_end(self, subscription_id: str, cancelling: bool) -> Object:
        """End a subscription with its period, or let it go on after all."""
        with self.acting():
            self.catch_up()
            return public(changes.update(self, {"cancel_at_period_end": cancelling}, subscription_id))

    def portal_session(self, session_id: str) -> Object:
        """Return a portal session with its configuration, or raise Refused."""
        with self.acting():
            session = self.get("billing_portal.session", session_id)
            return {
                **public(session),
                "configuration": self.get("billing_portal.configuration", session["configuration"]),
            }

    # --- webhooks and faults -----------------------------------------------------------------------------------

    def set_faults(self, faults: Faults) -> Faults:
        """Set what goes wrong on purpose from now on."""
        if any(value < 0 for value in asdict(faults).values()) or not 400 <= faults.error_status <= 599:
            raise Refused("A fault is never negative, and an error's status is between 400 and 599.")
        with self.acting():
            self.faults = faults
            return faults

    def deliver(self) -> int:
        """Let everything that is still to be delivered be tried at once; return how much that is."""
        with self.acting():
            waiting = [self.get("_delivery", delivery_id) for delivery_id in self.store.undelivered]
            for delivery in waiting:
                self.change(delivery, next_at=0)
            self.waking.set()
            return len(waiting)

    def redeliver(self, event_id: str) -> int:
        """Send an event again to every endpoint that listens to its type; return how many there are."""
        with self.acting():
            event = self.get("event", event_id)
            endpoints = self.listeners(event["type"])
            for endpoint in endpoints:
                self.queue(event, endpoint)
            return len(endpoints)

    # --- histories ---------------------------------------------------------------------------------------------

    def history(self, customer: str, price: str, *, since: int, card: str = samples.GOOD_CARD, **given: Any) -> Object:
        """Let a customer have subscribed in the past and paid until now; return the Checkout Session.

        `given` may hold `client_reference_id` and `metadata`. No event of it is delivered.
        """
        with self.acting():
            return public(samples.subscribe(self, customer, price, since=since, card=card, given=given))

    def packs_history(
        self, customer: str, price: str, *, at: int, card: str = samples.GOOD_CARD, **given: Any
    ) -> Object:
        """Let a customer have bought something once in the past; return the Checkout Session. See `history`."""
        with self.acting():
            return public(samples.buy_pack(self, customer, price, at=at, card=card, given=given))

    def find(self, item_id: str) -> dict[str, Any]:
        """Return any object by its id, or raise Refused."""
        with self.acting():
            item = self.store.get(item_id)
            if item is None:
                raise Refused(f"No such object: '{item_id}'", code="resource_missing", param="id", status=404)
            return public(item)
