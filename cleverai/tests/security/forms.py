"""The forms of a page, as a browser finds them: where they are sent, and which fields they have."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

TYPED = {"text", "email", "password", "search", "url", "tel", "number", "date", "hidden", ""}


@dataclass
class Form:
    """A form that is posted: its address and the values that it is sent with when nobody types anything."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    #: The fields that take any text, hidden ones too.
    texts: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.found: list[Form] = []
        self._open: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._open = Form(urljoin(self.address, given.get("action", "")))
            self.found.append(self._open)
        if self._open is None or not (name := given.get("name", self._select)):
            return
        if tag == "textarea" or (tag == "input" and given.get("type", "") in TYPED):
            self._open.values[name] = given.get("value", "")
            self._open.texts.append(name)
        elif tag == "select":
            self._select = name
            self._open.texts.append(name)
        elif tag == "option" and (name not in self._open.values or "selected" in given):
            self._open.values[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag == "select":
            self._select = ""


def forms_of(page: str, address: str) -> list[Form]:
    """Return the forms of a page that are posted; `address` is the page's own."""
    reader = _Reader(address)
    reader.feed(page)
    return [form for form in reader.found if form.texts]
