"""Browsers in which somebody has logged in with their second step, as the staff's pages ask for it."""

import time

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.http import HttpRequest
from django.test import Client

from accounts.models import User


def staff_browser(user: User, **options: object) -> Client:
    """Return a browser in which somebody on staff has just logged in, second step and all."""
    browser = Client(**options)
    browser.force_login(user)
    use_second_step(browser, user)
    return browser


def use_second_step(browser: Client, user: User) -> None:
    """Let whoever has logged in use their authenticator app now; whoever has none gets one."""
    step = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    step = step or TOTP.activate(user, generate_totp_secret()).instance
    request = HttpRequest()
    request.session = browser.session
    record_authentication(request, user, "mfa", id=step.pk, type=step.type)
    request.session.save()


def let_time_pass(browser: Client, *, seconds: float) -> None:
    """Move all that a session says of its second step and its activity into the past."""
    session = browser.session
    for record in session.get("account_authentication_methods", []):
        record["at"] -= seconds
    session["account_authentication_methods"] = session.get("account_authentication_methods", [])
    session["staff_active_at"] = session.get("staff_active_at", time.time()) - seconds
    session.save()
