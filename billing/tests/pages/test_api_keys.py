"""The API keys page: what each key is, a new one shown once, and everything that can be done with one."""

import logging
import re
from datetime import date, timedelta

import pytest
from django.test import Client

from accounts.models import User
from billing import api_tokens
from billing.errors import InvalidApiKey
from billing.models import ApiKey
from billing.selectors.api_keys import authenticated
from billing.services import api_keys, subscriptions
from billing.tests.keys import go_pro, key_of, service_key
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import words

LIST, NEW = "/settings/api-keys/", "/settings/api-keys/new/"
FORM = {"name": "Nightly report", "scopes": ["read", "quote"], "lasts": "90"}
NAMES = ["=1+1", 'A, "quoted" name', "مساعد المتجر", "🤖 Robo", "<b>bold</b> & Sons", "'; --"]


@pytest.fixture
def alice(alice: User, clock: Clock) -> User:
    """Alice, on Pro: her plan has API access."""
    go_pro(alice, now=clock())
    return alice


@pytest.fixture
def browser_of_alice(alice: User) -> Client:
    """Alice's browser, in which she has just given her password again."""
    browser = Client()
    browser.force_login(alice)
    assert browser.post("/accounts/reauthenticate/", {"password": "a long passphrase"}).status_code == 302
    return browser


def address(key: ApiKey, act: str) -> str:
    return f"{LIST}{key.pk}/{act}/"


def token_in(page: str) -> str:
    found = re.search(r'id="new_key"[^>]*>(clv_live_\w+)<', page)
    assert found, page
    return found[1]


def test_a_new_key_is_shown_once_and_works(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    answer = browser_of_alice.post(NEW, FORM)
    token = token_in(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    caller = authenticated(token, now=clock())
    assert (caller.wallet, caller.scopes) == (alice.wallet, {"read", "quote"})
    assert (caller.key.name, caller.key.expires_at) == ("Nightly report", clock() + timedelta(days=90))
    for page in (browser_of_alice.get(LIST), browser_of_alice.get(NEW), browser_of_alice.get("/settings/data/")):
        assert token not in page.content.decode()
    assert f"clv_live_{caller.key.prefix}_…" in words(browser_of_alice.get(LIST))


def test_the_page_that_shows_a_key_sent_again_makes_no_second_one(alice: User, browser_of_alice: Client) -> None:
    browser_of_alice.post(NEW, FORM)
    assert "A key called “Nightly report” works already." in words(browser_of_alice.post(NEW, FORM))
    assert ApiKey.objects.count() == 1


def test_no_log_and_no_session_has_a_key(
    alice: User, browser_of_alice: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_in(browser_of_alice.post(NEW, FORM).content.decode())
    assert token[-38:] not in caplog.text + str(dict(browser_of_alice.session.items()))
    assert not any(token[-38:] in cookie.value for cookie in browser_of_alice.cookies.values())


@pytest.mark.parametrize("act", ["new", "replace"])
def test_who_makes_a_key_gives_the_password_first(alice: User, clock: Clock, act: str) -> None:
    made = key_of(alice, now=clock())
    browser = Client()
    browser.force_login(alice)
    url = NEW if act == "new" else address(made.key, act)
    for answer in (browser.get(url), browser.post(url, {**FORM, "overlap": "24"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_shown_as_it_is(alice: User, browser_of_alice: Client, name: str) -> None:
    browser_of_alice.post(NEW, FORM | {"name": name})
    assert name in words(browser_of_alice.get(LIST))
    assert ApiKey.objects.get().name == name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\x00b"}, "characters"),
        ({"name": "\u200b"}, "An API key needs a name that can be seen."),
        ({"name": "x" * 81}, "A name has at most 80 characters; this one has 81."),
        ({"scopes": []}, "Choose what the key may do."),
        ({"scopes": ["read", "spend"]}, "A key of yours can’t do that."),
        ({"lasts": "9999999"}, "Choose one of these."),
        ({"lasts": ""}, "This field is required."),
    ],
)
def test_what_no_key_can_be_is_refused_in_words(
    alice: User, browser_of_alice: Client, change: dict[str, object], said: str
) -> None:
    answer = browser_of_alice.post(NEW, FORM | change)
    assert answer.status_code == 200
    assert said in words(answer)
    assert not ApiKey.objects.exists()


def test_a_key_is_replaced_while_the_old_one_works_on(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    old = key_of(alice, now=clock())
    answer = browser_of_alice.post(address(old.key, "replace"), {"overlap": "24", "lasts": "never"})
    token = token_in(answer.content.decode())
    assert f"The old key, clv_live_{old.key.prefix}_…, works until 11 Mar 2025, 09:30." in words(answer)
    assert {authenticated(each, now=clock()).key.name for each in (old.token, token)} == {"Reports"}
    again = words(browser_of_alice.post(address(old.key, "replace"), {"overlap": "24", "lasts": "never"}))
    assert "This key was replaced already." in again
    clock.moves(days=1)
    with pytest.raises(InvalidApiKey):
        authenticated(old.token, now=clock())
    assert "Ended on 11 Mar 2025" in words(browser_of_alice.get(LIST))


def test_an_old_key_can_end_at_once(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    old = key_of(alice, now=clock())
    answer = browser_of_alice.post(address(old.key, "replace"), {"overlap": "0", "lasts": "30"})
    assert f"The old key, clv_live_{old.key.prefix}_…, opens nothing any more." in words(answer)


def test_the_end_of_a_key_is_set(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    made = key_of(alice, now=clock())
    assert "works until it is revoked" in words(browser_of_alice.get(address(made.key, "expiry")))
    answer = browser_of_alice.post(address(made.key, "expiry"), {"lasts": "7"}, follow=True)
    assert "“ Reports ” is saved." in words(answer)
    assert "Ends 17 Mar 2025, 09:30" in words(answer)
    clock.moves(days=7)
    assert "has ended" in words(browser_of_alice.post(address(made.key, "expiry"), {"lasts": "never"}))


def test_a_key_is_revoked_after_a_question(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    made = key_of(alice, now=clock())
    assert "opens nothing from this moment on" in words(browser_of_alice.get(address(made.key, "revoke")))
    assert authenticated(made.token, now=clock()).key == made.key, "asking changes nothing"
    answer = browser_of_alice.post(address(made.key, "revoke"), follow=True)
    assert "is revoked. It opens nothing any more." in words(answer)
    assert "Revoked on 10 Mar 2025" in words(answer)
    with pytest.raises(InvalidApiKey, match="revoked"):
        authenticated(made.token, now=clock())


def test_the_list_says_when_a_key_was_used_last(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    made = key_of(alice, now=clock())
    assert "Last used Never" in words(browser_of_alice.get(LIST))
    ApiKey.objects.filter(pk=made.key.pk).update(last_used_on=date(2025, 3, 9))
    assert "Last used 9 Mar 2025" in words(browser_of_alice.get(LIST))


@pytest.mark.parametrize("act", ["replace", "expiry", "revoke"])
def test_bob_finds_none_of_alice_s_keys_and_nobody_a_service_s(
    alice: User, browser_of_alice: Client, bob: User, stella: User, clock: Clock, act: str
) -> None:
    go_pro(bob, now=clock())
    bobs, service = key_of(bob, now=clock()), service_key(stella, now=clock())
    for key in (bobs.key, service.key):
        for answer in (browser_of_alice.get(address(key, act)), browser_of_alice.post(address(key, act), FORM)):
            assert answer.status_code == 404
    assert "clv_live" not in words(browser_of_alice.get(LIST))
    for token in (bobs.token, service.token):
        assert authenticated(token, now=clock())


def test_a_plan_without_api_access_says_which_one_has_it(bob: User, browser_of_bob: Client) -> None:
    page = words(browser_of_bob.get(LIST))
    assert "Your plan has no API access" in page
    assert "Pro has API access, for $29" in page
    browser_of_bob.post("/accounts/reauthenticate/", {"password": "a long passphrase"})
    for answer in (browser_of_bob.get(NEW), browser_of_bob.post(NEW, FORM)):
        assert answer["Location"] == LIST
    assert not ApiKey.objects.exists()


def test_keys_rest_on_a_smaller_plan_can_be_revoked_and_work_again_later(
    alice: User, browser_of_alice: Client, clock: Clock
) -> None:
    made, other = key_of(alice, now=clock()), key_of(alice, now=clock(), name="Other")
    subscriptions.return_to_free(wallet_id=alice.wallet.pk, now=clock())
    page = words(browser_of_alice.get(LIST))
    assert "Your keys rest Free has no API access, so that they open nothing." in page
    assert page.count("Rests") == 2
    assert "Replace" not in page
    assert browser_of_alice.get(address(made.key, "replace"))["Location"] == LIST
    assert browser_of_alice.post(address(other.key, "revoke")).status_code == 302
    go_pro(alice, now=clock.moves(hours=1))
    assert authenticated(made.token, now=clock()).key == made.key
    assert "Rests" not in words(browser_of_alice.get(LIST))


def test_without_a_script_the_key_can_be_taken_as_well(alice: User, browser_of_alice: Client) -> None:
    page = browser_of_alice.post(NEW, FORM).content.decode()
    assert api_tokens.id_of(token_in(page))
    assert re.search(r'class="[^"]*needs-script"[^>]*data-copy="new_key"', page)


def test_the_list_stays_short(alice: User, browser_of_alice: Client, clock: Clock) -> None:
    for number in range(25):
        made = key_of(alice, now=clock(), name=f"Key {number}")
        api_keys.revoke(wallet_id=alice.wallet.pk, key_id=made.key.pk, now=clock())
    assert words(browser_of_alice.get(LIST)).count("Revoked on") == 20
