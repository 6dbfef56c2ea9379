"""What holds for every page: who may see it, what caches may keep, what a browser may load."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import use_second_step

pytestmark = pytest.mark.django_db


def test_the_start_page_knows_visitors_from_alice(client: Client, browser_of_alice: Client) -> None:
    assert "Know where every credit goes." in client.get("/").content.decode()
    assert "Hello, Alice" in browser_of_alice.get("/").content.decode()


def test_no_cache_keeps_a_page_of_alice(browser_of_alice: Client) -> None:
    for address in ("/", "/settings/profile/", "/accounts/2fa/", "/nothing/here/"):
        answer = browser_of_alice.get(address)
        assert answer["Cache-Control"] == "no-store", address
        assert "HX-Request" in answer["Vary"], address


def test_a_page_allows_the_browser_only_our_own_files(client: Client) -> None:
    policy = client.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_fragment_never_becomes_a_login_page(client: Client) -> None:
    answer = client.get("/settings/profile/", headers={"hx-request": "true"})
    assert (answer.status_code, answer["HX-Trigger"], answer.content) == (204, "signed-out", b"")


def test_staff_log_in_through_the_same_door(client: Client, browser_of_alice: Client, alice: User) -> None:
    assert client.get("/admin/login/")["Location"] == "/accounts/login/?next=/admin/"
    answer = client.get("/admin/auth/group/", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/login/?next=/admin/auth/group/"
    assert browser_of_alice.get("/admin/login/").status_code == 403

    alice.is_staff = True
    alice.save()
    assert "A second step first" in browser_of_alice.get("/admin/login/").content.decode()
    use_second_step(browser_of_alice, alice)
    assert browser_of_alice.get("/admin/login/")["Location"] == "/admin/"
    assert browser_of_alice.get("/admin/").status_code == 200
