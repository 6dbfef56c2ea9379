"""The mutants of what staff do: alone above the limit, with their own approval, and for the same charge twice."""

from billing.tests.mutants.mutant import Mutant

STAFF_ACTS = "billing/services/staff_acts.py"
RETURNS = "billing/services/returns.py"

SECOND = "billing/tests/admin/test_second_person.py::"
RETURNED = "billing/tests/admin/test_returns.py::"

MUTANTS = [
    Mutant(
        name="who proposed it approves it",
        file=STAFF_ACTS,
        old="    if proposer == approver:\n",
        new="    if proposer is None:\n",
        caught_by=SECOND + "test_nobody_approves_their_own_proposal_whoever_they_are",
    ),
    Mutant(
        name="the limit looks at one act alone",
        file=STAFF_ACTS,
        old='alone["credits"] + weighed.credits > credits_limit',
        new="weighed.credits > credits_limit",
        caught_by=SECOND + "test_an_amount_split_into_many_is_still_above_the_limit",
    ),
    Mutant(
        name="refunds that are split are below the limit",
        file=STAFF_ACTS,
        old='alone["cents"] + weighed.cents > cents_limit',
        new="weighed.cents > cents_limit",
        caught_by=SECOND + "test_refunds_that_are_split_are_above_the_limit_together",
    ),
    Mutant(
        name="a used key stands for whatever comes",
        file=STAFF_ACTS,
        old="first.fingerprint != asked.fingerprint or by != actor.pk",
        new="by != actor.pk",
        caught_by=SECOND + "test_a_key_that_was_used_alone_opens_no_way_around_the_limit",
    ),
    Mutant(
        name="what has changed since is done unseen",
        file=STAFF_ACTS,
        old="    if weighed.effect != seen:\n",
        new="    if not seen:\n",
        caught_by=SECOND + "test_what_changed_since_is_shown_to_who_approves_first",
    ),
    Mutant(
        name="returned charges aren't written down",
        file="billing/sql/return_mark.sql",
        old="    INSERT INTO billing_returnedcharge (wallet_return_id, entry_id, line_id, amount)\n"
        "    SELECT %(wallet_return)s, entry_id, line_id, amount FROM ({charges}) AS charge WHERE NOT is_returned\n"
        "    RETURNING amount\n",
        new="    SELECT %(wallet_return)s, amount FROM ({charges}) AS charge WHERE NOT is_returned\n",
        caught_by=RETURNED + "test_an_overlapping_return_gives_the_rest_and_says_so",
    ),
    Mutant(
        name="what was returned is returned again",
        file="billing/sql/returnable_charges.sql",
        old="    returned.id IS NOT NULL AS is_returned\n",
        new="    false AS is_returned\n",
        caught_by=RETURNED + "test_what_was_returned_before_is_not_returned_again",
    ),
    Mutant(
        name="whoever returns charges gets some of them",
        file="billing/sql/return_wallets.sql",
        old="    AND NOT owner.is_staff\n",
        new="",
        caught_by=RETURNED + "test_whoever_returns_or_approves_gets_nothing_of_it",
    ),
    Mutant(
        name="what nobody paid is returned",
        file="billing/sql/returnable_charges.sql",
        old="    -(entry.available_change + entry.held_change) AS amount,\n",
        new="    entry.cost AS amount,\n",
        caught_by=RETURNED + "test_only_what_was_really_paid_is_returned",
    ),
]
