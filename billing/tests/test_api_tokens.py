"""API keys have a form that says whose they are, can't be guessed, and show a slip of the pen at once."""

import re

import pytest

from billing import api_tokens


def test_a_key_has_its_form() -> None:
    token = api_tokens.new()
    assert re.fullmatch(r"clv_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", token.text)
    assert token.text.startswith(f"clv_live_{token.id}_")
    assert api_tokens.id_of(token.text) == token.id


def test_no_two_keys_are_alike() -> None:
    tokens = [api_tokens.new() for _ in range(200)]
    assert len({token.id for token in tokens}) == len({token.text for token in tokens}) == 200


def test_every_letter_counts() -> None:
    text = api_tokens.new().text
    for place in range(len(text)):
        other = "b" if text[place] != "b" else "c"
        assert api_tokens.id_of(text[:place] + other + text[place + 1 :]) is None, place


def test_two_letters_that_changed_places_are_noticed() -> None:
    text = api_tokens.new().text
    for place in range(len(text) - 1):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert swapped == text or api_tokens.id_of(swapped) is None, place


@pytest.mark.parametrize(
    "text", ["", "clv_live_", "sk_live_abc", "clv_live_é", "clv_live_١٢٣٤٥٦٧٨_" + "a" * 38, "x" * 100_000, "\x00"]
)
def test_anything_else_is_no_key(text: str) -> None:
    assert api_tokens.id_of(text) is None


def test_a_key_with_anything_around_it_is_none() -> None:
    text = api_tokens.new().text
    for odd in (f" {text}", f"{text} ", f"{text}\n", text.upper(), text[:-1], text + "0"):
        assert api_tokens.id_of(odd) is None


def test_what_is_printed_of_a_key_is_not_the_key() -> None:
    token = api_tokens.new()
    assert token.text not in f"{token} {token!r}"
    assert len(api_tokens.hash_of(token.text)) == 64
