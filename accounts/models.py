"""The person behind a login."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.time_zones import known_time_zones


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone that this machine knows."""
    if name not in known_time_zones():
        raise ValidationError("“%(name)s” is not a time zone we know.", params={"name": name})


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address, the only login name there is."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new saved user; without a password the account can only be entered through a reset link."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Return a new saved user who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A person: the e-mail address is the login, the time zone decides what "today" means to them."""

    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=120, blank=True, validators=[MaxLengthValidator(120)])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May enter the admin.")
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_user_per_email_address"),
            models.CheckConstraint(condition=~Q(time_zone=""), name="user_has_a_time_zone"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]
