"""G22: the tests bite. Each mutant is caught by the test that it names, which passes without it.

All named tests run with the others, too; one of each file shows here that a copy of the tree is no reason to fail.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from billing.tests.mutants import api, clockwork, leaving, ledger, limits, staff, stripe
from billing.tests.mutants.laboratory import FAILED, PASSED, Laboratory
from billing.tests.mutants.mutant import Mutant, Outdated

MUTANTS = [
    *ledger.MUTANTS,
    *stripe.MUTANTS,
    *clockwork.MUTANTS,
    *limits.MUTANTS,
    *staff.MUTANTS,
    *leaving.MUTANTS,
    *api.MUTANTS,
]

SPARING = ["-p", "billing.tests.mutants.sparing"]
#: Longer than a run may take: the first test waits for all that is made ready, too.
LONG_ENOUGH = pytest.mark.timeout(1_800)
each_mutant = pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """Where mutants are tried, one after the other; processes that run tests side by side have one each."""
    with Laboratory(tmp_path_factory.mktemp("mutants")) as found:
        yield found


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


@LONG_ENOUGH
def test_without_a_mistake_a_named_test_of_each_file_passes(laboratory: Laboratory) -> None:
    one_of_each_file = {mutant.caught_by.partition("::")[0]: mutant.caught_by for mutant in MUTANTS}
    verdict = laboratory.run(sorted(one_of_each_file.values()), None, options=SPARING)
    assert verdict.code == PASSED, verdict.output


@LONG_ENOUGH
@each_mutant
def test_the_named_test_catches_the_mutant(mutant: Mutant, laboratory: Laboratory) -> None:
    verdict = laboratory.run([mutant.caught_by], mutant)
    assert verdict.code == FAILED, f"“{mutant.name}” was not caught by {mutant.caught_by}:\n{verdict.output}"
