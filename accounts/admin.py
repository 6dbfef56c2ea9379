"""People, as staff see them."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import ManyToManyField, QuerySet
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest, HttpResponse

from accounts.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Finds people and switches accounts off. People sign up themselves, and their books outlive a deletion."""

    list_display = ["email", "name", "time_zone", "is_active", "is_staff", "joined_at"]
    list_filter = ["is_active", "is_staff", "joined_at"]
    search_fields = ["email", "name"]
    ordering = ["-joined_at", "-pk"]
    fieldsets = [
        (None, {"fields": ["email", "name", "time_zone", "joined_at", "last_login"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
    ]
    formfield_overrides = {ManyToManyField: {"widget": CheckboxSelectMultiple}}
    for_superusers = ["is_staff", "is_superuser", "groups"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """The address is changed by its owner, who proves it is theirs; rights are given by superusers."""
        fixed = ["email", "joined_at", "last_login"]
        return fixed if request.user.is_superuser else [*fixed, *self.for_superusers]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody but a superuser changes a superuser."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """A filter in the address must not feel its way along a password's hash."""
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(Authenticator)
admin.site.unregister(EmailAddress)
# Its pages show the keys that whoever holds them is signed in with.
admin.site.unregister(UserSession)


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Second steps of people, without their secrets. Deleting one lets a person back in who lost it."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    search_fields = ["user__email"]
    fields = ["user", "type", "created_at", "last_used_at"]
    readonly_fields = ["user", "type", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        """Nobody but a superuser deletes a superuser's; one's own is switched off under Security, with a password."""
        allowed = super().has_delete_permission(request, obj)
        if obj is None or not allowed:
            return allowed
        return obj.user_id != request.user.pk and (request.user.is_superuser or not obj.user.is_superuser)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Say it without the name that its owner gave it: what is said waits in the session of whoever deleted it."""
        return super().response_delete(request, f"number {obj_id}", obj_id)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> list[LogEntry]:
        """Log what it was and whose, by number: a passkey's name is its owner's, and the line outlives both."""
        return [
            LogEntry.objects.create(
                user_id=request.user.pk,  # type: ignore[misc]  # whoever deletes is logged in
                content_type=ContentType.objects.get_for_model(Authenticator),
                object_id=str(step.pk),
                object_repr=f"{step.get_type_display()} of person {step.user_id}",
                action_flag=DELETION,
            )
            for step in queryset
        ]


@admin.register(EmailAddress)
class EmailAddressAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Addresses to look up. Whoever owns one can reset a password through it, so only people themselves change them."""

    list_display = ["email", "user", "primary", "verified"]
    list_filter = ["primary", "verified"]
    list_select_related = ["user"]
    search_fields = ["email", "user__email"]
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
