"""What others got wrong about Stripe: grants doubled, lost or given for nothing, and events that were believed."""

from billing.tests.mutants.mutant import Mutant

FACTS = "billing/gateway/facts.py"
EVENTS = "billing/gateway/events.py"
WEBHOOKS = "billing/webhooks.py"
INBOX = "billing/services/inbox.py"
PURCHASES = "billing/services/purchases.py"
CHECKOUTS = "billing/services/checkouts.py"
PAID = "billing/services/paid_subscriptions.py"
SUBSCRIPTIONS = "billing/services/subscriptions.py"
REFUNDS = "billing/services/refunds.py"
DISPUTES = "billing/services/disputes.py"
CLAWBACKS = "billing/services/clawbacks.py"
CUSTOMERS = "billing/services/customers.py"

PACKS = "billing/tests/stripe/test_packs.py::"
PLANS = "billing/tests/stripe/test_paid_plans.py::"
REFUNDED = "billing/tests/stripe/test_refunds.py::"
FAILURES = "billing/tests/stripe/test_failures.py::"
OTHERS = "billing/tests/stripe/test_other_sales.py::"
TWO = "billing/tests/stripe/test_two_subscriptions.py::"

EVENTS_BELIEVED = [
    Mutant(
        name="mark before handling",
        file=WEBHOOKS,
        old="    fetched = handler.fetch(event.object_id, now=now)\n",
        new='    inbox.finish(event.pk, note="handled", now=now)\n'
        "    fetched = handler.fetch(event.object_id, now=now)\n",
        caught_by=FAILURES + "test_a_handler_that_gets_no_answer_from_stripe_is_tried_again",
    ),
    Mutant(
        name="the mark and the work are two transactions",
        file=WEBHOOKS,
        old="@in_one_transaction\ndef _apply(",
        new="def _apply(",
        caught_by=FAILURES + "test_a_handler_that_breaks_at_any_statement_is_tried_again",
    ),
    Mutant(
        name="200 on handler error",
        file=WEBHOOKS,
        old="        _postpone(event, error, now=now)\n        return False\n",
        new='        inbox.finish(event.pk, note=f"handled, but for {error}", now=now)\n        return True\n',
        caught_by=FAILURES + "test_a_handler_that_gets_no_answer_from_stripe_is_tried_again",
    ),
    Mutant(
        name="trust the payload",
        file=WEBHOOKS,
        old="    if fetched is None:\n",
        new='    if event.type.startswith("refund."):\n'
        "        import dataclasses\n"
        '        told = event.payload["data"]["object"]["status"]\n'
        "        fetched = dataclasses.replace(fetched, refund=dataclasses.replace(fetched.refund, status=told))\n"
        "    if fetched is None:\n",
        caught_by=REFUNDED + "test_an_event_that_tells_an_older_state_is_not_believed",
    ),
    Mutant(
        name="a signature from the future will do",
        file=EVENTS,
        old="if abs(now.timestamp() - signed_at) > TOLERANCE_SECONDS:",
        new="if now.timestamp() - signed_at > TOLERANCE_SECONDS:",
        caught_by="billing/tests/stripe/test_webhook_endpoint.py",
    ),
    Mutant(
        name="the other mode's events are taken",
        file=EVENTS,
        old="    if facts.livemode != livemode():\n",
        new="    if False:\n",
        caught_by="billing/tests/stripe/test_webhook_endpoint.py",
    ),
]

GRANTS = [
    Mutant(
        name="unique only on event id",
        file=PURCHASES,
        old='    key = f"checkout_session:{session.id}"\n',
        new='    from uuid import uuid4\n\n    key = f"event:{uuid4()}"\n',
        caught_by=PACKS + "test_webhook_return_page_and_repair_grant_one_and_the_same",
    ),
    Mutant(
        name="grant from two sources",
        file=CHECKOUTS,
        old="    if fetched.subscription is not None:\n        done.append(",
        new="    if fetched.subscription is not None:\n"
        "        from billing.services import grants\n\n"
        '        sale = {"source": "allowance", "business_key": f"checkout_session:{session.id}"}\n'
        "        grants.issue(wallet_id=wallet_id, amount=5_000_000, now=now, expires_at=session.expires_at, **sale)\n"
        "        done.append(",
        caught_by=PLANS + "test_whatever_of_it_is_told_first_or_twice_the_plan_begins_once",
    ),
    Mutant(
        name="grant on unpaid",
        file=FACTS,
        old='return self.status == "complete" and self.payment_status in {"paid", "no_payment_required"}',
        new='return self.status == "complete"',
        caught_by=PACKS + "test_a_session_that_is_complete_but_not_paid_yet_grants_nothing_until_it_is",
    ),
    Mutant(
        name="grant on an unpaid invoice",
        file=FACTS,
        old='        return self.status == "paid"\n',
        new='        return self.status in {"paid", "open"}\n',
        caught_by=PLANS + "test_a_failed_renewal_brings_no_allowance_and_no_loss_of_packs",
    ),
    Mutant(
        name="grant by amount",
        file=PURCHASES,
        old="    unknown = set(session.price_ids) - prices.keys()\n    if unknown or not session.price_ids:\n",
        new="    by_cents = {price.cents: price for price in prices.values()}\n"
        "    prices |= {name: by_cents[session.total_cents] for name in session.price_ids}\n"
        "    unknown = set[str]()\n"
        "    if unknown or not session.price_ids:\n",
        caught_by=PACKS + "test_a_price_that_is_none_of_ours_is_never_granted_by_its_amount",
    ),
    Mutant(
        name="a proration buys a period",
        file=PURCHASES,
        old="if not line.is_proration and line.price_id]",
        new="if line.price_id]",
        caught_by=PLANS + "test_only_a_paid_line_that_buys_a_period_grants_whatever_the_invoice_was_made_for",
    ),
    Mutant(
        name="a new price changes what an old one sold",
        file=PURCHASES,
        old="amount=sum(prices[price_id].amount or 0 for price_id in session.price_ids),",
        new="amount=sum(prices[price_id].pack.amount for price_id in session.price_ids),",
        caught_by=PACKS + "test_who_paid_an_old_price_gets_what_it_sold",
    ),
    Mutant(
        name="a second request opens a second session",
        file=CHECKOUTS,
        old='idempotency_key=f"checkout-{checkout.pk}-{customer_id}",',
        new='idempotency_key=__import__("secrets").token_hex(8),',
        caught_by=PACKS + "test_an_answer_that_was_lost_is_asked_for_again_and_opens_no_second_session",
    ),
    Mutant(
        name="a customer is made anew for each purchase",
        file=CUSTOMERS,
        old="    if customer.stripe_customer_id:\n        return customer.stripe_customer_id\n",
        new="",
        caught_by=PACKS + "test_one_customer_is_created_and_kept",
    ),
    Mutant(
        name="a plan is sold to who pays for it already",
        file=CHECKOUTS,
        old="    if paid_subscriptions.is_paying(wallet.pk):\n",
        new="    if False:\n",
        caught_by=PLANS + "test_who_pays_already_is_sent_to_the_portal_instead",
    ),
    Mutant(
        name="an ended subscription ends the present one's plan",
        file=PAID,
        old="    is_payer = plan.stripe_subscription_id == row.pk\n",
        new="    is_payer = True\n",
        caught_by=PLANS + "test_late_news_of_an_ended_subscription_does_not_disturb_the_present_one",
    ),
]

WHAT_OTHERS_DO = [
    Mutant(
        name="an extra on the invoice keeps the allowance back",
        file=PURCHASES,
        old="if line.quantity and not line.is_extra]",
        new="if line.quantity]",
        caught_by=OTHERS + "test_an_invoice_of_extras_alone_buys_nothing_and_is_nobodys_trouble",
    ),
    Mutant(
        name="whatever a customer of ours pays for is ours",
        file=CHECKOUTS,
        old="    if not _is_ours(session, checkout_id):\n",
        new="    if False:\n",
        caught_by=OTHERS + "test_what_somebody_else_sells_to_our_customer_is_let_be",
    ),
    Mutant(
        name="a renewal ends what another subscription was paid for",
        file="billing/services/cycles.py",
        old="        if is_of_this_cycle(books, grant):\n            end_grant(",
        new="        if grant.source == Grant.Source.ALLOWANCE:\n            end_grant(",
        caught_by=TWO + "test_the_renewal_of_one_leaves_alone_what_the_other_was_paid_for",
    ),
    Mutant(
        name="a plan ends although another subscription pays",
        file=PAID,
        old="        if taken_over := _hand_over(row, now=now):\n",
        new='        if taken_over := "":\n',
        caught_by=TWO + "test_when_the_one_that_pays_for_the_plan_ends_the_other_does",
    ),
    Mutant(
        name="what a slow clock saw counts as followed",
        file=WEBHOOKS,
        old="    if inbox.OVERTAKEN in note:\n",
        new="    if False:\n",
        caught_by="billing/tests/stripe/test_late_looks.py::"
        "test_what_a_worker_with_a_slow_clock_sees_is_looked_at_again",
    ),
    Mutant(
        name="a second click sells a second plan",
        file=CHECKOUTS,
        old="    if checkout is None and price.plan_id is not None:\n",
        new="    if False:\n",
        caught_by="billing/tests/stripe/test_begun_twice.py::"
        "test_a_plan_that_is_paid_while_a_second_click_is_under_way_is_not_opened_again",
    ),
]

MONEY_BACK = [
    Mutant(
        name="older fetch overwrites newer",
        file=PAID,
        old="    if row.synced_at is not None and row.synced_at > fetched.started_at:\n",
        new="    if False:\n",
        caught_by=PLANS + "test_a_look_that_began_earlier_overwrites_nothing",
    ),
    Mutant(
        name="older fetch of a refund overwrites newer",
        file=REFUNDS,
        old="    if row.synced_at is not None and row.synced_at > fetched.started_at:\n",
        new="    if False:\n",
        caught_by=REFUNDED + "test_a_look_at_a_refund_that_began_earlier_overwrites_nothing",
    ),
    Mutant(
        name="older fetch of a dispute overwrites newer",
        file=DISPUTES,
        old="    if row is not None and row.synced_at > fetched.started_at:\n",
        new="    if False:\n",
        caught_by=REFUNDED + "test_a_look_at_a_dispute_that_began_earlier_overwrites_nothing",
    ),
    Mutant(
        name="refund delta without reinstatement",
        file=CLAWBACKS,
        old="    taken = min(target, books.left[grant.pk] + grant.taken_back)\n",
        new="    target = max(target, grant.clawback_target)\n"
        "    taken = min(target, books.left[grant.pk] + grant.taken_back)\n",
        caught_by=REFUNDED + "test_a_dispute_takes_when_the_money_is_withdrawn_and_gives_back_when_it_is_won",
    ),
    Mutant(
        name="a failed refund keeps what it took",
        file=REFUNDS,
        old="stripe_refund_id__isnull=False, status__in=Refund.RETURNED",
        new="stripe_refund_id__isnull=False",
        caught_by=REFUNDED + "test_a_refund_that_fails_later_gives_back",
    ),
    Mutant(
        name="each copy of a refund takes again",
        file=REFUNDS,
        old="    row = rows.filter(stripe_refund_id=facts.id).first()\n",
        new="    row = None\n",
        caught_by=REFUNDED + "test_a_refund_that_fails_later_gives_back",
    ),
    Mutant(
        name="what returns from a hold escapes the refund",
        file=CLAWBACKS,
        old="        _take_missing(books, grant, effective_at=effective_at, hold=hold)\n",
        new="        pass\n",
        caught_by=REFUNDED + "test_credits_that_return_from_a_hold_are_taken_until_the_target_is_met",
    ),
    Mutant(
        name="a refund takes more than was granted",
        file=REFUNDS,
        old="return min(grant.amount, grant.amount * cents_returned // cents_paid) if cents_paid else 0",
        new="return grant.amount * cents_returned // cents_paid if cents_paid else 0",
        caught_by=REFUNDED + "test_a_refund_and_a_dispute_never_take_more_than_was_granted",
    ),
    Mutant(
        name="a part of the money is rounded up",
        file=REFUNDS,
        old="return min(grant.amount, grant.amount * cents_returned // cents_paid) if cents_paid else 0",
        new="return min(grant.amount, -(-grant.amount * cents_returned // cents_paid) + 1) if cents_paid else 0",
        caught_by=REFUNDED + "test_a_part_of_the_money_takes_that_part_of_the_credits_rounded_down",
    ),
    Mutant(
        name="a refund is asked for anew after each lost answer",
        file=REFUNDS,
        old='            idempotency_key=f"refund-{refund.pk}-{refund.requested_at.timestamp():.6f}",\n',
        new='            idempotency_key=__import__("secrets").token_hex(8),\n',
        caught_by=REFUNDED + "test_a_refund_whose_answer_was_lost_is_made_once",
    ),
    Mutant(
        name="a refund is asked for again once its key is forgotten",
        file=REFUNDS,
        old="    if refund.requested_at > now - KEY_LASTS:\n",
        new="    if True:\n",
        caught_by=REFUNDED + "test_a_refund_whose_key_stripe_has_forgotten_is_still_made_once",
    ),
    Mutant(
        name="only the payment that a purchase names is followed",
        file=REFUNDS,
        old="    if not paid and sale.stripe_invoice_id:\n",
        new="    if False:\n",
        caught_by="billing/tests/stripe/test_payments_of_invoices.py::"
        "test_what_goes_back_of_another_part_of_the_payment_takes_its_part_too",
    ),
]

MUTANTS = [*EVENTS_BELIEVED, *GRANTS, *WHAT_OTHERS_DO, *MONEY_BACK]
