"""The ledger's mutants and the clock's. Each is a mistake that somebody made in a real ledger, or nearly made in this.

One story of G22 has no mutant: grants locked without order. Here no grant is ever locked; a wallet's one lock covers
its grants, so that there is no order to get wrong. "No row lock" and "the latest entry is locked" break that lock.
"""

from billing.tests.mutants.mutant import Mutant

LEDGER = "billing/services/ledger.py"
SETTLEMENT = "billing/services/settlement.py"
HOLDS = "billing/services/holds.py"
CHARGE_SQL = "billing/sql/quick_charge.sql"
CHARGES_SQL = "billing/sql/quick_charges.sql"
HOLDS_SQL = "billing/sql/quick_holds.sql"
SCHEMA = "billing/migrations/0001_initial.py"

NEVER_BELOW_ZERO = "billing/tests/races/test_never_below_zero.py::"
SAME_KEY = "billing/tests/races/test_same_key.py::"
DUE_MOMENTS = "billing/tests/races/test_due_moments.py::"
STORIES = "billing/tests/model/test_stories.py::"
CHARGES = "billing/tests/test_charges.py::"
BATCHES = "billing/tests/test_charges_in_turn.py::"
HELD = "billing/tests/test_holds.py::"
SETTLED = "billing/tests/test_settlement.py::"
UNITS = "billing/tests/test_units.py::"

LOCKED = "wallet = Wallet.objects.select_for_update(no_key=True).filter(pk=wallet_id).first()"
SPEND_TO_THE_LAST = "test_sixty_four_threads_spend_a_wallet_of_many_grants_to_the_last_millicredit[6000]"
ONE_UNIQUE_KEY = 'fields=("wallet", "key"),\n                name="one_entry_per_idempotency_key"'

LOCKS = [
    Mutant(
        name="no row lock in the quick way",
        file=CHARGE_SQL,
        old="WHERE id = p_wallet FOR NO KEY UPDATE;",
        new="WHERE id = p_wallet;",
        caught_by=NEVER_BELOW_ZERO + SPEND_TO_THE_LAST,
    ),
    Mutant(
        name="no row lock",
        file=LEDGER,
        old=LOCKED,
        new="wallet = Wallet.objects.filter(pk=wallet_id).first()",
        caught_by=SAME_KEY + "test_copies_of_a_workflow_run_are_one_run",
    ),
    Mutant(
        name="check before lock",
        file=LEDGER,
        old=LOCKED,
        new="wallet = Wallet.objects.filter(pk=wallet_id).first()\n"
        "    Wallet.objects.select_for_update(no_key=True).filter(pk=wallet_id).first()",
        caught_by=NEVER_BELOW_ZERO + "test_captures_above_their_holds_share_what_is_left",
    ),
    Mutant(
        name="the latest entry is locked instead of the wallet",
        file=LEDGER,
        old=LOCKED,
        new='LedgerEntry.objects.select_for_update().filter(wallet_id=wallet_id).order_by("-sequence").first()\n'
        "    wallet = Wallet.objects.filter(pk=wallet_id).first()",
        caught_by=NEVER_BELOW_ZERO + SPEND_TO_THE_LAST,
    ),
    Mutant(
        name="a batch checks before it locks",
        file=CHARGES_SQL,
        old="SELECT * INTO w FROM billing_wallet WHERE id = p_wallet FOR NO KEY UPDATE;",
        new="SELECT * INTO w FROM billing_wallet WHERE id = p_wallet;",
        caught_by=NEVER_BELOW_ZERO + "test_batches_at_once_end_at_nothing_too",
    ),
    Mutant(
        name="a capture checks before it locks",
        file=HOLDS_SQL,
        old="SELECT * INTO w FROM billing_wallet WHERE id = p_wallet FOR NO KEY UPDATE;",
        new="SELECT * INTO w FROM billing_wallet WHERE id = p_wallet;",
        caught_by=NEVER_BELOW_ZERO + "test_captures_at_once_each_return_what_they_did_not_use",
    ),
    Mutant(
        name="a deadlock is taken for an answer",
        file="billing/services/transactions.py",
        old="psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure",
        new="psycopg.errors.SerializationFailure",
        caught_by="billing/tests/races/test_no_deadlock.py::test_a_charge_that_a_deadlock_broke_off_is_made_again",
    ),
    Mutant(
        name="unconditional available - x",
        file=CHARGE_SQL,
        old="            w.head_left >= p_cost\n",
        new="            true\n",
        caught_by=NEVER_BELOW_ZERO + SPEND_TO_THE_LAST,
    ),
    Mutant(
        name="a hold takes whatever there is",
        file=HOLDS_SQL,
        old="wallet.head_left >= p_amount AND p_amount",
        new="p_amount",
        caught_by=NEVER_BELOW_ZERO + "test_holds_at_once_never_set_the_same_credits_aside_twice",
    ),
]

KEYS = [
    Mutant(
        name="no unique key",
        file=SCHEMA,
        old=ONE_UNIQUE_KEY,
        new='fields=("wallet", "key", "sequence"),\n                name="one_entry_per_idempotency_key"',
        caught_by=SAME_KEY + "test_copies_of_a_hold_are_one_hold[10]",
    ),
    Mutant(
        name="unique key without the wallet",
        file=SCHEMA,
        old=ONE_UNIQUE_KEY,
        new='fields=("key",),\n                name="one_entry_per_idempotency_key"',
        caught_by=SAME_KEY + "test_wallets_using_the_same_key_at_once_are_each_charged",
    ),
    Mutant(
        name="a key is looked up without the wallet",
        file=LEDGER,
        old='.select_related("hold").filter(wallet_id=wallet_id, key=key)',
        new='.select_related("hold").filter(key=key)',
        caught_by=SAME_KEY + "test_wallets_using_the_same_key_at_once_are_each_charged",
    ),
    Mutant(
        name="ON CONFLICT DO NOTHING in the charge",
        file=CHARGE_SQL,
        old="v_used_on, p_key, p_request_hash);",
        new="v_used_on, p_key, p_request_hash) ON CONFLICT DO NOTHING;",
        caught_by=SAME_KEY + "test_wallets_using_the_same_key_at_once_are_each_charged",
    ),
    Mutant(
        name="the request hash is ignored",
        file="billing/services/requests.py",
        old="if entry.request_hash != request_hash:",
        new="if entry.request_hash is None:",
        caught_by=SAME_KEY + "test_a_key_for_two_different_requests_at_once_is_one_of_them",
    ),
    Mutant(
        name="a hold is captured without looking whether it is open",
        file=HOLDS_SQL,
        old="IF NOT FOUND OR h.status <> 'open' THEN",
        new="IF NOT FOUND THEN",
        caught_by=SAME_KEY + "test_a_hold_captured_by_sixteen_at_once_is_spent_once[below-the-hold]",
    ),
]

TIME = [
    Mutant(
        name="next_due_at is ignored by a charge",
        file=CHARGE_SQL,
        old=" OR w.next_due_at <= p_now\n",
        new="\n",
        caught_by=DUE_MOMENTS + "test_a_due_allowance_is_given_once_whoever_touches_first",
    ),
    Mutant(
        name="next_due_at is ignored by a batch",
        file=CHARGES_SQL,
        old=" OR w.next_due_at <= p_now\n",
        new="\n",
        caught_by=STORIES + "test_a_batch_at_the_reset_is_paid_by_the_new_cycle",
    ),
    Mutant(
        name="next_due_at is ignored by a hold",
        file=HOLDS_SQL,
        old="        AND (wallet.next_due_at IS NULL OR wallet.next_due_at > p_now)\n",
        new="",
        caught_by=STORIES + "test_a_hold_at_the_reset_is_paid_by_the_new_cycle",
    ),
    Mutant(
        name="next_due_at is ignored by a capture",
        file=HOLDS_SQL,
        old=" OR w.next_due_at <= p_now OR",
        new=" OR",
        caught_by=STORIES + "test_a_capture_at_the_reset_settles_first",
    ),
    Mutant(
        name="a hold's limit is no due moment",
        file=HOLDS_SQL,
        old="next_due_at = least(wallet.next_due_at, greatest(p_now, wallet.last_posted_at) + (p_expires_at - p_now)),",
        new="next_due_at = wallet.next_due_at,",
        caught_by=STORIES + "test_a_hold_that_nobody_settles_ends_by_itself",
    ),
    Mutant(
        name="step from the last, clamped date",
        file=SETTLEMENT,
        old="period_start(subscription.anchor_at, subscription.period + 1)\n    subscription.save",
        new="period_start(subscription.period_started_at, 1)\n    subscription.save",
        caught_by=SETTLED + "test_a_sign_up_on_the_last_of_january_resets_on_each_month_s_last_day",
    ),
    Mutant(
        name="local dates in the cycle",
        file="billing/periods.py",
        old="    anchor_at = anchor_at.astimezone(UTC)\n    if number == 0:",
        new="    if number == 0:",
        caught_by="billing/tests/test_periods.py::test_an_anchor_written_in_another_zone_is_counted_in_utc",
    ),
    Mutant(
        name="the server's dates on a plain charge",
        file=LEDGER,
        old="return moment.astimezone(zone(self.wallet.time_zone)).date()",
        new="return moment.date()",
        caught_by=STORIES + "test_a_day_that_begins_on_the_plain_way_is_the_owner_s_own[Pacific/Auckland]",
    ),
    Mutant(
        name="the server's dates on a quick charge",
        file=CHARGE_SQL,
        old="(posted_at AT TIME ZONE w.time_zone)::date",
        new="(posted_at AT TIME ZONE 'UTC')::date",
        caught_by=STORIES + "test_usage_counts_on_the_owner_s_own_day[Pacific/Auckland]",
    ),
    Mutant(
        name="the caller's clock goes back in the books",
        file=LEDGER,
        old="posted_at = max(now, wallet.last_posted_at)",
        new="posted_at = now",
        caught_by=STORIES + "test_a_clock_that_is_a_little_behind_posts_at_the_last_moment",
    ),
    Mutant(
        name="a hint inside the transaction",
        file="billing/queue.py",
        old="transaction.on_commit(send)",
        new="send()",
        caught_by="billing/tests/test_queue.py::test_a_hint_is_sent_after_the_commit_and_not_before",
    ),
]

CREDITS = [
    Mutant(
        name="the head is not chosen again after a grant",
        file=LEDGER,
        old="head = next((grant for grant in self.open_grants() if self.left[grant.pk]), None)",
        new="able = [grant for grant in self.open_grants() if self.left[grant.pk]]\n"
        "        head = max(able, key=lambda grant: grant.pk == before, default=None)",
        caught_by=CHARGES + "TestBurnDown::test_a_later_grant_that_expires_sooner_becomes_the_head",
    ),
    Mutant(
        name="packs before monthly credits",
        file=LEDGER,
        old="(grant.expires_at or NEVER, grant.effective_at, grant.pk)",
        new="(grant.expires_at is not None, grant.effective_at, grant.pk)",
        caught_by=CHARGES + "TestBurnDown::test_monthly_credits_go_before_packs",
    ),
    Mutant(
        name="a reset touches packs",
        file=SETTLEMENT,
        old="        end_grant(books, grant, effective_at=grant.expires_at)",
        new="        for one in books.open_grants():\n            end_grant(books, one, effective_at=grant.expires_at)",
        caught_by=SETTLED + "test_packs_survive_every_reset",
    ),
    Mutant(
        name="rounding per unit",
        file="billing/units.py",
        old="return -(-quantity * millicredits // per)",
        new="return quantity * -(-millicredits // per)",
        caught_by=UNITS + "test_rounding_happens_once_per_charge_not_once_per_second",
    ),
    Mutant(
        name="float",
        file="billing/units.py",
        old="return -(-quantity * millicredits // per)",
        new="return int(-(-quantity * millicredits / per // 1))",
        caught_by=UNITS + "test_a_cost_is_an_integer_that_covers_the_exact_price_by_less_than_one_millicredit",
    ),
    Mutant(
        name="a stale price",
        file=CHARGE_SQL,
        old="price.starts_at BETWEEN p_price_starts_at AND p_now",
        new="price.id = p_price",
        caught_by="billing/tests/races/test_price_change.py::test_every_entry_names_the_price_that_was_in_force",
    ),
    Mutant(
        name="history can be edited",
        file="billing/sql/append_only.sql",
        old="BEFORE UPDATE OR DELETE ON billing_ledgerentry",
        new="BEFORE DELETE ON billing_ledgerentry",
        caught_by="billing/tests/test_history.py::TestEveryTable::test_sql_changes_nothing",
    ),
    Mutant(
        name="a suspended wallet is charged",
        file=CHARGE_SQL,
        old=" OR w.suspended_at IS NOT NULL",
        new="",
        caught_by=CHARGES + "TestRefusals::test_a_suspended_wallet_is_not_charged_not_even_nothing",
    ),
    Mutant(
        name="nobody is warned at twenty percent",
        file=CHARGE_SQL,
        old="WHEN 0 THEN greatest(w.low_below, 1)",
        new="WHEN 0 THEN 1",
        caught_by="billing/tests/test_warnings.py::test_a_millicredit_below_twenty_percent_warns_once",
    ),
    Mutant(
        name="the day's usage is replaced instead of added to",
        file=CHARGE_SQL,
        old="cost = usage.cost + excluded.cost",
        new="cost = excluded.cost",
        caught_by=CHARGES + "test_the_day_s_usage_grows_with_each_charge",
    ),
    Mutant(
        name="a capture returns credits to another grant than it took them from",
        file=HOLDS_SQL,
        old="h.grant_id IS DISTINCT FROM w.head_grant_id OR h.grant_id IS NULL OR",
        new="h.grant_id IS NULL OR",
        caught_by=STORIES + "test_a_hold_returns_to_its_own_grant_when_another_came_before_it",
    ),
    Mutant(
        name="credits return to a grant that has ended",
        file=HOLDS,
        old="        settle_returned(books, kept, hold=hold)\n",
        new="",
        caught_by=HELD + "test_what_would_return_to_an_ended_grant_is_gone_and_a_further_entry_says_so",
    ),
    Mutant(
        name="a hold settles under the rule of the moment",
        file=HOLDS,
        old="to_pay = 0 if hold.unlimited else cost",
        new="to_pay = 0 if books.wallet.unlimited else cost",
        caught_by=STORIES + "test_a_hold_from_before_the_contract_is_paid_when_it_costs_more",
    ),
]

MUTANTS = [*LOCKS, *KEYS, *TIME, *CREDITS]
