"""Staff make keys of our own services, shown once, and end any key; nobody on staff reads one."""

import re
from datetime import datetime

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from billing.errors import InvalidApiKey
from billing.models import ApiKey, StaffAct
from billing.selectors.api_keys import authenticated
from billing.tests.admin.conftest import acts_on_record, browser_of
from billing.tests.admin.pressing import do, hidden, look, press
from billing.tests.keys import go_pro, key_of, service_key
from billing.tests.people import sign_up

URL = "/admin/billing/apikey/"
ADD = f"{URL}add/"
FORM = {"name": "Chat backend", "scopes": ["read", "quote", "spend"], "lasts": "never", "reason": "The chat spends."}


def preview_of(browser: Client, **changed: object) -> str:
    return look(browser, ADD, **(FORM | changed))  # type: ignore[arg-type]


def send(browser: Client, preview: str) -> str:
    """Press the button; a field that came several times is sent so."""
    scopes = re.findall(r'<input type="hidden" name="scopes" value="(\w+)"', preview)
    return browser.post(f"{ADD}post/", {**hidden(preview), "scopes": scopes}, follow=True).content.decode()


def token_in(page: str) -> str:
    found = re.search(r"clv_live_\w{47}", page)
    return found[0] if found else ""


def test_a_service_s_key_is_made_after_a_preview_and_shown_once(
    browser_of_stella: Client, stella: User, now: datetime
) -> None:
    preview = preview_of(browser_of_stella)
    assert "spend any customer" in browser_of_stella.get(ADD).content.decode()
    assert not ApiKey.objects.exists(), "looking makes nothing"
    token = token_in(send(browser_of_stella, preview))
    caller = authenticated(token, now=now)
    assert (caller.is_service, caller.scopes) == (True, {"read", "quote", "spend"})
    assert (caller.key.created_by, caller.key.expires_at) == (stella, None)
    spent = "read balance, usage and entries, ask what something would cost, spend credits"
    assert acts_on_record() == [f"Made; it may: {spent}. The chat spends."]

    again = send(browser_of_stella, preview)
    assert token_in(again) == ""
    assert "It was done before." in again
    assert ApiKey.objects.count() == StaffAct.objects.count() == 1
    for page in (URL, f"{URL}{caller.key.pk}/change/", f"{URL}{caller.key.pk}/history/", "/admin/billing/staffact/"):
        text = browser_of_stella.get(page).content.decode()
        assert caller.key.prefix in text
        assert token[-38:] not in text
        assert caller.key.secret_hash not in text
    assert token[-38:] not in StaffAct.objects.get().outcome


def test_a_name_that_a_living_key_has_is_refused(browser_of_stella: Client, stella: User, now: datetime) -> None:
    service_key(stella, now=now)
    assert "A key called “Chat backend” works already." in preview_of(browser_of_stella)
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "changed", [{"name": ""}, {"name": "\u200b"}, {"scopes": []}, {"scopes": ["fly"]}, {"lasts": "x"}, {"reason": ""}]
)
def test_what_is_missing_or_wrong_is_said(browser_of_stella: Client, changed: dict[str, object]) -> None:
    assert "Please correct what is marked below." in preview_of(browser_of_stella, **changed)
    assert not ApiKey.objects.exists()


def test_only_owners_make_keys_and_only_billing_ends_them(alice: User, stella: User, now: datetime) -> None:
    made = service_key(stella, now=now)
    revoke, replace = f"{URL}{made.key.pk}/revoke/", f"{URL}{made.key.pk}/replace/"
    for group, may_add, may_revoke in (
        ("support", False, False),
        ("billing", False, True),
        ("owner", True, True),
    ):
        user = sign_up(group, at=now, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        browser = browser_of(user)
        assert browser.get(URL).status_code == 200
        assert browser.get(ADD).status_code == (200 if may_add else 403)
        assert browser.get(revoke).status_code == (200 if may_revoke else 403)
        assert browser.get(replace).status_code == (200 if may_add else 403)
        if not may_add:
            assert browser.post(f"{ADD}post/", FORM).status_code == 403
    assert ApiKey.objects.count() == 1


def test_a_service_s_key_is_replaced_after_a_preview_and_the_new_one_shown_once(
    browser_of_stella: Client, stella: User, now: datetime
) -> None:
    old = service_key(stella, now=now)
    url, page_of_old = f"{URL}{old.key.pk}/replace/", f"{URL}{old.key.pk}/change/"
    assert url in browser_of_stella.get(page_of_old).content.decode()
    preview = look(browser_of_stella, url, overlap="24", lasts="365", reason="It is a year old.")
    assert "Works for another day" in preview
    assert ApiKey.objects.count() == 1, "looking makes nothing"

    shown = browser_of_stella.post(f"{url}post/", hidden(preview)).content.decode()
    new = authenticated(token_in(shown), now=now).key
    old.key.refresh_from_db()
    assert (old.key.replaced_by, new.name, new.created_by, new.source) == (new, old.key.name, stella, old.key.source)
    assert (old.key.expires_at is None, new.expires_at is None) == (False, False)
    assert acts_on_record() == [f"Replaced by {new}; this one: works for another day. It is a year old."]

    again = browser_of_stella.post(f"{url}post/", hidden(preview), follow=True).content.decode()
    assert (token_in(again), "It was done before." in again) == ("", True)
    assert (ApiKey.objects.count(), StaffAct.objects.count()) == (2, 1)
    assert url not in browser_of_stella.get(page_of_old).content.decode()
    refused = browser_of_stella.get(url, follow=True).content.decode()
    assert "replaced already" in refused
    assert token_in(shown)[-38:] not in StaffAct.objects.get().outcome


def test_a_customer_s_key_is_nobody_else_s_to_replace(browser_of_stella: Client, alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    url = f"{URL}{key_of(alice, now=now).key.pk}/replace/"
    assert browser_of_stella.get(url).status_code == 404
    answers = {"overlap": "24", "lasts": "365", "reason": "Because."}
    assert browser_of_stella.post(f"{url}post/", answers).status_code == 404
    assert ApiKey.objects.count() == 1


def test_any_key_is_revoked_with_a_reason(browser_of_stella: Client, stella: User, alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    keys = [key_of(alice, now=now), key_of(alice, now=now, name="Other"), service_key(stella, now=now)]
    for made in (keys[0], keys[2]):
        url = f"{URL}{made.key.pk}/revoke/"
        assert "opens nothing any more" in do(browser_of_stella, url, reason="Found on a web page.")
        with pytest.raises(InvalidApiKey, match="revoked"):
            authenticated(made.token, now=now)
        assert browser_of_stella.get(url).status_code == 302, "once is enough"
    assert authenticated(keys[1].token, now=now)
    assert acts_on_record() == ["Revoked. Found on a web page."] * 2


def test_a_key_that_its_owner_revoked_meanwhile_stays_so(browser_of_stella: Client, alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    url = f"{URL}{key_of(alice, now=now).key.pk}/revoke/"
    page = look(browser_of_stella, url, reason="Found on a web page.")
    ApiKey.objects.update(revoked_at=now)
    press(browser_of_stella, url, page)
    assert acts_on_record() == []


def test_keys_are_found_by_their_owner_and_services_by_a_filter(
    browser_of_stella: Client, stella: User, alice: User, now: datetime
) -> None:
    go_pro(alice, now=now)
    hers, service = key_of(alice, now=now).key, service_key(stella, now=now).key

    def listed(query: str) -> list[ApiKey]:
        return list(browser_of_stella.get(f"{URL}{query}").context["cl"].result_list)

    assert listed("") == [service, hers]
    assert listed(f"?q={alice.email}") == [hers]
    assert listed("?service=yes") == [service]
    ApiKey.objects.filter(pk=service.pk).update(revoked_at=now)
    assert listed("?open=yes") == [hers]


def test_a_key_is_on_its_owner_s_line_of_time(browser_of_stella: Client, alice: User, now: datetime) -> None:
    go_pro(alice, now=now)
    made = key_of(alice, now=now)
    do(browser_of_stella, f"{URL}{made.key.pk}/revoke/", reason="Found on a web page.")
    line = browser_of_stella.get(f"/admin/billing/wallet/{alice.wallet.pk}/timeline/?kind=other&kind=staff")
    text = " ".join(line.content.decode().split())
    assert "API key made: Reports" in text
    assert "API key revoked: Reports" in text
    assert "Staff: Revoked. Found on a web page." in text
    assert text.count(f"clv_live_{made.key.prefix}_…") == 2
