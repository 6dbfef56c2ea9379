"""The mutants of the HTTP API: what a key must not open, what a repeat must not charge, what a body must not mean."""

from billing.tests.mutants.mutant import Mutant

KEYS = "billing/tests/test_api_keys.py::"
ACCESS = "billing/tests/api/test_access.py::"
BODIES = "billing/tests/api/test_bad_input.py::test_a_body_that_can_mean_nothing_is_refused"

MUTANTS = [
    Mutant(
        name="a revoked key opens on",
        file="billing/selectors/api_keys.py",
        old='    if found.revoked_at is not None:\n        raise InvalidApiKey("revoked")\n',
        new="",
        caught_by=KEYS + "test_a_revoked_key_opens_nothing_from_that_moment_on",
    ),
    Mutant(
        name="a key's public part is enough",
        file="billing/selectors/api_keys.py",
        old="compare_digest(found.secret_hash if found else NO_HASH, api_tokens.hash_of(token))",
        new="True",
        caught_by=KEYS + "test_a_key_that_nobody_made_is_unknown",
    ),
    Mutant(
        name="keys outlive their plan",
        file="billing/selectors/api_keys.py",
        old="    if subscription is None or not subscription.plan.has_api_access:\n",
        new="    if False:\n",
        caught_by=KEYS + "test_a_smaller_plan_lets_keys_rest_and_a_larger_one_wakes_them",
    ),
    Mutant(
        name="keys outlive their owner",
        file="billing/services/api_keys.py",
        old="    mine.filter(revoked_at=None).update(revoked_at=now)\n",
        new="",
        caught_by=KEYS + "test_whoever_leaves_leaves_no_key_and_no_name_of_one",
    ),
    Mutant(
        name="two replace one key",
        file="billing/services/api_keys.py",
        old="ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id, wallet=None)",
        new="ApiKey.objects.filter(pk=key_id, wallet=None)",
        caught_by="billing/tests/races/test_api_keys.py::"
        "test_of_sixteen_that_replace_a_service_s_key_together_one_does",
    ),
    Mutant(
        name="a key that replaces another charges a repeat anew",
        file="billing/models/api_keys.py",
        old='f"api_key:{self.first_id or self.pk}"',
        new='f"api_key:{self.pk}"',
        caught_by="billing/tests/api/test_same_key.py::test_a_repeat_under_the_key_that_replaced_another_is_one",
    ),
    Mutant(
        name="whoever names a wallet reads it",
        file="billing/api/callers.py",
        old="    if caller.is_service and SUITABLE_NUMBER",
        new="    if SUITABLE_NUMBER",
        caught_by=ACCESS + "test_another_s_key_finds_nothing_of_alice_s",
    ),
    Mutant(
        name="any key may do anything",
        file="billing/api/callers.py",
        old="    if scope not in caller.scopes:\n",
        new="    if False:\n",
        caught_by=ACCESS + "test_a_key_without_the_scope_is_refused",
    ),
    Mutant(
        name="nobody asks too often",
        file="billing/services/rate_limits.py",
        old="is_allowed=requests <= limit",
        new="is_allowed=True",
        caught_by=ACCESS + "test_each_key_has_its_rate",
    ),
    Mutant(
        name="the last of two names counts",
        file="billing/api/bodies.py",
        old="    if len(found) < len(pairs):\n",
        new="    if False:\n",
        caught_by=BODIES,
    ),
    Mutant(
        name="a float is taken as a whole number",
        file="billing/api/bodies.py",
        old="    parse_float=lambda _: _refused("
        'INVALID_REQUEST, "A number in it isn\'t whole. Quantities are whole base units."),\n',
        new="    parse_float=lambda digits: int(float(digits)),\n",
        caught_by=BODIES,
    ),
]
