"""The examples of billing/README.md do what the page says."""

import doctest
from pathlib import Path

from accounts.models import User

README = Path(__file__).parent.parent / "README.md"


def test_every_example_runs_as_printed(db: None) -> None:
    wallet = User.objects.create_user("reader@example.com").wallet
    page = README.read_text().replace("```", "")
    test = doctest.DocTestParser().get_doctest(page, {"wallet": wallet}, README.name, str(README), 0)
    told: list[str] = []
    results = doctest.DocTestRunner().run(test, out=told.append)
    assert results.attempted > 15
    assert results.failed == 0, "".join(told)
