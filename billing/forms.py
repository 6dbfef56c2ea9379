"""What people type on the pages of billing."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from billing.errors import InvalidRequest
from billing.models import SupportRequest, Wallet
from billing.selectors.chatbots import Model
from billing.services import api_keys, names
from billing.services.chatbots import checked_name
from billing.services.contracts import LONGEST_COMPANY, LONGEST_MESSAGE, MOST_CREDITS
from billing.services.support import LONGEST_SUBJECT, LONGEST_TEXT
from billing.services.wallets import MOST_OUTPUT_TOKENS
from billing.units import format_credits, parse_credits

#: A comma between thousands; anywhere else it may well be meant as a decimal point.
GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)


def check_characters(text: str) -> None:
    """Refuse what no keyboard types, line ends and tabs apart."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in "\r\n\t" for character in text):
        raise ValidationError("There are characters in it that can't be shown.")


class WholeNumberField(forms.IntegerField):
    """A whole number as people type it, thousands apart by commas or spaces."""

    def to_python(self, value: object) -> int | None:
        return super().to_python("".join(value.replace(",", "").split()) if isinstance(value, str) else value)


class CreditsField(forms.CharField):
    """An amount of credits as people type it, 0 or more: "1,000", "2.5". Cleans to millicredits, or None if empty."""

    def clean(self, value: object) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        if "," in text and not GROUPED.fullmatch(text):
            raise ValidationError("Write thousands as 1,000 and decimals as 2.5.", code="invalid")
        try:
            amount = parse_credits(text)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None
        if amount < 0:
            raise ValidationError("Type 0 or more, or leave it empty.", code="negative")
        return amount


class LimitsForm(forms.Form):
    """What an owner lets go unasked: `max_output_tokens` of an answer, and `confirm_above` in millicredits or None."""

    max_output_tokens = WholeNumberField(
        label="Max tokens per chat message",
        min_value=1,
        max_value=MOST_OUTPUT_TOKENS,
        error_messages={
            "required": f"Type a whole number from 1 to {MOST_OUTPUT_TOKENS:,}.",
            "invalid": f"Type a whole number from 1 to {MOST_OUTPUT_TOKENS:,}.",
            "min_value": "An answer needs 1 token at least.",
            "max_value": f"{MOST_OUTPUT_TOKENS:,} tokens at most.",
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="An answer that would get longer ends there. Your own message is never cut.",
    )
    confirm_above = CreditsField(
        label="Ask me above so many credits",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "Never"}),
        help_text="Whatever would take more at once waits until you confirm it. 0 asks about everything that has a"
        " price; leave it empty to be asked never.",
    )

    @classmethod
    def of(cls, wallet: Wallet) -> "LimitsForm":
        """Return the form with what a wallet is set to."""
        limit = wallet.confirm_above
        return cls(
            initial={
                "max_output_tokens": f"{wallet.max_output_tokens:,}",
                "confirm_above": "" if limit is None else format_credits(limit),
            }
        )


class ContractForm(forms.Form):
    """A wish for an Enterprise contract. `monthly_credits` are whole credits, or None."""

    company = forms.CharField(
        max_length=LONGEST_COMPANY,
        validators=[check_characters],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    monthly_credits = WholeNumberField(
        label="Credits a month",
        required=False,
        min_value=1,
        max_value=MOST_CREDITS,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="Roughly; leave it empty if you don't know yet, or want them unlimited.",
    )
    message = forms.CharField(
        label="What do you need?",
        max_length=LONGEST_MESSAGE,
        validators=[check_characters],
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Features, integrations, number of people: whatever helps us to make an offer.",
    )


class LeavingForm(forms.Form):
    """The address of whoever deletes their account, typed so that nobody does it by mistake."""

    address = forms.CharField(
        label="Your e-mail address",
        max_length=254,
        validators=[check_characters],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text="Type it to show that you mean this account.",
        error_messages={"required": "Type the address that you log in with."},
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_address(self) -> str:
        """Return the address; capitals make no other one."""
        address: str = self.cleaned_data["address"].strip()
        if address.casefold() != self.email.casefold():
            raise ValidationError("That isn’t the address of this account. Nothing was deleted.")
        return address


class ChatbotForm(forms.Form):
    """A chatbot's name and its model, one of `models`. The browser doesn't cut a name: what is too long is told."""

    name = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text="Your usage, your history and your exports call it by this name.",
    )
    model = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a model.", "invalid_choice": "That model isn’t offered. Choose another."},
    )

    def __init__(self, *arguments: Any, models: Sequence[Model], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.models = models
        model = self.fields["model"]
        if isinstance(model, forms.ChoiceField):
            model.choices = [(each.feature.code, each.feature.name) for each in models]

    def clean_name(self) -> str:
        """Refuse a name in the words of the service that keeps it."""
        try:
            return checked_name(self.cleaned_data["name"])
        except InvalidRequest as refusal:
            raise ValidationError(str(refusal)) from None


class ExpiryForm(forms.Form):
    """When an API key ends, counted from now."""

    LASTS = {
        "7": ("In a week", timedelta(days=7)),
        "30": ("In 30 days", timedelta(days=30)),
        "90": ("In 90 days", timedelta(days=90)),
        "365": ("In a year", timedelta(days=365)),
        "never": ("Never, until it is revoked", None),
    }
    lasts = forms.ChoiceField(
        label="Ends", choices=[(value, label) for value, (label, _) in LASTS.items()], initial="90",
        error_messages={"invalid_choice": "Choose one of these."},
    )  # fmt: skip

    def expires_at(self, *, now: datetime) -> datetime | None:
        """Return the moment that was chosen, or None for never."""
        _, span = self.LASTS[self.cleaned_data["lasts"]]
        return None if span is None else now + span


class ReplacementForm(ExpiryForm):
    """How long an API key works on beside the one that replaces it, and when that one ends."""

    OVERLAPS = {
        "0": ("Ends at once", timedelta()),
        "1": ("Works for another hour", timedelta(hours=1)),
        "24": ("Works for another day", timedelta(days=1)),
        "168": ("Works for another week", timedelta(days=7)),
    }
    overlap = forms.ChoiceField(
        label="The old key", choices=[(value, label) for value, (label, _) in OVERLAPS.items()], initial="24",
        help_text="Time to hand the new key to every program that uses the old one.",
        error_messages={"invalid_choice": "Choose one of these."},
    )  # fmt: skip
    field_order = ["overlap", "lasts"]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["lasts"].label = "The new key ends"

    @property
    def overlap_span(self) -> timedelta:
        """For how long both work."""
        return self.OVERLAPS[self.cleaned_data["overlap"]][1]


class ApiKeyForm(ExpiryForm):
    """An API key's name, what it may do, and when it ends."""

    SCOPES = [(scope.value, scope.label) for scope in api_keys.OF_A_PERSON]
    name = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text="What uses it, so that you know which one to revoke: “Nightly report”.",
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=SCOPES,
        initial=[value for value, _ in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the key may do.", "invalid_choice": "A key of yours can’t do that."},
    )
    field_order = ["name", "scopes", "lasts"]

    def clean_name(self) -> str:
        """Refuse a name in the words of the service that keeps it."""
        try:
            return names.checked(self.cleaned_data["name"], of="An API key")
        except InvalidRequest as refusal:
            raise ValidationError(str(refusal)) from None


class LongTextField(forms.CharField):
    """A text of several lines, whose ends count as one character; too long a one is told, not cut by the browser."""

    widget = forms.Textarea

    def __init__(self, *, longest: int, **options: Any) -> None:
        super().__init__(validators=[check_characters, MaxLengthValidator(longest)], **options)

    def to_python(self, value: object) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n")


class SupportForm(forms.Form):
    """A question to our support."""

    subject = forms.CharField(
        validators=[check_characters, MaxLengthValidator(LONGEST_SUBJECT)],
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    topic = forms.ChoiceField(required=False, choices=[("", "Choose, if one fits"), *SupportRequest.Topic.choices])
    message = LongTextField(
        longest=LONGEST_TEXT,
        label="How can we help?",
        widget=forms.Textarea(attrs={"rows": 7, "dir": "auto"}),
        help_text="What you did, what you expected and what happened. Please leave passwords and card numbers out.",
    )
