"""G22: the tests bite. Each mutant is caught by the test that it names, which passes without it.

All named tests run with the others, too; one of each file shows here that a copy of the tree is no reason to fail.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings

from billing.tests.mutants import api, clockwork, leaving, ledger, limits, staff, stripe
from billing.tests.mutants.laboratory import FAILED, PASSED, Laboratory, Verdict
from billing.tests.mutants.mutant import Mutant, Outdated

CONTROL = "control"
MUTANTS = [
    *ledger.MUTANTS,
    *stripe.MUTANTS,
    *clockwork.MUTANTS,
    *limits.MUTANTS,
    *staff.MUTANTS,
    *leaving.MUTANTS,
    *api.MUTANTS,
]

#: Longer than a run may take: the first test waits for all that is made ready, too.
LONG_ENOUGH = pytest.mark.timeout(1_800)
each_mutant = pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])


@pytest.fixture(scope="session")
def verdicts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Verdict]]]:
    """How the runs of all mutants that were asked for end, by name; a few at a time, the control run first."""
    calls = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    asked_for = [call.params["mutant"] for call in calls if isinstance(call.params.get("mutant"), Mutant)]
    mutants = list(dict.fromkeys(asked_for)) or MUTANTS
    laboratory = Laboratory(tmp_path_factory.mktemp("mutants"))
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 2, 4)) as pool:
        one_of_each_file = {mutant.caught_by.partition("::")[0]: mutant.caught_by for mutant in mutants}
        running = {CONTROL: pool.submit(laboratory.run, 0, sorted(one_of_each_file.values()), None)}
        for number, mutant in enumerate(mutants, start=1):
            running[mutant.name] = pool.submit(laboratory.run, number, [mutant.caught_by], mutant)
        yield running
        pool.shutdown(cancel_futures=True)
    laboratory.close()


@each_mutant
def test_the_code_still_has_the_place_where_a_mutant_errs(mutant: Mutant) -> None:
    text = (Path(settings.BASE_DIR) / mutant.file).read_text(encoding="utf-8")
    assert mutant.applied(text) != text


def test_a_mutant_whose_place_is_gone_says_so() -> None:
    mutant = Mutant(name="gone", file="billing/units.py", old="no such text", new="", caught_by="")
    with pytest.raises(Outdated, match="0 times"):
        mutant.applied("CREDIT = 1_000")


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.race
@LONG_ENOUGH
def test_without_a_mistake_a_named_test_of_each_file_passes(verdicts: dict[str, Future[Verdict]]) -> None:
    verdict = verdicts[CONTROL].result()
    assert verdict.code == PASSED, verdict.output


@pytest.mark.race
@LONG_ENOUGH
@each_mutant
def test_the_named_test_catches_the_mutant(mutant: Mutant, verdicts: dict[str, Future[Verdict]]) -> None:
    verdict = verdicts[mutant.name].result()
    assert verdict.code == FAILED, f"“{mutant.name}” was not caught by {mutant.caught_by}:\n{verdict.output}"
