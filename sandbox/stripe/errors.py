"""What Stripe's API answers instead of an object."""

from typing import Any


class Refused(Exception):
    """A request that Stripe refuses: `status` is the HTTP status, `body()` what it answers."""

    status = 400
    type = "invalid_request_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - Stripe's own word
        saved: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.status = status or self.status
        self.type = type or self.type
        self.saved = saved
        """Whether an idempotency key remembers this answer: a refusal before the work began is not remembered."""

    def body(self) -> dict[str, Any]:
        """Return the error object, without the fields that have nothing to say."""
        fields: dict[str, Any] = {"code": self.code, "message": self.message, "param": self.param, "type": self.type}
        if self.code:
            fields["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        return {name: value for name, value in sorted(fields.items()) if value is not None}


class CardDeclined(Refused):
    """The bank said no. `code` is the error's code, `decline_code` the bank's reason where it gave one."""

    status = 402
    type = "card_error"

    def __init__(self, code: str, decline_code: str | None, message: str) -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.details: dict[str, Any] = {}
        """Further fields of the error, such as the charge and the payment intent."""

    def body(self) -> dict[str, Any]:
        decline = {"decline_code": self.decline_code} if self.decline_code else {}
        return {**super().body(), **decline, **self.details}


class NeedsThreeDSecure(Refused):
    """The bank wants to see the customer first; paying again with `three_d_secure` says what came of it."""

    status = 402
    type = "card_error"

    def __init__(self, message: str = "Your card was declined. This transaction requires authentication.") -> None:
        super().__init__(message, code="authentication_required")


def missing(noun: str, object_id: str, *, param: str = "id", status: int = 404) -> Refused:
    """Return the refusal for an object that isn't there: 404 in an address, 400 in a parameter."""
    return Refused(f"No such {noun}: '{object_id}'", code="resource_missing", param=param, status=status)
