"""Reading numbers from addresses that anybody may have typed."""

from billing.units import LARGEST_AMOUNT


def whole_number(text: str) -> int | None:
    """Return the number of at least 1 that `text` is, or None for anything that the books can't contain."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST_AMOUNT)):
        return None
    number = int(text)
    return number if 1 <= number <= LARGEST_AMOUNT else None
