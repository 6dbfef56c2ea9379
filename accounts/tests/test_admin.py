"""What staff can do with people, and what they cannot."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def stella(db: None) -> User:
    """Staff who may look at people and change them, without being a superuser."""
    stella = User.objects.create_user("stella@example.com", "a long passphrase", is_staff=True)
    rights = Permission.objects.filter(codename__in=["view_user", "change_user", "view_authenticator"])
    stella.user_permissions.set(rights)
    return stella


@pytest.fixture
def browser_of_stella(stella: User) -> Client:
    return staff_browser(stella)


@pytest.fixture
def admin_client(admin_user: User) -> Client:
    """A superuser's browser."""
    return staff_browser(admin_user)


def test_stella_finds_alice_and_switches_her_account_off(browser_of_stella: Client, alice: User) -> None:
    assert "alice@example.com" in browser_of_stella.get("/admin/accounts/user/?q=alice").content.decode()
    browser_of_stella.post(f"/admin/accounts/user/{alice.pk}/change/", {"name": "Alice", "time_zone": "UTC"})
    alice.refresh_from_db()
    assert (alice.is_active, alice.time_zone) == (False, "UTC")


def test_stella_gives_nobody_rights_and_changes_no_address(
    browser_of_stella: Client, alice: User, stella: User
) -> None:
    form = {
        "name": "A",
        "time_zone": "UTC",
        "is_active": "on",
        "is_superuser": "on",
        "is_staff": "on",
        "email": "x@y.org",
    }
    for person in (alice, stella):
        browser_of_stella.post(f"/admin/accounts/user/{person.pk}/change/", form)
        before = person.email
        person.refresh_from_db()
        assert (person.is_superuser, person.email) == (False, before)
    assert not alice.is_staff


def test_stella_does_not_touch_a_superuser(browser_of_stella: Client) -> None:
    olga = User.objects.create_superuser("olga@example.com", "a long passphrase")
    assert browser_of_stella.post(f"/admin/accounts/user/{olga.pk}/change/", {"name": "x"}).status_code == 403
    olga.refresh_from_db()
    assert olga.is_active


def test_nobody_is_added_or_deleted_by_hand(browser_of_stella: Client, alice: User, admin_client: Client) -> None:
    for browser in (browser_of_stella, admin_client):
        assert browser.get("/admin/accounts/user/add/").status_code == 403
        assert browser.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()


def test_secrets_of_second_steps_stay_secret(admin_client: Client, alice: User) -> None:
    key = Authenticator.objects.create(user=alice, type="totp", data={"secret": "VERYSECRET"})
    page = admin_client.get(f"/admin/mfa/authenticator/{key.pk}/change/")
    assert page.status_code == 200
    assert "VERYSECRET" not in page.content.decode()


def test_a_lost_second_step_is_deleted_but_not_a_superuser_s_nor_one_s_own(stella: User, alice: User) -> None:
    stella.user_permissions.add(Permission.objects.get(codename="delete_authenticator"))
    olga = User.objects.create_superuser("olga@example.com", "a long passphrase")
    browser = staff_browser(stella)
    steps = {
        who: Authenticator.objects.create(user=who, type="webauthn", data={"name": "Key"})
        for who in (alice, olga, stella)
    }
    for who, answered in ((olga, 403), (stella, 403), (alice, 302)):
        address = f"/admin/mfa/authenticator/{steps[who].pk}/delete/"
        assert browser.post(address, {"post": "yes"}).status_code == answered
    picked = {"action": "delete_selected", "_selected_action": [step.pk for step in steps.values()], "post": "yes"}
    browser.post("/admin/mfa/authenticator/", picked)
    left = Authenticator.objects.filter(type="webauthn")
    assert {step.user for step in left} == {olga, stella}


def test_the_log_has_no_name_that_somebody_gave_a_passkey(admin_client: Client, alice: User) -> None:
    for name in ("Alice’s phone", "Alice’s blue key"):
        Authenticator.objects.create(user=alice, type="webauthn", data={"name": name})
    keys = [step.pk for step in Authenticator.objects.filter(user=alice)]
    admin_client.post(f"/admin/mfa/authenticator/{keys[0]}/delete/", {"post": "yes"})
    picked = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    admin_client.post("/admin/mfa/authenticator/", picked)
    assert not Authenticator.objects.filter(user=alice).exists()
    assert told_of_steps() == [f"WebAuthn of person {alice.pk}"] * 2


def told_of_steps() -> list[str]:
    lines = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Authenticator))
    return list(lines.values_list("object_repr", flat=True))


def test_no_filter_feels_its_way_along_a_password(admin_client: Client, alice: User) -> None:
    start = alice.password[:12]
    assert admin_client.get("/admin/accounts/user/", {"password__startswith": start}).status_code == 400


def test_nobody_on_staff_gives_an_address_to_a_login(alice: User) -> None:
    root = User.objects.create_superuser("root@example.com", "a long passphrase")
    client = staff_browser(root)
    address = EmailAddress.objects.get(user=alice)
    form = {"user": alice.pk, "email": "root@example.com", "verified": "on", "primary": "on"}
    for page in ("add", f"{address.pk}/change", f"{address.pk}/delete"):
        assert client.post(f"/admin/account/emailaddress/{page}/", form).status_code == 403
    picked = {"action": "make_verified", "_selected_action": [address.pk]}
    client.post("/admin/account/emailaddress/", picked)
    assert list(EmailAddress.objects.values_list("email", flat=True)) == ["alice@example.com"]
    assert "alice@example.com" in client.get("/admin/account/emailaddress/?q=alice").content.decode()
