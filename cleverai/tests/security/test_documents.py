"""docs/security.md answers every requirement of ASVS 5.0 once, and what it leads to is there."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from allauth.account import app_settings
from django.conf import settings

STATES = {"met", "not met", "operator", "n/a"}
#: How many requirements each section of ASVS 5.0.0 has: 345 in all.
SECTIONS = {
    1: (2, 10, 12, 3, 3), 2: (3, 3, 5, 2), 3: (1, 3, 5, 8, 8, 1, 5), 4: (5, 5, 2, 4), 5: (1, 6, 3, 3),
    6: (3, 12, 8, 6, 8, 4, 2, 4), 7: (3, 4, 2, 5, 3, 2), 8: (4, 4, 3, 2), 9: (3, 4), 10: (2, 3, 5, 16, 5, 2, 3),
    11: (4, 5, 5, 4, 2, 2, 2), 12: (5, 2, 5), 13: (4, 6, 4, 7), 14: (2, 8, 3), 15: (5, 5, 7, 4), 16: (1, 5, 4, 3, 4),
    17: (2, 8, 2),
}  # fmt: skip
REQUIREMENTS = [
    f"{chapter}.{section}.{number}"
    for chapter, sizes in SECTIONS.items()
    for section, size in enumerate(sizes, start=1)
    for number in range(1, size + 1)
]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: which requirements, in what state, and the files that keep it."""

    requirements: tuple[str, ...]
    state: str
    words: str
    files: tuple[str, ...]


def text() -> str:
    return (settings.BASE_DIR / "docs" / "security.md").read_text(encoding="utf-8")


def rows() -> Iterator[Row]:
    for line in text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.match(r"\d+\.\d+\.\d+", cells[0]):
            names, state, words, kept = cells
            yield Row(tuple(numbers(names)), state, words, tuple(re.findall(r"`([^`]+)`", kept)))


def numbers(names: str) -> Iterator[str]:
    """Yield the requirements that "1.2.3, 1.3.1 – 1.3.4" names."""
    for part in names.split(", "):
        first, _, last = part.partition(" – ")
        yield from REQUIREMENTS[REQUIREMENTS.index(first) : REQUIREMENTS.index(last or first) + 1]


def test_every_requirement_is_answered_once() -> None:
    assert len(REQUIREMENTS) == 345
    answered = Counter(number for row in rows() for number in row.requirements)
    assert {number: count for number, count in answered.items() if count > 1} == {}
    assert [number for number in REQUIREMENTS if number not in answered] == []


def test_every_answer_has_a_state_and_words_and_what_is_met_is_kept_somewhere() -> None:
    for row in rows():
        assert row.state in STATES, row
        assert row.words, row
        assert row.files or row.state in {"not met", "n/a"}, row


@pytest.mark.parametrize("document", ["docs/security.md", "SECURITY.md"])
def test_every_file_that_is_named_is_there(document: str) -> None:
    page = (settings.BASE_DIR / document).read_text(encoding="utf-8")
    folder = (settings.BASE_DIR / document).parent
    named = {file for row in rows() for file in row.files if "/" in file or "." in file}
    for file in named:
        assert (settings.BASE_DIR / file).is_file(), file
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", page):
        assert (folder / link).exists(), link


def test_the_limits_that_are_told_are_those_in_force() -> None:
    limits = app_settings.RATE_LIMITS
    by_visitor, by_account = limits["login_failed"].split(",")
    links_of_visitor, links_of_address = limits["reset_password"].split(",")
    assert told_limits() == {
        "wrong passwords, or codes, for one account": in_words(by_account, "key"),
        "wrong passwords of one visitor": in_words(by_visitor, "ip"),
        "logins of one visitor": in_words(limits["login"], "ip"),
        "sign-ups of one visitor": in_words(limits["signup"], "ip"),
        "reset links for one address, of one visitor": (
            f"{in_words(links_of_address, 'key').split()[0]}, {in_words(links_of_visitor, 'ip')}"
        ),
        "the password once more, of one account": in_words(limits["reauthenticate"], "user"),
    }
    assert links_of_address.split("/")[1] == links_of_visitor.split("/")[1] == "m"
    days, minutes = settings.SESSION_COOKIE_AGE // 86_400, app_settings.REAUTHENTICATION_TIMEOUT // 60
    assert f"A session lasts {days} days after its login" in text()
    assert (minutes, "if that was longer than five minutes ago" in text()) == (5, True)


def told_limits() -> dict[str, str]:
    """Return the document's table of limits: what is limited, and how many."""
    table = text().partition("| Limit | How many |\n|---|---|\n")[2].partition("\n\n")[0]
    return dict(tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines())  # type: ignore[misc]


def in_words(rate: str, of: str) -> str:
    """Return "10 a minute" for 10/m/ip, and "5 in 5 minutes" for 5/300s/key."""
    count, span, per = rate.split("/")
    assert per == of
    return f"{count} a minute" if span == "m" else f"{count} in {int(span.removesuffix('s')) // 60} minutes"
