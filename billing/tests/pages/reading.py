"""Reading pages as people do: the words, without the markup."""

import re
from html import unescape

from django.http import HttpResponse

HTMX = {"HTTP_HX_REQUEST": "true"}


def words(response: HttpResponse) -> str:
    """Return the text of a page with its white space evened out."""
    text = re.sub(r"(?s)<(script|style|svg)\b.*?</\1>", "", response.content.decode())
    return re.sub(r"\s+([.,;:])", r"\1", re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))).strip()


def shown(response: HttpResponse) -> str:
    """Return what the page's chip will send back with its next question."""
    found = re.search(r'"shown": "([^"]*)"', unescape(response.content.decode()))
    assert found, "the page has no chip"
    return found[1]
