"""The forms of the staff's acts."""

import re
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from billing.errors import InvalidRequest
from billing.forms import ExpiryForm, LongTextField, ReplacementForm
from billing.models import Feature
from billing.services import api_keys, names
from billing.services.grants import LARGEST_GRANT
from billing.services.support import LONGEST_TEXT
from billing.units import format_credits, parse_credits

#: The longest reason that is one sentence on a page.
SHORT_REASON = 200
HEAD_START = timedelta(minutes=10)
FIRST_YEAR, LAST_YEAR = 2000, 2100
IN_THE_LOG = "in the staff's log (about a customer, until they leave)"


class CreditsField(forms.Field):
    """Credits as people type them, as millicredits: "12.265" → 12265. None where it may be empty and is."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 40})

    def prepare_value(self, value: object) -> object:
        return format_credits(value).replace("−", "-") if isinstance(value, int) else value

    def to_python(self, value: object) -> int | None:
        """Return millicredits; raises ValidationError in the words of `parse_credits`."""
        text = str(value or "").strip()
        if not text:
            return None
        try:
            return parse_credits(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class DollarsField(forms.Field):
    """Dollars as people type them, as cents: "$10.50" → 1050."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 20})
    plain = re.compile(r"\$?\s*(\d{1,7})(?:\.(\d{1,2}))?", re.ASCII)

    def prepare_value(self, value: object) -> object:
        return f"{value // 100}.{value % 100:02d}" if isinstance(value, int) else value

    def to_python(self, value: object) -> int | None:
        """Return cents; raises ValidationError for anything but a plain amount of at least one cent."""
        text = str(value or "").strip().replace(",", "")
        if not text:
            return None
        amount = self.plain.fullmatch(text)
        if amount is None:
            raise ValidationError("Write dollars and cents, like 10.50.")
        cents = int(amount[1]) * 100 + int((amount[2] or "").ljust(2, "0"))
        if cents == 0:
            raise ValidationError("A refund returns something.")
        return cents


class ReasonField(forms.CharField):
    """Why something is done; `help_text` says who reads it and for how long it stays."""

    def __init__(self, help_text: str, *, max_length: int = 500) -> None:
        rows = 3 if max_length > SHORT_REASON else 2
        super().__init__(max_length=max_length, help_text=help_text, widget=forms.Textarea(attrs={"rows": rows}))


class MomentInput(forms.DateTimeInput):
    """The browser's own field for a date and a time, in the reader's zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")


class MomentField(forms.DateTimeField):
    """A moment in the reader's zone, within what people can mean: `FIRST_YEAR` to `LAST_YEAR`."""

    widget = MomentInput

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment; raises ValidationError for one of another age, which the books couldn't be read with."""
        moment = super().to_python(value)
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValidationError(f"Choose a moment from {FIRST_YEAR} to {LAST_YEAR}.")
        return moment


class AdjustmentForm(forms.Form):
    """How many credits to give or take, and why."""

    amount = CreditsField(label="Credits", help_text="25 gives 25 credits, -25 takes them. Up to three decimals.")
    expires_at = MomentField(
        label="Expires",
        required=False,
        help_text="Only for credits that are given, in your time zone. Empty: they never expire.",
    )
    reason = ReasonField("For colleagues. It can be erased later; the entry can't.")

    def clean_amount(self) -> int:
        """Refuse an adjustment by nothing."""
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise ValidationError("An adjustment changes something.")
        if abs(amount) > LARGEST_GRANT:
            raise ValidationError("An adjustment gives or takes at most a trillion credits.")
        return amount

    def clean_expires_at(self) -> datetime | None:
        """Refuse an expiry in the past."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and expires_at <= timezone.now():
            raise ValidationError("That moment has passed.")
        return expires_at

    def clean(self) -> dict[str, Any]:
        """Refuse an expiry of credits that are taken."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("expires_at") and (cleaned.get("amount") or 0) < 0:
            self.add_error("expires_at", "Only credits that are given can expire.")
        return cleaned


class UUIDForm(forms.Form):
    """The number that a form carries, so that a second click is known as one."""

    key = forms.UUIDField()


class KeyForm(UUIDForm):
    """What a preview's button sends besides the answers: a number of its own, and what the act would do."""

    seen = forms.CharField(max_length=500)


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = ReasonField(f"For colleagues, {IN_THE_LOG}.")


class ServiceKeyForm(ExpiryForm, ReasonForm):
    """A key of one of our own services, and why there is one."""

    name = forms.CharField(help_text="Which service uses it.", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope.value, scope.label) for scope in api_keys.OF_A_SERVICE],
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ["name", "scopes", "lasts", "reason"]

    def clean_name(self) -> str:
        """Refuse a name in the words of the service that keeps it."""
        try:
            return names.checked(self.cleaned_data["name"], of="An API key")
        except InvalidRequest as refusal:
            raise ValidationError(str(refusal)) from None


class ServiceKeyReplacementForm(ReplacementForm, ReasonForm):
    """How long a service's key works on beside its successor, when that one ends, and why."""

    field_order = ["overlap", "lasts", "reason"]


class RefusalForm(forms.Form):
    """Why a proposal is declined."""

    reason = ReasonField("For who proposed it. It can be erased later.")


class RefundForm(forms.Form):
    """How much of a purchase goes back, and why."""

    cents = DollarsField(label="Dollars")
    reason = ReasonField("For colleagues; it stays with the refund and isn't sent to Stripe.")


class SuspensionForm(forms.Form):
    """Why a wallet is suspended."""

    reason = ReasonField("The owner is shown this text, and it is in the staff's log.", max_length=SHORT_REASON)


class SeeingAsForm(forms.Form):
    """Why a member of staff wants to see what a customer sees."""

    reason = ReasonField(
        f"For colleagues, {IN_THE_LOG}: the question's number, not people's secrets.",
        max_length=SHORT_REASON,
    )


class NothingAsked(forms.Form):
    """What needs no answer."""


class ContractForm(forms.Form):
    """What a contract gives each month, and why."""

    UNLIMITED, CUSTOM = "unlimited", "custom"

    kind = forms.ChoiceField(
        label="Credits a month",
        choices=[(UNLIMITED, "Unlimited: usage is recorded and burns nothing"), (CUSTOM, "As many as written below")],
        widget=forms.RadioSelect(attrs={"class": "radiolist"}),
    )
    allowance = CreditsField(label="How many", required=False, help_text="For a custom number; from now on.")
    reason = ReasonField(f"For colleagues, {IN_THE_LOG}: the contract's number, not people's secrets.")

    def clean(self) -> dict[str, Any]:
        """Refuse a number of credits that contradicts the kind, or that isn't one."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "allowance" not in cleaned or "kind" not in cleaned:
            return cleaned
        allowance = cleaned["allowance"]
        if cleaned["kind"] == self.UNLIMITED and allowance is not None:
            self.add_error("allowance", "An unlimited contract has no number of credits.")
        if cleaned["kind"] == self.CUSTOM and (allowance is None or not 0 < allowance <= LARGEST_GRANT):
            self.add_error("allowance", "A custom contract gives a number of credits, at most a trillion.")
        return cleaned


class SupportAnswerForm(forms.Form):
    """What staff answer a customer."""

    answer = LongTextField(
        longest=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="The customer reads it as it stands here, between a greeting and our name.",
    )


class ReturnForm(forms.Form):
    """Which charges are returned, why, and for how long the credits last."""

    feature = forms.ModelChoiceField(
        Feature.objects.all(), help_text="For a chat model, messages of chatbots that use it are returned too."
    )
    from_at = MomentField(label="From", help_text="In your time zone.")
    until = MomentField(label="Until", help_text="Just before this moment.")
    expires_at = MomentField(label="Credits expire", required=False, help_text="Empty: they never expire.")
    reason = ReasonField("")
    is_reason_shown = forms.BooleanField(
        label="Customers read the reason", required=False, help_text="Else it is for colleagues alone."
    )


class PriceForm(forms.Form):
    """A further price of a feature."""

    feature = forms.ModelChoiceField(Feature.objects.filter(pricing=Feature.Pricing.OWN))
    amount = CreditsField(label="Credits", help_text="Up to three decimals; 0 is free.")
    per = forms.IntegerField(
        label="For every",
        min_value=1,
        max_value=2**31 - 1,
        help_text="Base units: tokens, images, searches, documents, seconds, sessions.",
    )
    starts_at = MomentField(label="Starts", help_text="In your time zone; not in the past.")
    reason = ReasonField("For colleagues, in the staff's log for good.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["starts_at"].initial = (timezone.now() + HEAD_START).replace(second=0, microsecond=0)

    def clean_amount(self) -> int:
        """Refuse a price below zero."""
        amount: int = self.cleaned_data["amount"]
        if amount < 0:
            raise ValidationError("A price is never negative.")
        return amount

    def clean_starts_at(self) -> datetime:
        """Refuse a start in the past."""
        starts_at: datetime = self.cleaned_data["starts_at"]
        if starts_at < timezone.now():
            raise ValidationError("A price starts now or later: the past keeps its prices.")
        return starts_at
