"""The mutants of what owners want to be asked about, and of what they are told before credits expire."""

from billing.tests.mutants.mutant import Mutant

CHARGES = "billing/services/charges.py"
EXPIRING = "billing/services/expiring.py"

ASKED = "billing/tests/test_confirmation.py::"
REFUSED = ASKED + "TestAsked::test_what_costs_more_is_refused_with_its_cost_and_the_limit"
HOLD_ASKS = ASKED + "TestAsked::test_a_hold_asks_by_what_it_would_set_aside_and_its_capture_asks_nobody"
CONFIRMED = ASKED + "TestAsked::test_confirmed_the_same_request_goes_on_and_is_repeated_either_way"

TOLD = "billing/tests/test_expiring.py::"

QUESTIONS = [
    Mutant(
        name="the quick way asks nobody",
        file="billing/sql/quick_charge.sql",
        old="            AND p_cost <= coalesce(w.confirm_above, p_cost)\n",
        new="",
        caught_by=REFUSED + "[quick]",
    ),
    Mutant(
        name="a quick batch asks nobody",
        file="billing/sql/quick_charges.sql",
        old="            AND (w.confirm_above IS NULL OR w.confirm_above >= ALL (p_costs))\n",
        new="",
        caught_by=ASKED + "test_a_batch_is_answered_one_by_one",
    ),
    Mutant(
        name="a quick hold asks nobody",
        file="billing/sql/quick_holds.sql",
        old=" AND p_amount <= coalesce(wallet.confirm_above, p_amount)",
        new="",
        caught_by=HOLD_ASKS + "[quick]",
    ),
    Mutant(
        name="a plain hold asks nobody",
        file="billing/services/holds.py",
        old="            check_confirmed(wallet, use.cost, request)\n",
        new="            pass\n",
        caught_by=HOLD_ASKS + "[plain]",
    ),
    Mutant(
        name="exactly the limit is asked about",
        file=CHARGES,
        old="amount > wallet.confirm_above:",
        new="amount >= wallet.confirm_above:",
        caught_by=ASKED + "TestAsked::test_exactly_the_limit_goes_unasked[plain]",
    ),
    Mutant(
        name="a word of yes is not heard",
        file=CHARGES,
        old="if not request.confirmed and wallet.confirm_above",
        new="if wallet.confirm_above",
        caught_by=CONFIRMED + "[plain]",
    ),
    Mutant(
        name="the same request confirmed is another one",
        file="billing/services/requests.py",
        old="fingerprint(kind, asked, source, detail), confirmed)",
        new="fingerprint(kind, asked, source, detail, confirmed), confirmed)",
        caught_by=CONFIRMED + "[quick]",
    ),
]

LAST_DAYS = [
    Mutant(
        name="credits that expire are told of each hour",
        file=EXPIRING,
        old='key=f"{KEY}{wallet.cycle}"',
        new='key=f"{KEY}{now}"',
        caught_by=TOLD + "test_an_owner_is_told_once_a_cycle",
    ),
    Mutant(
        name="exactly twenty percent isn't worth a word",
        file="billing/selectors/expiring.py",
        old="left >= wallet.low_below > 0",
        new="left > wallet.low_below > 0",
        caught_by=TOLD + "test_at_least_twenty_percent_is_worth_a_word[80000-1]",
    ),
    Mutant(
        name="packs count as credits that expire",
        file=EXPIRING,
        old="if grant.source == Grant.Source.ALLOWANCE and grant.expires_at == wallet.cycle_ends_at",
        new="if grant.opened_at",
        caught_by=TOLD + "test_only_what_expires_with_the_cycle_counts",
    ),
    Mutant(
        name="who has used the credits meanwhile is still mailed",
        file="billing/services/messages.py",
        old="expiring(balances.current(wallet), now=now) is None:",
        new="wallet.unlimited:",
        caught_by=TOLD + "TestTheMail::test_it_is_dropped_when_they_were_used_meanwhile",
    ),
]

MUTANTS = [*QUESTIONS, *LAST_DAYS]
