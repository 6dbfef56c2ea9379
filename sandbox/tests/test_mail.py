"""The mails that development keeps, read in the browser by somebody who is not signed in."""

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection, send_mail
from django.test import Client

pytestmark = pytest.mark.django_db
BACKEND = "django_mail_viewer.backends.database.backend.EmailBackend"


def send(subject: str = "Your 100 credits are here", text: str = "Hello Zoë", html: str = "") -> None:
    message = EmailMultiAlternatives(subject, text, "billing@cleverai.example", ["alice@example.com"])
    if html:
        message.attach_alternative(html, "text/html")
    message.connection = get_connection(BACKEND)
    message.send()


def test_it_lists_the_newest_first(client: Client) -> None:
    send("First of all")
    send("Second – with a dash")

    page = client.get("/sandbox/mail/").content.decode()

    assert page.index("Second – with a dash") < page.index("First of all")
    assert "alice@example.com" in page


def test_it_says_so_when_there_is_none(client: Client) -> None:
    assert "No mail yet" in client.get("/sandbox/mail/").content.decode()


def test_a_mail_is_shown_with_its_links_and_never_as_markup(client: Client) -> None:
    send(text="Confirm: http://127.0.0.1:8000/accounts/confirm/abc/\n<script>alert(1)</script>")

    page = client.get(_first_mail(client)).content.decode()

    assert '<a href="http://127.0.0.1:8000/accounts/confirm/abc/"' in page
    assert "<script>alert" not in page


def test_html_is_served_apart_under_a_policy_that_runs_nothing(client: Client) -> None:
    send(html='<p style="color: teal">Hello <b>Zoë</b></p>')
    address = _first_mail(client)

    assert f'src="{address}html/"' in client.get(address).content.decode()
    answer = client.get(f"{address}html/")
    assert "<b>Zoë</b>" in answer.content.decode()
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy


def test_a_mail_without_html_has_no_frame(client: Client) -> None:
    send()
    address = _first_mail(client)

    assert "<iframe" not in client.get(address).content.decode()
    assert client.get(f"{address}html/").status_code == 404


def test_a_long_line_is_read_as_it_was_written(client: Client) -> None:
    """Lines above 998 characters travel as quoted-printable."""
    text = "Grüße = " + "a" * 1_200
    send_mail("Long", text, None, ["alice@example.com"], connection=get_connection(BACKEND))

    assert text in client.get(_first_mail(client)).content.decode()


def _first_mail(client: Client) -> str:
    page = client.get("/sandbox/mail/")
    return f"/sandbox/mail/{page.context['mails'][0].pk}/"
