"""The mutants of people who leave: what could be charged, had twice, or left behind."""

from billing.tests.mutants.mutant import Mutant

AT_STRIPE = "billing/tests/leaving/test_at_stripe.py::"
CANARY = "billing/tests/leaving/test_canary.py::"
ENDS = AT_STRIPE + "test_a_paid_plan_ends_at_once_and_no_renewal_ever_comes"
ERASED = CANARY + "test_no_word_of_hers_is_left_anywhere"

MUTANTS = [
    Mutant(
        name="who has left goes on paying",
        file="billing/services/farewells.py",
        old="        gateway.delete_customer(customer.stripe_customer_id)\n",
        new="        pass\n",
        caught_by=ENDS,
    ),
    Mutant(
        name="a Free month begins for nobody",
        file="billing/services/subscriptions.py",
        old="        if books.wallet.owner_id is None:\n",
        new="        if False:\n",
        caught_by=ENDS,
    ),
    Mutant(
        name="a plan in between gives a second Free month",
        file="billing/services/departures.py",
        old="    if not subscription.plan.price_cents:\n        return None\n",
        new="    return None\n",
        caught_by=AT_STRIPE + "test_who_leaves_a_plan_and_comes_back_has_had_this_month_s_free_credits",
    ),
    Mutant(
        name="a customer whom Stripe makes late is forgotten",
        file="billing/services/farewells.py",
        old='for rows in (waiting, late.order_by("pk"))',
        new="for rows in (waiting,)",
        caught_by=AT_STRIPE + "test_a_customer_whom_stripe_makes_late_is_found_and_deleted_too",
    ),
    Mutant(
        name="staff's reasons stay",
        file="billing/services/erasure.py",
        old='    Refund.objects.filter(wallet=wallet).update(reason="", error="")\n',
        new="",
        caught_by=ERASED,
    ),
    Mutant(
        name="a payload is kept whole",
        file="billing/services/inbox.py",
        old="Jsonb(without_people(event.payload))",
        new="Jsonb(event.payload)",
        caught_by=ERASED,
    ),
    Mutant(
        name="a click that was under way writes after somebody has left",
        file="billing/services/ledger.py",
        old="    if wallet.owner_id is None:\n        raise OwnerHasLeft\n",
        new="    return\n",
        caught_by="billing/tests/leaving/test_no_words_after.py::test_a_click_that_comes_after_it_writes_nothing[support]",
    ),
    Mutant(
        name="a run that ends after somebody has left names its steps",
        file="billing/services/charges.py",
        old='            name=step.name if is_owned else "",\n',
        new="            name=step.name,\n",
        caught_by="billing/tests/leaving/test_no_words_after.py::test_a_run_that_ends_after_it_is_charged_without_names",
    ),
    Mutant(
        name="a line of the books may change where nobody owns them",
        file="billing/sql/nameless_lines.sql",
        old=" AND to_jsonb(NEW) - 'name' = to_jsonb(OLD) - 'name'",
        new="",
        caught_by=CANARY + "test_nothing_but_a_name_is_ever_taken_out_of_the_books",
    ),
]
