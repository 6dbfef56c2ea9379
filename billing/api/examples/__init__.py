"""Examples for the page about the API. Each is a file beside this one, and a test runs it as it stands."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

FOLDER = Path(__file__).parent
#: What the files call our site.
SITE = "https://cleverai.example"
LANGUAGES = {".sh": "Shell", ".py": "Python"}


@dataclass(frozen=True, slots=True)
class Example:
    """A program, and what it prints for a wallet of 100 credits."""

    code: str
    language: str
    text: str
    output: str


@cache
def examples() -> dict[str, Example]:
    """Return all of them by their file's name without its ending, with `_sh` for those of the shell."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in LANGUAGES and path.name != Path(__file__).name:
            code = path.stem if path.suffix == ".py" else f"{path.stem}_sh"
            output = path.with_suffix(f"{path.suffix}.txt")
            said = output.read_text().replace(SITE, settings.SITE_URL) if output.exists() else ""
            found[code] = Example(code, LANGUAGES[path.suffix], path.read_text(), said)
    return found
