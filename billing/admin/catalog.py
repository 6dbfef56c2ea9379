"""The catalog: what is sold and what it costs. Prices, plans' prices and packs are added, never edited (decision 6)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from billing.admin import simulator
from billing.admin.act_pages import WithActs
from billing.admin.acts import Act, Change
from billing.admin.deeds import Deed, Doing, Look, Outcome
from billing.admin.forms import CreditsField, PriceForm, ReasonForm
from billing.admin.reading import WithTables, credits_column, moment_column
from billing.admin.tables import ROWS, Table, link, moment, page_of, show_moment
from billing.admin.wording import dollars, price_words, quantity_words
from billing.errors import InvalidRequest, NoPriceInForce
from billing.models import Feature, FeaturePrice, Pack, Plan
from billing.selectors import catalog
from billing.services import prices
from billing.units import cost_of, format_credits

EXAMPLES = (1, 10, 1_000, 100_000)


class CatalogRow(WithTables):
    """A row of the catalog: some columns are fixed once it is added, and it is never deleted."""

    fixed: Sequence[str] = ("code",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(self.fixed if obj else ())]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Feature)
class FeatureAdmin(CatalogRow):
    """What can be used, with all its prices."""

    fixed = ("code", "unit", "pricing")
    list_display = ("name", "code", "group", "price_now", "position")
    fields = ("code", "name", "group", "unit", "pricing", "position")

    @admin.display(description="Price now")
    def price_now(self, feature: Feature) -> str:
        if feature.pricing != Feature.Pricing.OWN:
            return feature.get_pricing_display().capitalize()
        try:
            return price_words(catalog.fresh().price_of(feature.pk, timezone.now()))
        except NoPriceInForce:
            return "None, so it can't be used"

    def tables(self, row: Feature) -> Sequence[Table]:
        dated = row.prices.order_by("-starts_at")[:ROWS]
        return [
            Table(
                title="Prices, newest first",
                columns=["Price", "From"],
                rows=[[link(price_words(price), price), moment(price.starts_at)] for price in dated],
                empty="No price yet: until it has one it can't be used.",
                all_url=f"{reverse('admin:billing_featureprice_add')}?feature={row.pk}",
                all_label="Add a price",
            )
        ]


class AddPrice(Deed):
    """A further price of a feature. The same one twice is one."""

    act, address, permission, form_class = "price", "add", "billing.add_featureprice", PriceForm
    has_a_row, prefilled = False, ("feature",)
    price: FeaturePrice | None = None

    def describe(self) -> Act:
        return Act(
            title="Add a price",
            button="Add the price",
            back_url=self.url_after(),
            words="A price is never edited or deleted: what was charged keeps the price it was made at.",
        )

    def answers(self, form: forms.Form) -> dict[str, Any]:
        answers = form.cleaned_data
        return {
            "feature": answers["feature"].pk,
            "millicredits": answers["amount"],
            "per": answers["per"],
            "starts_at": answers["starts_at"].isoformat(),
        }

    def look(self, answers: Mapping[str, Any]) -> Look:
        terms, now = _terms(answers), timezone.now()
        prices.check(**terms, now=now)
        new = FeaturePrice(**terms)
        before = _in_force(new)
        effect = str(before.pk if before else None)
        return Look(_changes(before, new), effect=effect, tables=lambda: simulator.tables(new, now=now))

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        self.price, _ = prices.add(**_terms(answers), now=doing.now)
        start = show_moment(self.price.starts_at)
        said = f"{self.price.feature}: {price_words(self.price)} from {start}."
        return Outcome(said, logged=f"Added: {doing.reason}")

    def logged_on(self) -> FeaturePrice | None:
        return self.price

    def url_after(self) -> str:
        return reverse("admin:billing_featureprice_changelist")


class WithdrawPrice(Deed):
    """Take back a price that hasn't started."""

    act, address, permission, form_class = "price-withdrawal", "withdraw", "billing.add_featureprice", ReasonForm
    disappears = True
    row: FeaturePrice

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        return FeaturePrice.objects.select_related("feature")

    def describe(self) -> Act:
        start = show_moment(self.row.starts_at)
        return Act(
            title=f"Withdraw a price of {self.row.feature}",
            button="Withdraw the price",
            back_url=page_of(self.row),
            words=f"{price_words(self.row)}, from {start}. Customers have seen it announced; it just won’t come.",
            row=self.row,
        )

    def pointless(self) -> str:
        try:
            prices.require_not_started(self.row, now=timezone.now())
        except InvalidRequest as error:
            return str(error)
        return ""

    def look(self, answers: Mapping[str, Any]) -> Look:
        prices.require_not_started(self.row, now=timezone.now())
        before = FeaturePrice.objects.filter(feature=self.row.feature, starts_at__lt=self.row.starts_at).first()
        start = show_moment(self.row.starts_at)
        changes = [Change(f"Price from {start}", price_words(self.row), price_words(before) if before else "None")]
        return Look(changes, effect=f"withdraws, after {before.pk if before else None}")

    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        prices.withdraw(price_id=self.row.pk, now=doing.now)
        gone = f"{price_words(self.row)} from {show_moment(self.row.starts_at)}"
        return Outcome(said=f"Withdrawn: {gone}.", logged=f"Price withdrawn: {gone}. {doing.reason}")

    def logged_on(self) -> Feature:
        return self.row.feature

    def url_after(self) -> str:
        return reverse("admin:billing_featureprice_changelist")


@admin.register(FeaturePrice)
class FeaturePriceAdmin(WithActs):
    """Dated prices. A new one is added with a start that lies ahead; after a look at what it means."""

    deeds = (AddPrice, WithdrawPrice)
    change_form_template = "admin/billing/featureprice/change_form.html"

    credits_amount = credits_column("millicredits", "Credits")
    starts = moment_column("starts_at")
    list_display = ("feature", "in_words", "starts")
    list_filter = ("feature", "starts_at")
    list_select_related = ("feature",)
    fields = ("feature", "in_words", "credits_amount", "per", "starts")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("billing.add_featureprice")

    def page_context(self, request: HttpRequest, row: FeaturePrice) -> dict[str, Any]:
        """Return whether it has started: until then it can be withdrawn."""
        return {**super().page_context(request, row), "has_started": row.starts_at <= timezone.now()}

    @admin.display(description="Price")
    def in_words(self, price: FeaturePrice) -> str:
        return price_words(price)


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    allowance = CreditsField(required=False, help_text="Credits per cycle, from the next cycle on. Empty: unlimited.")

    def clean_allowance(self) -> int | None:
        """Refuse an allowance below zero."""
        allowance: int | None = self.cleaned_data["allowance"]
        if allowance is not None and allowance < 0:
            raise forms.ValidationError("An allowance is never negative.")
        return allowance


@admin.register(Plan)
class PlanAdmin(CatalogRow):
    """Plans and what they entitle to. A plan's price is what its subscribers agreed to: another price, another plan."""

    form = PlanForm
    fixed = ("code", "price_cents")
    credits_allowance = credits_column("allowance", empty="Unlimited")
    list_display = ("name", "code", "price", "credits_allowance", "chatbot_limit", "support", "is_popular")
    fieldsets = (
        (None, {"fields": ("code", "name", "price_cents", "is_popular", "position")}),
        (
            "What it entitles to",
            {
                "fields": (
                    "allowance", "chatbot_limit", "support", "has_advanced_analytics", "has_api_access",
                    "has_custom_integrations", "has_sla",
                )
            },
        ),
    )  # fmt: skip

    @admin.display(description="Price a month")
    def price(self, plan: Plan) -> str:
        return "By contract" if plan.price_cents is None else dollars(plan.price_cents)


class PackForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    amount = CreditsField(label="Credits")

    def clean_amount(self) -> int:
        """Refuse a pack without credits."""
        amount: int = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError("A pack holds credits.")
        return amount


@admin.register(Pack)
class PackAdmin(CatalogRow):
    """Packs. What somebody bought stays as it was: another amount or price is another pack."""

    form = PackForm
    fixed = ("code", "credits_amount", "price_cents", "added")
    added = moment_column("added_at")
    credits_amount = credits_column("amount", "Credits")
    list_display = ("name", "code", "credits_amount", "price", "is_on_sale", "position")

    def get_fields(self, request: HttpRequest, obj: Pack | None = None) -> list[Any]:
        amount = ["credits_amount"] if obj else ["amount"]
        added = ["added"] if obj else []
        return ["code", "name", *amount, "price_cents", "is_on_sale", "position", *added]

    @admin.display(description="Price")
    def price(self, pack: Pack) -> str:
        return dollars(pack.price_cents)


def _terms(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "feature": Feature.objects.get(pk=answers["feature"]),
        "millicredits": answers["millicredits"],
        "per": answers["per"],
        "starts_at": datetime.fromisoformat(answers["starts_at"]),
    }


def _in_force(new: FeaturePrice) -> FeaturePrice | None:
    """Return the price that a new one follows, if there is one."""
    try:
        return catalog.fresh().price_of(new.feature_id, new.starts_at)
    except NoPriceInForce:
        return None


def _changes(now: FeaturePrice | None, new: FeaturePrice) -> list[Change]:
    """Return what uses of a feature cost now and will cost, each rounded up to a millicredit as a charge is."""
    found = [
        Change("Price", price_words(now) if now else "None", price_words(new)),
        Change("In force from", show_moment(now.starts_at) if now else "–", show_moment(new.starts_at)),
    ]
    for quantity in EXAMPLES:
        before = _cost(quantity, now) if now else "–"
        found.append(Change(f"{quantity_words(quantity, new.feature_id)} cost", before, _cost(quantity, new)))
    return found


def _cost(quantity: int, price: FeaturePrice) -> str:
    return f"{format_credits(cost_of(quantity, millicredits=price.millicredits, per=price.per))} credits"
