"""API keys: everybody's are listed, keys of our own services are made here, and any key can be ended at once."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.deeds import Deed, Doing, Look, Outcome
from billing.admin.forms import ReasonForm, ServiceKeyForm, ServiceKeyReplacementForm
from billing.admin.reading import OfAWallet, Only, moment_column, name_of
from billing.admin.tables import anchor, page_of, show_moment
from billing.errors import InvalidRequest
from billing.forms import ExpiryForm, ReplacementForm
from billing.models import ApiKey
from billing.services import api_keys
from billing.services.api_keys import NewKey
from billing.services.staff_acts import Result

ADD, REVOKE = "billing.add_apikey", "billing.revoke_apikey"
SERVICE = "A service of ours"


class OfServices(Only):
    title = parameter_name = "service"
    label = "Of our own services"
    condition = Q(wallet=None)


class NotRevoked(Only):
    title = parameter_name = "open"
    label = "Not revoked"
    condition = Q(revoked_at=None)


class MakesAKey(Deed):
    """An act that makes a key of one of our own services; it is shown once, to who made it."""

    made: NewKey | None = None


class AddServiceKey(MakesAKey):
    """Make a key for a service that has none, or not this one."""

    act, address, permission, form_class = "service-key", "add", ADD, ServiceKeyForm
    has_a_row = False

    def describe(self) -> Act:
        return Act(
            title="Add a service's key",
            button="Make the key",
            back_url=reverse("admin:billing_apikey_changelist"),
            words="For a service of our own that uses the API in the name of customers: it names the wallet of each"
            " request. Whoever has a key that may spend can spend any customer's credits. It is shown once.",
        )

    def answers(self, form: forms.Form) -> dict[str, Any]:
        answers = form.cleaned_data
        return {"name": answers["name"], "scopes": answers["scopes"], "lasts": answers["lasts"]}

    def look(self, answers: Mapping[str, Any]) -> Look:
        api_keys.require_new_service_name(answers["name"], now=timezone.now())
        label, _ = ExpiryForm.LASTS[answers["lasts"]]
        changes = [
            Change("Name", "–", answers["name"]),
            Change("It may", "–", _words(answers["scopes"])),
            Change("It ends", "–", label),
        ]
        return Look(changes, effect=_words(answers["scopes"]) + answers["lasts"])

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        _, span = ExpiryForm.LASTS[answers["lasts"]]
        self.made = api_keys.create_for_service(
            name=answers["name"],
            scopes=answers["scopes"],
            expires_at=None if span is None else doing.now + span,
            created_by=doing.actor,
            now=doing.now,
        )
        said = f"The key “{self.made.key}” was made. It was shown to who made it, and to nobody else."
        return Outcome(said, logged=f"Made; it may: {_words(answers['scopes'])}. {doing.reason}")

    def logged_on(self) -> ApiKey | None:
        return self.made.key if self.made else None

    def url_after(self) -> str:
        return reverse("admin:billing_apikey_changelist")


class ReplaceServiceKey(MakesAKey):
    """Make a key like one of our services', and let both work until the programs have it."""

    act, address, permission, form_class = "key-replacement", "replace", ADD, ServiceKeyReplacementForm
    row: ApiKey

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return ApiKey.objects.filter(wallet=None).select_related("first")

    def describe(self) -> Act:
        return Act(
            title=f"Replace “{self.row}”",
            button="Make the new key",
            back_url=page_of(self.row),
            words="A new key with the same name may do the same, and what both spend counts as one service's. It is"
            " shown once; both work until the old one ends.",
            row=self.row,
        )

    def pointless(self) -> str:
        try:
            api_keys.require_replaceable(self.row, now=timezone.now())
        except InvalidRequest as refusal:
            return str(refusal)
        return ""

    def answers(self, form: forms.Form) -> dict[str, Any]:
        return {"overlap": form.cleaned_data["overlap"], "lasts": form.cleaned_data["lasts"]}

    def look(self, answers: Mapping[str, Any]) -> Look:
        now = timezone.now()
        api_keys.require_replaceable(self.row, now=now)
        works_on, _ = ReplacementForm.OVERLAPS[answers["overlap"]]
        ends, _ = ExpiryForm.LASTS[answers["lasts"]]
        changes = [
            Change("The old key", self.row.state(now=now).label, works_on),
            Change("The new key ends", "–", ends),
        ]
        return Look(changes, effect=f"{self.row.pk} {self.row.expires_at} {works_on} {ends}")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        works_on, overlap = ReplacementForm.OVERLAPS[answers["overlap"]]
        _, span = ExpiryForm.LASTS[answers["lasts"]]
        self.made = api_keys.rotate_for_service(
            key_id=self.row.pk,
            overlap=overlap,
            expires_at=None if span is None else doing.now + span,
            created_by=doing.actor,
            now=doing.now,
        )
        said = f"The key “{self.made.key}” replaces it. It was shown to who made it, and to nobody else."
        return Outcome(said, logged=f"Replaced by {self.made.key}; this one: {works_on.lower()}. {doing.reason}")


class RevokeKey(Deed):
    """End a key at once."""

    act, address, permission, form_class = "key-revocation", "revoke", REVOKE, ReasonForm
    row: ApiKey

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return ApiKey.objects.select_related("wallet__owner")

    def wallet_id(self) -> int | None:
        return self.row.wallet_id

    def describe(self) -> Act:
        return Act(
            title=f"Revoke “{self.row}”",
            button="Revoke it",
            back_url=page_of(self.row),
            words="It opens nothing from that moment on, and can't be brought back. What uses it is refused.",
            row=self.row,
        )

    def pointless(self) -> str:
        return "It is revoked already." if self.row.revoked_at else ""

    def look(self, answers: Mapping[str, Any]) -> Look:
        if self.row.revoked_at:
            raise InvalidRequest("It is revoked already.")
        now = timezone.now()
        return Look([Change("Key", self.row.state(now=now).label, "Revoked")], effect=str(self.row.revoked_at))

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        api_keys.revoke_by_staff(key_id=self.row.pk, now=doing.now)
        return Outcome("It is revoked, and opens nothing any more.", logged=f"Revoked. {doing.reason}")


@admin.register(ApiKey)
class ApiKeyAdmin(WithActs, OfAWallet):
    """All keys, newest first: what each may do and when it was used, never the key."""

    deeds = (AddServiceKey, ReplaceServiceKey, RevokeKey)
    created, expires = moment_column("created_at", "Made"), moment_column("expires_at", "Ends", empty="Never")
    revoked = moment_column("revoked_at", empty="No")
    change_form_template = "admin/billing/change_form.html"
    list_display = ("name", "prefix", "owner", "scope_words", "state_words", "last_used_on", "created")
    list_filter = (OfServices, NotRevoked, "created_at")
    list_select_related: ClassVar[list[str]] = ["wallet__owner"]
    fields = (
        "name", "prefix", "owner", "scope_words", "state_words", "created", "created_by", "last_used_on", "expires",
        "revoked", "successor",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(ADD)

    @admin.display(description="Wallet")
    def owner(self, row: ApiKey) -> str:
        return anchor(name_of(row.wallet), row.wallet) if row.wallet else SERVICE

    @admin.display(description="May")
    def scope_words(self, row: ApiKey) -> str:
        return _words(row.scopes)

    @admin.display(description="State")
    def state_words(self, row: ApiKey) -> str:
        return str(row.state(now=timezone.now()).label)

    @admin.display(description="Replaced by")
    def successor(self, row: ApiKey) -> str:
        return anchor(row.replaced_by, row.replaced_by) if row.replaced_by else "Nothing"

    def _say(self, request: HttpRequest, deed: Deed, result: Result, *, key: str) -> HttpResponse:
        """Show a new key in the answer itself, which nothing keeps; anything else is said as always."""
        if not isinstance(deed, MakesAKey) or deed.made is None or not result.is_new:
            return super()._say(request, deed, result, key=key)
        made = deed.made
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"The key “{made.key.name}”",
            "act": deed.describe(),
            "token": made.token,
            "row": made.key,
            "ends": show_moment(made.key.expires_at) if made.key.expires_at else "",
        }
        request.current_app = self.admin_site.name
        return render(request, "admin/billing/apikey/made.html", context)


def _words(scopes: list[str]) -> str:
    return ", ".join(ApiKey.Scope(scope).label.lower() for scope in scopes)
