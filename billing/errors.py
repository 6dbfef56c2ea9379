"""What metering and payments refuse, in words for people and with figures for programs. Amounts are millicredits."""

from billing.units import format_credits


class MeteringError(Exception):
    """Anything metering refuses. Nothing was written when it is raised, except for a warning's notice."""


class UnknownFeature(MeteringError):
    """The catalog has no such feature, or it can't be used this way."""


class InvalidQuantity(MeteringError):
    """A quantity is a positive whole number of base units whose price fits the books."""


class InvalidRequest(MeteringError):
    """A key, source, detail or moment that can't be posted."""


class NoPriceInForce(MeteringError):
    """The feature has no price at this moment: it is refused, never given away."""


class UnknownWallet(MeteringError):
    """There is no such wallet."""


class OwnerHasLeft(MeteringError):
    """Nobody owns this wallet any more, so that nothing in somebody's own words is written into it."""

    def __init__(self) -> None:
        super().__init__("This account was deleted.")


class NoPlan(MeteringError):
    """The wallet has no subscription, so nothing says what it may use."""


class KeyReused(MeteringError):
    """The idempotency key already stands for another request of this wallet."""


class UnknownHold(MeteringError):
    """The wallet has no such hold."""


class HoldClosed(MeteringError):
    """The hold was captured or released already, or can't be extended any further."""


class WalletSuspended(MeteringError):
    """Staff suspended this wallet; open holds still settle, new use is refused (decision 26)."""


class InsufficientCredits(MeteringError):
    """The wallet has less than the work costs (decision 27).

    `needed`, `available` and `shortfall` are in millicredits.
    """

    def __init__(self, *, needed: int, available: int) -> None:
        self.needed = needed
        self.available = available
        self.shortfall = needed - available
        super().__init__(
            f"This needs {format_credits(needed)} credits; {format_credits(available)} are available,"
            f" {format_credits(self.shortfall)} too few."
        )


class NeedsConfirmation(MeteringError):
    """The work costs more than its owner lets it without being asked; confirmed, the same request goes on.

    `cost` and `limit` are in millicredits.
    """

    def __init__(self, *, cost: int, limit: int) -> None:
        self.cost = cost
        self.limit = limit
        super().__init__(
            f"This costs {format_credits(cost)} credits; above {format_credits(limit)} you want to be asked first."
            " It goes on once you confirm it."
        )


class InvalidApiKey(MeteringError):
    """An API key that opens nothing. `why` is malformed, unknown, revoked, expired, or closed with its owner's account.

    The message never has the key in it.
    """

    WORDS = {
        "malformed": "This isn’t an API key of CleverAI’s, or a part of it is missing.",
        "unknown": "There is no such API key.",
        "revoked": "This API key was revoked.",
        "expired": "This API key has expired.",
        "closed": "The account of this API key is closed.",
    }

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(self.WORDS[why])


class ApiAccessPaused(MeteringError):
    """The plan has no API access; keys rest until one that has it."""

    def __init__(self) -> None:
        super().__init__("Your plan has no API access. Your keys rest, and work again with a plan that has it.")


class PaymentError(Exception):
    """Anything about money that can't go on. Nothing was granted or taken when it is raised."""


class NotForSale(PaymentError):
    """The pack or plan isn't sold, or Stripe doesn't know it yet."""


class AlreadySubscribed(PaymentError):
    """The wallet has a plan that is paid for, or a contract: changes go through the Customer Portal or staff."""


class UnexpectedPayment(PaymentError):
    """A payment that we can't make sense of: not our customer, not our price, not USD. A person has to look."""


class StripeUnavailable(PaymentError):
    """Stripe didn't answer in time, or answered that it is busy or broken. Trying again later is safe."""


class StripeRefused(PaymentError):
    """Stripe understood and said no. `code` is Stripe's own word for the reason, or empty."""

    def __init__(self, message: str, *, code: str = "") -> None:
        self.code = code
        super().__init__(message)


class StripeNotFound(StripeRefused):
    """Stripe has no such object, or it was deleted."""


class BadWebhook(PaymentError):
    """A request that doesn't come from our Stripe: forged, too old, from the future, or not an event."""
