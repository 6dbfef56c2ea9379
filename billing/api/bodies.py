"""Reading the body of a request: JSON that can mean one thing only, and nothing that the books couldn't hold."""

import json
import re
from typing import Any, NoReturn, cast

from django.http import HttpRequest
from ninja.parser import Parser

from billing.api.problems import (
    CONTENT_TOO_LARGE,
    INVALID_REQUEST,
    MALFORMED_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    Kind,
    Refused,
)

LARGEST_BODY = 65_536
#: More digits than the largest amount has: no field takes it.
LONGEST_NUMBER = 20
JSON_TYPE = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: How control characters come through: escaped, or as bytes that JSON itself has nothing against.
_SUSPICIOUS = re.compile(r"[\\\x7f-\x9f]")


class StrictParser(Parser):
    """Reads bodies for ninja. What it raises stands behind ninja's own error, see billing/api/__init__.py."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Return the value of a JSON body; raises Refused."""
        if not JSON_TYPE.fullmatch(request.headers.get("Content-Type", "")) or "Content-Encoding" in request.headers:
            raise Refused(UNSUPPORTED_MEDIA_TYPE)
        if len(request.body) > LARGEST_BODY:
            raise Refused(CONTENT_TOO_LARGE)
        return cast("dict[str, Any]", read(request.body))


def read(body: bytes) -> object:
    """Return what a JSON text means; raises Refused unless that is one thing, in whole numbers and printable text."""
    try:
        text = body.decode()
        value = _decoder.decode(text)
    except UnicodeDecodeError:
        raise Refused(MALFORMED_BODY, "The body isn't UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Refused(MALFORMED_BODY, f"{error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise Refused(MALFORMED_BODY, "It is nested too deeply.") from None
    if _SUSPICIOUS.search(text):
        _refuse_control_characters(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused(MALFORMED_BODY, "A name comes twice in one object.")
    return found


def _refused(kind: Kind, detail: str) -> NoReturn:
    raise Refused(kind, detail)


def _whole_number(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        _refused(INVALID_REQUEST, "A number in it is larger than any that can be meant.")
    return int(digits)


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=lambda _: _refused(INVALID_REQUEST, "A number in it isn't whole. Quantities are whole base units."),
    parse_int=_whole_number,
    parse_constant=lambda _: _refused(MALFORMED_BODY, "NaN and Infinity aren't JSON."),
)


def _refuse_control_characters(value: object) -> None:
    if isinstance(value, str):
        if _CONTROL.search(value):
            raise Refused(INVALID_REQUEST, "A text in it has control characters, or half a character.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _refuse_control_characters(name)
            _refuse_control_characters(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_control_characters(inner)
