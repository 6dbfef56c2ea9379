"""How an amount compares with an earlier one, in words: "+12 %", "−0.4 %", "new", "gone", "same"."""

from dataclasses import dataclass

TENTHS_TO = 100
PERMILLE = 1_000


@dataclass(frozen=True, slots=True)
class Change:
    """From `before` to `now`, both at least 0. What wasn't there before is new, what isn't there any more is gone."""

    now: int
    before: int
    is_new: bool = False
    is_gone: bool = False

    @property
    def word(self) -> str:
        """What it is: new, gone, same, more or less."""
        if self.is_new or self.is_gone:
            return "new" if self.is_new else "gone"
        return "same" if self.now == self.before else "more" if self.now > self.before else "less"

    @property
    def difference(self) -> int:
        """How much more or less it is, without a sign."""
        return abs(self.now - self.before)

    @property
    def text(self) -> str:
        """What a page says; there is no percentage of nothing."""
        if self.word in ("new", "gone", "same"):
            return self.word
        if not self.before:
            return "was free"
        permille = (self.difference * PERMILLE * 2 + self.before) // (self.before * 2)
        if not permille:
            return "about the same"
        whole, tenth = divmod(permille, 10)
        amount = f"{whole}.{tenth}" if permille < TENTHS_TO else f"{(permille + 5) // 10:,}"
        return f"{'+' if self.now > self.before else '−'}{amount} %"
