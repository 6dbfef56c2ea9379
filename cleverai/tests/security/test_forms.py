"""Whatever stands in a form's field, it is taken or refused in words, and never a fault of ours.

The forms are read from the pages themselves: a new page's form is tried, too.
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser
from cleverai.tests.browser.people import add_security_key
from cleverai.tests.routes import EVERYBODY, ROWS
from cleverai.tests.security.forms import Form, forms_of
from cleverai.tests.test_access import STAFF_PATTERNS, address_of, browser_of, staff_address_of

ODD = {
    "nul": "a\x00b",
    "control": "\x01\x1b[31m\x7f\x85",
    "nests": "[" * 50_000,
    "overlong": "x" * 100_000,
    "overlong-emoji": "💥" * 10_000,
    "digits": "9" * 5_000,
    "bidi": "\u202etxt.exe\u2066",
    "line-ends": "a\r\nBcc: x@evil.example\r\n\r\nb",
    "markup": "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>{{7*7}}{%x%}",
    "formula": '=HYPERLINK("https://evil.example")',
    "path": "../../../../etc/passwd\x00.png",
}
#: The mails that a development machine keeps; it is installed nowhere else.
OF_DEVELOPMENT = "mail_viewer"
TAKES_A_FILE = re.compile(r"""type=["']?file|multipart/form-data""")
#: Where a post ends the session that the next ones need.
ENDS_THE_SESSION = {"/accounts/logout/"}


def all_pages(alice: User) -> Iterator[tuple[str, str]]:
    """Yield the address and the text of every page that Alice, or a visitor, can open."""
    Authenticator.objects.filter(user=alice).delete()
    mine = browser_of(alice)
    add_security_key(alice)
    mine.post("/accounts/reauthenticate/", {"password": "a long passphrase"})
    for row in ROWS.values():
        for browser in (mine, Client()) if row.seen_by == EVERYBODY else (mine,):
            answer = browser.get(address_of(row, alice))
            if answer.streaming or not answer.get("Content-Type", "").startswith("text/html"):
                continue
            yield answer.request["PATH_INFO"], answer.content.decode()


def staff_pages(alice: User) -> Iterator[tuple[str, str]]:
    """Yield the address and the text of every page that somebody on staff with all rights can open."""
    olga = User.objects.create_superuser("olga@example.com", "a long passphrase")
    browser = staff_browser(olga)
    for pattern in STAFF_PATTERNS:
        if "logout" not in pattern and not pattern.startswith(f"admin/{OF_DEVELOPMENT}"):
            answer = browser.get(staff_address_of(pattern, alice))
            if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
                yield answer.request["PATH_INFO"], answer.content.decode()


def all_forms(alice: User) -> list[tuple[str, Form]]:
    """Return every form that somebody, or a visitor, finds on a page, with the page that it stands on."""
    found: dict[tuple[str, tuple[str, ...]], tuple[str, Form]] = {}
    for address, text in all_pages(alice):
        for form in forms_of(text, address):
            texts = tuple(name for name in form.texts if name != "csrfmiddlewaretoken")
            if texts:
                found.setdefault((form.action, texts), (address, form))
    return list(found.values())


def test_the_forms_are_found(alice: User) -> None:
    actions = {form.action for _, form in all_forms(alice)}
    assert actions >= {
        "/settings/profile/", "/support/", "/settings/billing/contract/", "/accounts/email/",
        "/settings/billing/preferences/limits/", "/settings/data/delete/now/", "/accounts/password/change/",
        "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/",
    }  # fmt: skip


@pytest.mark.parametrize("half", [0, 1])
def test_no_field_of_no_form_takes_a_fault_of_ours(alice: User, half: int, forget_cache: Callable[[], None]) -> None:
    """What one odd text changes is taken back before the next: looking for the forms takes longer than trying one."""
    forms = all_forms(alice)
    before = alice.email, alice.password
    for name in list(ODD)[half::2]:
        with transaction.atomic():
            fill_in(forms, alice, name, forget_cache)
            transaction.set_rollback(True)
        alice.refresh_from_db()
        assert (alice.email, alice.password) == before


def fill_in(forms: list[tuple[str, Form]], alice: User, odd: str, forget_cache: Callable[[], None]) -> None:
    """Send each form with one field odd after the other, and with all of them."""
    for page, form in forms:
        if form.action in ENDS_THE_SESSION:
            continue
        names = [name for name in form.texts if name != "csrfmiddlewaretoken"]
        for fields in [*([name] for name in names), names]:
            forget_cache()  # this is no test of the rate limits
            answer = browser_of(alice).post(form.action, form.values | dict.fromkeys(fields, ODD[odd]))
            where = f"{page} → {form.action}: {odd} in {fields}"
            assert answer.status_code in {200, 204, 302, 400, 404, 413, 422}, where
            if not answer.streaming:
                text = answer.content.decode()
                assert "<script>alert(1)" not in text, f"{where}: shows markup as it came"
                assert "<img src=x" not in text, where
                assert ">49<" not in text, f"{where}: computes what was typed"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"x" * 3_000_000, "application/x-www-form-urlencoded", 413),
        ("&".join(f"a{n}=1" for n in range(1_500)).encode(), "application/x-www-form-urlencoded", 413),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b", None),
        (b"", "multipart/form-data", None),
        (b"name=%ed%a0%bd&time_zone=%ff", "application/x-www-form-urlencoded", None),
        (b"name=%ff%fe", "application/x-www-form-urlencoded; charset=nonsense", None),
        (b'{"name": "x"}', "application/json", None),
        (b"<a/>", "text/xml", None),
    ],
    ids=["too-big", "too-many-fields", "half-a-part", "no-boundary", "half-a-character", "no-charset", "json", "xml"],
)
def test_a_body_that_no_form_sends_is_refused_in_words(
    alice: User, body: bytes, content_type: str, status: int | None
) -> None:
    browser = browser_of(alice)
    for address in ("/settings/profile/", "/support/", "/accounts/login/", "/chatbots/new/"):
        answer = browser.generic("POST", address, body, content_type=content_type)
        assert answer.status_code < 500, address
        if status is not None and address != "/accounts/login/":
            assert answer.status_code == status, address
            assert f"Error {status}" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.name == "Alice"


def test_no_form_takes_a_file(alice: User) -> None:
    """There is no upload anywhere: what is sent as one is not kept, and changes nothing."""
    for address, text in all_pages(alice):
        assert TAKES_A_FILE.search(text) is None, address

    files = {f"file{n}": BytesIO(b"x") for n in range(150)}
    answer = browser_of(alice).post("/settings/profile/", files)
    assert answer.status_code == 413


@pytest.mark.long
def test_no_form_of_staff_takes_a_file(alice: User) -> None:
    pages = dict(staff_pages(alice))
    assert len(pages) > 50
    for address, text in pages.items():
        assert TAKES_A_FILE.search(text) is None, address
