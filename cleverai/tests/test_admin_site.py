"""What holds for all of the staff's pages."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.second_step import staff_browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser_of_stella() -> Client:
    return staff_browser(User.objects.create_superuser("stella@example.com", "a long passphrase"))


@pytest.mark.parametrize(
    "address",
    [
        "billing/feature/%00/change/",
        "billing/feature/gpt-4o%00/history/",
        "billing/plan/%00/delete/",
        "billing/ledgerentry/?kind__exact=%00",
        "billing/ledgerentry/?kind__exact=charge&kind__exact=a%00b",
        "billing/ledgerentry/?%00=1",
        "billing/ledgerentry/?posted_on__year=0",
        "billing/dailyusage/?used_on__iso_year=-1",
        f"accounts/user/?joined_at__year={2**63}",
        f"accounts/user/?joined_at__year={'9' * 400}",
        "accounts/user/?joined_at__year=²",
        "accounts/user/?joined_at__year__gte=0",
        "accounts/user/?joined_at__year__in=2025,0",
        f"accounts/user/?joined_at__year__range=2000,{10**9}",
        "accounts/user/?joined_at__iso_year__lt=10000",
    ],
)
def test_an_impossible_address_is_refused_in_words(browser_of_stella: Client, address: str) -> None:
    answer = browser_of_stella.get(f"/admin/{address}")
    assert answer.status_code == 400
    assert "Error 400" in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "joined_at__year=2025",
        "joined_at__year__gte=2025",
        "joined_at__year__in=2024,2025",
        "q=%00",
        "is_active__exact=1&q=alice",
        "joined_at__month=13",
        "joined_at__gte=0001-01-01T00:00Z",
        "joined_at__lt=9999-12-31T23:59Z",
        "joined_at__date=0001-01-01",
        "joined_at__date__gte=9999-12-31",
        f"joined_at__month__gte={9**99}",
        "joined_at__gte=9999-12-31T23:59-14:00",
        "joined_at__gte=-1",
        "is_staff__in=,",
        f"id__gte={9**99}",
    ],
)
def test_any_other_question_is_answered(browser_of_stella: Client, query: str) -> None:
    assert browser_of_stella.get(f"/admin/accounts/user/?{query}", follow=True).status_code == 200


@pytest.mark.parametrize("page", ["password_change/", "password_change/done/"])
def test_staff_change_their_password_where_attempts_are_counted(browser_of_stella: Client, page: str) -> None:
    form = {"old_password": "a long passphrase", "new_password1": "x", "new_password2": "x"}
    for answer in (browser_of_stella.get(f"/admin/{page}"), browser_of_stella.post(f"/admin/{page}", form)):
        assert answer["Location"] == "/accounts/password/change/"
