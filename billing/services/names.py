"""Names that people give to what is theirs: they can be shown, and seen."""

import unicodedata

from billing.errors import InvalidRequest

LONGEST = 80
#: Control characters, halves of a character, line and paragraph ends.
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
UNSEEN = UNPRINTABLE | {"Cf", "Zs"}


def checked(name: str, *, of: str) -> str:
    """Return a name without the space around it; raises InvalidRequest for one that can't be shown or read.

    `of` begins the sentence that says what needs a name: "A chatbot".
    """
    name = name.strip()
    kinds = {unicodedata.category(character) for character in name}
    if kinds & UNPRINTABLE:
        raise InvalidRequest("There are characters in this name that can’t be shown.")
    if not kinds - UNSEEN:
        raise InvalidRequest(f"{of} needs a name that can be seen.")
    if len(name) > LONGEST:
        raise InvalidRequest(f"A name has at most {LONGEST} characters; this one has {len(name):,}.")
    return name
