"""The card form: what was typed, what is wrong with it in Stripe's words, and the cards to test with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

TEST_CARDS = (
    ("4242424242424242", "Pays"),
    ("4000002500003155", "Asks for 3-D Secure"),
    ("4000000000000341", "Pays now, fails on renewal"),
    ("4000000000009995", "Declined: insufficient funds"),
    ("4000000000000002", "Declined"),
)
EXAMPLE = {"expiry": "12 / 34", "cvc": "123", "name": "Test Customer"}
LONGEST = 200
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
EXPIRY = re.compile(r"(0?[1-9]|1[0-2])\s*/?\s*(?:20)?(\d\d)")


@dataclass(slots=True)
class CardForm:
    """What somebody typed about a card. `email` is None where the page doesn't ask for it."""

    number: str = ""
    expiry: str = ""
    cvc: str = ""
    name: str = ""
    email: str | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, card: str | None = None, *, asks_email: bool = False) -> "CardForm":
        """Return the form to begin with; a known test card fills it in."""
        form = cls(email="" if asks_email else None)
        if card in dict(TEST_CARDS):
            form.number, form.expiry, form.cvc, form.name = grouped(card), *EXAMPLE.values()
        return form

    @classmethod
    def read(cls, sent: Mapping[str, str], *, asks_email: bool = False) -> "CardForm":
        """Return what was sent, unchecked."""
        words = {name: sent.get(name, "").strip()[:LONGEST] for name in ("number", "expiry", "cvc", "name", "email")}
        return cls(
            number=words["number"],
            expiry=words["expiry"],
            cvc=words["cvc"],
            name=words["name"],
            email=words["email"] if asks_email else None,
        )

    @property
    def digits(self) -> str:
        """The card's number without blanks and dashes."""
        return re.sub(r"[\s-]", "", self.number)

    @property
    def month_and_year(self) -> tuple[int, int] | None:
        """The month and the four-digit year until whose end the card is good, or None if that can't be read."""
        match = EXPIRY.fullmatch(self.expiry)
        return (int(match[1]), 2000 + int(match[2])) if match else None

    def check(self, *, now: int) -> bool:
        """Fill `errors`, keyed by field; return whether the card can be tried at `now` (seconds since 1970)."""
        self.errors = {
            name: complaint
            for name, complaint in (
                ("email", self._email_error()),
                ("number", self._number_error()),
                ("expiry", self._expiry_error(now)),
                ("cvc", "" if re.fullmatch(r"\d{3,4}", self.cvc) else "Your card’s security code is incomplete."),
                ("name", "" if self.name else "Required"),
            )
            if complaint
        }
        return not self.errors

    def _email_error(self) -> str:
        if self.email is None or EMAIL.fullmatch(self.email):
            return ""
        return "Your email is invalid." if self.email else "Required"

    def _number_error(self) -> str:
        if not self.digits.isascii() or not self.digits.isdigit() or len(self.digits) > 19:
            return "Your card number is invalid." if self.digits else "Your card number is incomplete."
        if len(self.digits) < 14:
            return "Your card number is incomplete."
        return "" if passes_luhn(self.digits) else "Your card number is invalid."

    def _expiry_error(self, now: int) -> str:
        if self.month_and_year is None:
            return "Your card’s expiration date is incomplete."
        month, year = self.month_and_year
        today = datetime.fromtimestamp(now, UTC)
        if year < today.year:
            return "Your card’s expiration year is in the past."
        return "Your card’s expiration date is in the past." if (year, month) < (today.year, today.month) else ""


def grouped(number: str) -> str:
    """Write a card's number in groups of four."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def passes_luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of those before it."""
    doubled = (int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
