"""Forms about the person: what they sign up with, and what they can change."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as passkey_forms
from django import forms
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User, validate_time_zone
from accounts.time_zones import time_zone_choices


class PlainWords:
    """Gives allauth's fields our labels and help, and takes away placeholders that repeat the label."""

    fields: dict[str, forms.Field]
    words = {
        "login": ("E-mail address", ""),
        "email": ("E-mail address", ""),
        "password": ("Password", ""),
        "oldpassword": ("Current password", ""),
        "password1": ("Password", "At least 10 characters, not only digits, and nothing that is easy to guess."),
        "password2": ("The same password again", ""),
        "code": ("Code", ""),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in self.words:
                field.label, field.help_text = self.words[name]


class LoginForm(PlainWords, allauth_forms.LoginForm):
    """E-mail address and password."""


class SignupForm(PlainWords, allauth_forms.SignupForm):
    """E-mail address, password, and the browser's time zone where there is a script to tell it."""

    account_already_exists: bool
    time_zone = forms.CharField(
        required=False, widget=forms.HiddenInput(attrs={"data-time-zone": "", "autocomplete": "off"})
    )

    def clean_time_zone(self) -> str:
        """Return a zone that we know; a sign-up never fails because of a zone."""
        name: str = self.cleaned_data["time_zone"]
        try:
            validate_time_zone(name)
        except ValidationError:
            return "UTC"
        return name

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponseBase | None]:
        """Save the person and everything that belongs to a new person, or nothing.

        Two sign-ups with one address at the same moment both pass the check; the database lets one in, and the other
        is answered as if it had come later. A taken address costs as much work as a new one, so that the time of the
        answer doesn't tell which it is.
        """
        if not self.account_already_exists:
            try:
                with transaction.atomic():
                    user, response = super().try_save(request)
            except IntegrityError:
                if not User.objects.filter(email__iexact=self.cleaned_data["email"]).exists():
                    raise
                self.account_already_exists = True
            else:
                return user, response
        else:
            make_password(self.cleaned_data["password1"])
        user, response = super().try_save(request)
        return user, response


class ResetPasswordForm(PlainWords, allauth_forms.ResetPasswordForm):
    """Where to send the link to."""


class ResetPasswordKeyForm(PlainWords, allauth_forms.ResetPasswordKeyForm):
    """The new password, behind the link."""


class ChangePasswordForm(PlainWords, allauth_forms.ChangePasswordForm):
    """The new password, and the old one as proof."""


class SetPasswordForm(PlainWords, allauth_forms.SetPasswordForm):
    """A first password for somebody who has none."""


class AddEmailForm(PlainWords, allauth_forms.AddEmailForm):
    """A further address."""


class ReauthenticateForm(PlainWords, allauth_forms.ReauthenticateForm):
    """The password once more, before something that needs care."""


class AuthenticateForm(PlainWords, mfa_forms.AuthenticateForm):
    """The second step of a login: a code of the app, or a recovery code."""


class ReauthenticateByCodeForm(PlainWords, mfa_forms.ReauthenticateForm):
    """A code once more, before something that needs care."""


class ActivateTOTPForm(PlainWords, totp_forms.ActivateTOTPForm):
    """The first code of a new authenticator app."""


class CredentialField(forms.JSONField):
    """What a browser says of a passkey, as JSON; numbers and nests that no parser takes are no JSON either."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except (ValueError, RecursionError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": ""}) from None


def _credential() -> CredentialField:
    return CredentialField(widget=forms.HiddenInput)


class AddPasskeyForm(PlainWords, passkey_forms.AddWebAuthnForm):
    """A new passkey."""

    credential = _credential()


class AuthenticateByPasskeyForm(PlainWords, passkey_forms.AuthenticateWebAuthnForm):
    """The second step of a login: a passkey."""

    credential = _credential()


class LoginByPasskeyForm(PlainWords, passkey_forms.LoginWebAuthnForm):
    """A passkey instead of a password."""

    credential = _credential()


class ReauthenticateByPasskeyForm(PlainWords, passkey_forms.ReauthenticateWebAuthnForm):
    """A passkey once more, before something that needs care."""

    credential = _credential()


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Name and time zone."""

    class Meta:
        model = User
        fields = ["name", "time_zone"]
        labels = {"name": "Name", "time_zone": "Time zone"}
        help_texts = {
            "name": "How we greet you. You can leave it empty.",
            "time_zone": "Decides when your day begins on every page. A change counts from the next charge on.",
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].widget = forms.Select(choices=self._zones())

    def _zones(self) -> list[Any]:
        current = self.instance.time_zone
        offered = {name for _, places in time_zone_choices() for name, _ in places}
        return [*time_zone_choices(), *([] if current in offered else [(current, current)])]
