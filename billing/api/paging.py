"""Pages of long lists: a cursor says where the next page begins, whatever was added meanwhile.

A cursor is the place of the last line in the list's order. It grants nothing, because each page asks for the caller's
own lines anew, so that it isn't signed.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from billing.api.problems import BROKEN_CURSOR, Refused

LONGEST_CURSOR = 400
Place = list[int | str]


def cursor_at(place: Sequence[int | str]) -> str:
    """Return the cursor of a place."""
    return urlsafe_b64encode(json.dumps(list(place), separators=(",", ":")).encode()).decode().rstrip("=")


def place_at(cursor: str, shape: Sequence[type]) -> Place:
    """Return the place that a cursor stands for, values of these types; raises Refused for any that isn't ours."""
    try:
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(place, list) or [type(value) for value in place] != list(shape) or cursor_at(place) != cursor:
            raise Refused(BROKEN_CURSOR)
    except (ValueError, RecursionError):
        raise Refused(BROKEN_CURSOR) from None
    return place
