"""What search engines are told, under the site's own name whatever a request calls it."""

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

pytestmark = pytest.mark.django_db

WIDTH, HEIGHT = 1200, 630


def test_the_site_map_lists_public_pages_that_exist(client: Client) -> None:
    answer = client.get("/sitemap.xml", headers={"host": "localhost"})
    assert answer["Content-Type"] == "application/xml"
    found = re.findall("<loc>(.*?)</loc>", answer.content.decode())
    assert found == [f"{settings.SITE_URL}{path}" for path in ("/", "/credits/", "/pricing/", "/docs/api/")]
    for address in found:
        page = client.get(address.removeprefix(settings.SITE_URL))
        assert page.status_code == 200
        assert f'<link rel="canonical" href="{address}">' in page.content.decode()


def test_crawlers_are_kept_from_what_is_somebody_s_own(client: Client) -> None:
    answer = client.get("/robots.txt", headers={"host": "localhost"})
    assert answer["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /settings/", "Disallow: /accounts/", "Disallow: /admin/"} <= set(lines)
    assert f"Sitemap: {settings.SITE_URL}/sitemap.xml" in lines
    assert not any("/pricing" in line or line.endswith("/credits/") for line in lines)


def test_the_social_card_is_a_picture_of_the_right_size() -> None:
    path = finders.find("img/social-card.png")
    with open(path, "rb") as file:
        picture = file.read()
    assert picture.startswith(b"\x89PNG")
    assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == (WIDTH, HEIGHT)
    assert len(picture) <= 100_000
