"""What the authenticator apps of staff would show: development has no phones."""

from dataclasses import dataclass

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Code:
    """The code that somebody would type now, and for how many seconds their app would still show it."""

    user: User
    code: str
    seconds: int


def codes(*, now: float) -> list[Code]:
    """Return the codes of all staff with an app; `now` is in seconds since 1970."""
    period, passed = divmod(int(now), app_settings.TOTP_PERIOD)
    apps = Authenticator.objects.filter(type=Authenticator.Type.TOTP, user__is_staff=True).select_related("user")
    return [
        Code(
            user=app.user,
            code=format_hotp_value(hotp_value(decrypt(app.data["secret"]), period)),
            seconds=app_settings.TOTP_PERIOD - passed,
        )
        for app in apps.order_by("user__email")
    ]
