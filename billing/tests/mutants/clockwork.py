"""The clockwork's mutants: what people are told twice, never or falsely, and what a beat gets wrong about time."""

from billing.tests.mutants.mutant import Mutant

OUTBOX = "billing/services/outbox.py"
MESSAGES = "billing/services/messages.py"
NOTICES = "billing/services/notices.py"
SETTLEMENT = "billing/services/settlement.py"

KILLS = "billing/tests/kills/test_kills.py::"
KILLED_SENDERS = "billing/tests/kills/test_mails.py::"
DELIVERY = "billing/tests/messages/test_delivery.py::"
WARNED = "billing/tests/test_warnings_once.py::"
TROUBLE = "billing/tests/test_clock_trouble.py::"
PAID = "billing/tests/test_subscriptions.py::"

REPEATED = "test_a_repeat_after_a_crash_says_the_same_under_the_same_name"

MAILS = [
    Mutant(
        name="a message is written in a transaction of its own",
        file=OUTBOX,
        old="    Message.objects.bulk_create([message], ignore_conflicts=True)\n",
        new="    from django.db import transaction\n\n"
        "    transaction.on_commit(lambda: Message.objects.bulk_create([message], ignore_conflicts=True))\n",
        caught_by=KILLS + "test_a_use_killed_anywhere_is_whole_and_happens_once[PlainCharge-5]",
    ),
    Mutant(
        name="a repeated cause tells again",
        file=OUTBOX,
        old="wallet=wallet, kind=kind, key=key, facts=facts",
        new='wallet=wallet, kind=kind, key=f"{key}:{Message.objects.count()}", facts=facts',
        caught_by="billing/tests/test_told.py::test_who_confirms_an_address_is_welcomed_once",
    ),
    Mutant(
        name="a mail is marked before it is sent",
        file=MESSAGES,
        old="        _send(message, now=now)\n    except OSError as error:",
        new="        outbox.finish(message, Message.Mail.SENT, now=now)\n"
        "        _send(message, now=now)\n    except OSError as error:",
        caught_by=KILLED_SENDERS + "test_a_sender_killed_while_it_speaks_with_the_mail_server_loses_nothing[40]",
    ),
    Mutant(
        name="the claim of a dead worker never runs out",
        file=OUTBOX,
        old='update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM)',
        new='update(attempts=F("attempts") + 1, next_attempt_at=now + 400 * CLAIM)',
        caught_by=KILLED_SENDERS + "test_a_sender_killed_at_any_statement_loses_nothing",
    ),
    Mutant(
        name="a mail is nobody's while it is sent",
        file=OUTBOX,
        old='update(attempts=F("attempts") + 1, next_attempt_at=now + CLAIM)',
        new='update(attempts=F("attempts") + 1, next_attempt_at=now)',
        caught_by=DELIVERY + "test_two_workers_send_one_mail",
    ),
    Mutant(
        name="each attempt says what is true by then",
        file=MESSAGES,
        old="    if not message.text:\n",
        new="    if True:\n",
        caught_by=DELIVERY + REPEATED,
    ),
    Mutant(
        name="each attempt is another mail to a mail program",
        file="billing/emails.py",
        old='_message_id("message", message.pk, message.raised_at)',
        new='_message_id(f"message.{message.attempts}", message.pk, message.raised_at)',
        caught_by=DELIVERY + REPEATED,
    ),
    Mutant(
        name="who has bought a pack is still warned",
        file=MESSAGES,
        old='wallet.unlimited or wallet.warning_level < facts["level"]:',
        new="wallet.unlimited:",
        caught_by=DELIVERY + "test_a_warning_that_a_pack_has_answered_is_not_mailed",
    ),
]

WARNINGS = [
    Mutant(
        name="each refusal warns",
        file=NOTICES,
        old="if wallet.unlimited or level <= wallet.warning_level:",
        new="if wallet.unlimited:",
        caught_by=WARNED + "test_refusals_mail_once_that_credits_are_out[5]",
    ),
    Mutant(
        name="a warning is given twice after any grant",
        file=NOTICES,
        old="wallet.warning_level = min(wallet.warning_level, deserved)",
        new="wallet.warning_level = 0",
        caught_by=WARNED + "TestAgain::test_a_pack_that_lifts_nobody_above_a_threshold_re_arms_nothing",
    ),
    Mutant(
        name="no grant re-arms a warning",
        file=NOTICES,
        old="wallet.warning_level = min(wallet.warning_level, deserved)",
        new="pass",
        caught_by=WARNED + "TestAgain::test_a_pack_bought_and_spent_is_told_of_each_level_again",
    ),
    Mutant(
        name="both levels are told that one charge crosses",
        file=NOTICES,
        old="    wallet.warning_level = level\n    notice = ",
        new="    if level > wallet.warning_level + 1:\n        raise_to(books, level - 1)\n"
        "    wallet.warning_level = level\n    notice = ",
        caught_by=WARNED + "test_a_charge_that_crosses_two_mails_the_stronger_alone",
    ),
    Mutant(
        name="a reset's expiry is judged before its allowance is there",
        file=SETTLEMENT,
        old="            _expire_grant(books, books.grants[due.row_id])\n",
        new="            _expire_grant(books, books.grants[due.row_id])\n"
        "            notices.judge(books, _entries_after(books, sequence))\n",
        caught_by="billing/tests/test_warnings.py::TestTime::test_a_reset_warns_nobody",
    ),
]

PERIODS = [
    Mutant(
        name="the next cycle is counted from the beat",
        file=SETTLEMENT,
        old="period_start(subscription.anchor_at, subscription.period + 1)\n    subscription.save",
        new="period_start(books.posted_at, 1)\n    subscription.save",
        caught_by=TROUBLE + "TestAClockThatIsFarAhead::test_each_period_that_it_skips_is_issued_once[14]",
    ),
    Mutant(
        name="an allowance for each beat",
        file=SETTLEMENT,
        old='update_fields=["period", "period_started_at", "period_ends_at"]',
        new='update_fields=["period", "period_started_at"]',
        caught_by="billing/tests/test_settlement.py::test_settling_twice_changes_nothing_more",
    ),
    Mutant(
        name="the grace is moved again and again",
        file=SETTLEMENT,
        old="and grant.expires_at == subscription.period_ends_at",
        new="and grant.expires_at >= subscription.period_ends_at",
        caught_by=PAID + "test_an_unpaid_renewal_keeps_the_old_allowance_for_a_day_and_no_longer",
    ),
    Mutant(
        name="no grace until the renewal is paid",
        file=SETTLEMENT,
        old="    if grant.expires_at is not None and _awaits_renewal(books, grant):",
        new="    if grant.expires_at is not None and False:",
        caught_by=PAID + "test_usage_between_the_end_of_a_period_and_its_payment_draws_on_the_old_allowance",
    ),
    Mutant(
        name="a cancelled plan goes on until Stripe says that it ended",
        file=SETTLEMENT,
        old="is_over_then = subscription.status == Subscription.Status.CANCELLING",
        new="is_over_then = False",
        caught_by=PAID + "test_a_subscription_that_is_cancelling_gets_no_day_more_and_becomes_free_without_a_word",
    ),
    Mutant(
        name="a clock far behind is believed",
        file="billing/services/ledger.py",
        old="if now < wallet.last_posted_at - CLOCK_TOLERANCE:",
        new="if False:",
        caught_by=TROUBLE + "TestAClockThatGoesBack::test_credits_are_neither_given_nor_taken_by_it",
    ),
    Mutant(
        name="a worker settles by its own wrong clock",
        file="billing/services/clockwork.py",
        old="    if not is_right(error):\n",
        new="    if not error:\n",
        caught_by=TROUBLE + "TestAClockThatIsFarAhead::test_a_worker_whose_own_clock_is_ahead_does_nothing_and_says_so",
    ),
    Mutant(
        name="an unknown zone stops every wallet after it",
        file="accounts/time_zones.py",
        old="except (zoneinfo.ZoneInfoNotFoundError, ValueError):",
        new="except ValueError:",
        caught_by=TROUBLE + "TestZones::test_a_beat_settles_them_and_whoever_comes_after",
    ),
    Mutant(
        name="a plan's change reaches back into the cycle that runs",
        file="billing/services/ledger.py",
        old="        wallet = lock_wallet(wallet_id)\n",
        new="        wallet = lock_wallet(wallet_id)\n"
        "        wallet.low_below = (Subscription.objects.get(wallet=wallet).plan.allowance or 0) // 5\n",
        caught_by=TROUBLE + "TestAPlanThatChangesInMidCycle::test_the_present_cycle_stays_as_it_is[40000]",
    ),
]

MUTANTS = [*MAILS, *WARNINGS, *PERIODS]
