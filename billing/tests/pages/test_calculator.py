"""The calculator of the public pages: numbers in the address, as a page and as a fragment, and whatever is typed."""

import pytest
from django.test import Client

from billing.tests.pages.reading import HTMX, words

pytestmark = pytest.mark.django_db

PAGE = "/pricing/"
FRAGMENT = "/credits/calculator/"


def test_it_begins_with_an_example(client: Client) -> None:
    page = words(client.get(PAGE))
    assert "500 chats of 1,200 tokens" in page
    assert "GPT-4o Mini 1 credit / 1K tokens 1.2 600 credits Fits in Pro’s 5,000 GPT-4o 5" in page


def test_the_address_says_what_is_asked(client: Client) -> None:
    page = words(client.get(PAGE, {"chats": "1,000", "tokens": "2000", "for-chats": "gpt-4o", "searches": "1"}))
    assert "1,000 chats of 2,000 tokens" in page
    assert "GPT-4o 5 credits / 1K tokens 10 10,000 credits Pro and 1 × 5,000 credits, $74 a month" in page
    assert "All of it, with the models you chose 10,005 credits" in page
    assert "images" not in page.partition("1,000 chats")[2].partition("All of it")[0]


def test_the_fragment_is_the_answer_alone_and_keeps_the_page_s_address(client: Client) -> None:
    here = {"HTTP_HX_CURRENT_URL": "http://testserver/pricing/?campaign=spring&chats=3"}
    answer = client.get(FRAGMENT, {"chats": "7", "tokens": "1000", "images": ""}, **HTMX, **here)
    assert "7 chats of 1,000 tokens" in words(answer)
    assert "<html" not in answer.content.decode()
    assert answer["HX-Replace-Url"] == "/pricing/?campaign=spring&chats=7&tokens=1000"
    assert answer["Cache-Control"] == "no-cache"


def test_the_fragment_s_address_leads_to_the_page(client: Client) -> None:
    answer = client.get(FRAGMENT, {"chats": "7", "tokens": "1000"})
    assert (answer.status_code, answer["Location"]) == (302, "/pricing/?chats=7&tokens=1000#calculator")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("-3", "Whole numbers only."),
        ("1.5", "Whole numbers only."),
        ("many", "Whole numbers only."),
        ("1e3", "Whole numbers only."),
        ("٣", "Whole numbers only."),
        ("1\x00", "Whole numbers only."),
        ("<b>", "Whole numbers only."),
        ("1000001", "At most 1,000,000."),
        ("9" * 10_000, "At most 1,000,000."),
    ],
    ids=range(9),
)
def test_what_is_no_number_is_told_beside_it_and_the_rest_counts(client: Client, typed: str, said: str) -> None:
    asked = {"chats": "10", "tokens": "1000", "images": typed}
    for answer in (client.get(PAGE, asked), client.get(FRAGMENT, asked, **HTMX)):
        assert answer.status_code == 200
        text = answer.content.decode()
        _, _, after = text.partition('id="calculator-images-error"')
        assert after.partition("</p>")[0].endswith(said)
        assert "10 chats of 1,000 tokens" in text
        assert "<b>" not in text
        assert len(text) < 40_000


@pytest.mark.parametrize("typed", ["", "0", " 0 ", "0" * 9_000])
def test_nothing_is_no_mistake(client: Client, typed: str) -> None:
    page = client.get(PAGE, {"chats": typed, "images": "2"}).content.decode()
    assert "At most" not in page
    assert "Whole numbers" not in page
    assert "2 images" in page
    assert "Enter how many uses you have in mind" in client.get(PAGE, {"chats": typed}).content.decode()


def test_chats_without_a_length_ask_for_one(client: Client) -> None:
    assert "How many tokens each?" in words(client.get(PAGE, {"chats": "5"}))


def test_a_model_that_is_none_is_told(client: Client) -> None:
    page = words(client.get(PAGE, {"chats": "5", "tokens": "1000", "for-chats": "flux-pro"}))
    assert "Part of this address makes no sense and was left out: for-chats “flux-pro”." in page
    assert "All of it, with the models you chose 5 credits" in page


def test_what_else_the_address_says_is_kept_without_scripts(client: Client) -> None:
    asked = {"chats": "5", "tokens": "1000", "span": '30d"', "for-chats": "gpt-4o", "long": "x" * 10_000}
    page = client.get(PAGE, asked).content.decode()
    assert '<input type="hidden" name="span" value="30d&quot;">' in page
    assert page.count('type="hidden"') == 1
    answer = client.get(FRAGMENT, asked, HTTP_HX_CURRENT_URL="http://testserver/pricing/?span=30d&by=model", **HTMX)
    assert answer["HX-Replace-Url"].startswith("/pricing/?by=model&chats=5&tokens=1000&span=30d%22")


@pytest.mark.parametrize("page", ["", "http://evil.example/pricing/", "javascript:alert(1)", "\x00", "x" * 9_000])
def test_a_page_that_is_not_ours_gets_no_address(client: Client, page: str) -> None:
    answer = client.get(FRAGMENT, {"chats": "5"}, HTTP_HX_CURRENT_URL=page, **HTMX)
    assert answer.status_code == 200
    assert "HX-Replace-Url" not in answer
