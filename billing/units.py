"""Credits as integers: one credit is 1,000 millicredits, everywhere and always (decision 1)."""

import re

CREDIT = 1_000
LARGEST_AMOUNT = 2**63 - 1

PLAIN_NUMBER = re.compile(r"([-−+]?)(\d+)(?:\.(\d*))?", re.ASCII)


def cost_of(quantity: int, *, millicredits: int, per: int) -> int:
    """Return the price in millicredits of `quantity` base units at `millicredits` for every `per` of them.

    A price that does not divide rounds up to one millicredit, once per charge (decision 1). This is the only place
    where a quantity becomes an amount.
    """
    return -(-quantity * millicredits // per)


def affordable(available: int, *, millicredits: int, per: int) -> int:
    """Return the largest quantity in base units whose `cost_of` is at most `available` millicredits.

    Raises ZeroDivisionError for a price of zero, at which any quantity is affordable.
    """
    return max(available, 0) * per // millicredits


def format_credits(millicredits: int) -> str:
    """Return an amount as people read it: 12265 → "12.265", 5000000 → "5,000", -500 → "−0.5"."""
    whole, rest = divmod(abs(millicredits), CREDIT)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{'−' if millicredits < 0 else ''}{whole:,}{fraction}"


def plain_credits(millicredits: int) -> str:
    """Return an amount as programs read it, exact and without separators: -12265 → "-12.265", 5000000 → "5000"."""
    whole, rest = divmod(abs(millicredits), CREDIT)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{'-' if millicredits < 0 else ''}{whole}{fraction}"


def parse_credits(text: str) -> int:
    """Return the millicredits that a decimal number of credits stands for: "12.265" → 12265.

    Raises ValueError when it is not a plain number, is finer than a millicredit or doesn't fit the books.
    """
    number = PLAIN_NUMBER.fullmatch(text.strip().replace(",", ""))
    if number is None:
        raise ValueError(f"“{text:.40}” is not a number of credits.")
    sign, whole, fraction = number[1], number[2], (number[3] or "").rstrip("0")
    if len(fraction) > 3:
        raise ValueError("Credits have at most three decimals.")
    if len(whole) > 30 or (amount := int(whole) * CREDIT + int(fraction.ljust(3, "0"))) > LARGEST_AMOUNT:
        raise ValueError("That is more credits than the books can hold.")
    return -amount if sign in ("-", "−") else amount
