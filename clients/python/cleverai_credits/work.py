"""Work whose cost isn't known until it is done."""

from collections.abc import Mapping
from typing import Any

from cleverai_credits.answers import Charged, Hold


class Work:
    """Work under a hold: `quantity` may be used; say with `used()` what was. `answer` is there once it is paid."""

    def __init__(self, hold: Hold) -> None:
        self.hold = hold
        self.answer: Charged | None = None
        self.detail: Mapping[str, Any] | None = None
        self._used: int | None = None

    @property
    def quantity(self) -> int:
        """How many base units may be used."""
        return self.hold.quantity

    def used(self, quantity: int, *, detail: Mapping[str, Any] | None = None) -> None:
        """Say how many base units were really used, 1 or more; the last word counts. Raises ValueError."""
        if type(quantity) is not int or quantity < 1:
            raise ValueError(
                "What was used is a whole number from 1. Work that used nothing raises, and costs nothing."
            )
        self._used, self.detail = quantity, detail

    def quantity_used(self) -> int:
        """Return what was used. Raises ValueError when nobody said."""
        if self._used is None:
            raise ValueError("Say with used() what the work took. Nothing was charged for it.")
        return self._used
