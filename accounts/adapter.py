"""Where allauth asks how we do things."""

import logging
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.core import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.errors import MailNotSent
from accounts.models import User

logger = logging.getLogger(__name__)

BUTTONS = {
    "activate_url": "Confirm my address",
    "password_reset_url": "Choose a new password",
    "signup_url": "Sign up",
}


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up, login and their mails, in our words."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "That e-mail address and password don't belong together.",
        "incorrect_password": "That isn't your current password.",
        "enter_current_password": "Type your current password.",
        "too_many_login_attempts": "Too many attempts. Wait a few minutes, then try again.",
        "duplicate_email": "You have added this address before.",
        "email_taken": "This address can't be added.",
        "rate_limited": "Too many requests. Wait a few minutes, then try again.",
    }

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Save a new person with the time zone that the sign-up form found."""
        user.time_zone = form.cleaned_data.get("time_zone") or "UTC"
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def is_safe_url(self, url: str | None) -> bool:
        """Return whether an address is one of ours; one that can't be read isn't."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail that somebody waits for, or raise MailNotSent."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # SMTPException is one
            # Else the next attempt would count as one too many, and send nothing without a word.
            ratelimit.clear(allauth_context.request, action="confirm_email", key=email.lower())
            raise MailNotSent(f"The mail server didn't take “{template_prefix}”.") from error

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell somebody what has happened to their login; it has happened, whether the mail leaves or not."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except MailNotSent as error:
            logger.error("A notification was lost (%s).", type(error.__cause__).__name__)

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """Return the mail with two bodies: the text as its template says it, and the same text laid out as HTML."""
        request = allauth_context.request
        context = {**context, "site_name": "CleverAI"}
        subject = render_to_string(f"{template_prefix}_subject.txt", context).strip()
        text = render_to_string(f"{template_prefix}_message.txt", context, request).strip()
        button = next(((context[key], label) for key, label in BUTTONS.items() if context.get(key)), (None, None))
        paragraphs = [paragraph.strip() for paragraph in text.split("\n\n")]
        page = render_to_string(
            "mail/layout.html",
            {
                "site_name": "CleverAI",
                "subject": subject,
                "paragraphs": [paragraph for paragraph in paragraphs if paragraph],
                "button_url": button[0],
                "button_label": button[1],
            },
        )
        addresses = [email] if isinstance(email, str) else email
        message = EmailMultiAlternatives(subject, text + "\n", self.get_from_email(), addresses, headers=headers)
        message.attach_alternative(page, "text/html")
        return message


class MFAAdapter(DefaultMFAAdapter):
    """Two-step verification."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "add_email_blocked": "Switch two-step verification off before you add an e-mail address.",
        "cannot_delete_authenticator": "This second step can't be switched off.",
        "cannot_generate_recovery_codes": "Recovery codes need a second step: set one up first.",
        "incorrect_code": "That code isn't right. Type the one that is shown now.",
        "unverified_email": "Confirm all your e-mail addresses first, or remove those that aren't yours.",
    }

    def build_totp_svg(self, url: str) -> SafeString:
        """Return the QR code of `url` as SVG markup for the page itself: a data: image would need a weaker CSP."""
        code = qrcode.QRCode(border=0)
        code.add_data(url)
        rows = code.get_matrix()
        squares = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
        return format_html(
            '<svg class="qr" viewBox="0 0 {size} {size}" role="img" shape-rendering="crispEdges"'
            ' aria-label="QR code for your authenticator app"><path d="{squares}" fill="#000"/></svg>',
            size=len(rows),
            squares=squares,
        )
