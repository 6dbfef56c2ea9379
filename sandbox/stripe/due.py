"""Which objects wait for a moment, and for which."""

from typing import Any

RENEWING = ("active", "past_due", "unpaid")


def due_at(item: dict[str, Any]) -> int | None:
    """Return the moment at which time alone changes an object, in seconds since 1970, or None."""
    moment: int | None = None
    match item["object"], item.get("status"):
        case "checkout.session", "open":
            moment = item["expires_at"]
        case "invoice", "draft":
            moment = item["automatically_finalizes_at"]
        case "invoice", "open":
            moment = item["next_payment_attempt"]
        case "refund", "pending" | "succeeded":
            moment = item.get("_settles_at")
        case "subscription", status if status in RENEWING:
            moment = item["items"]["data"][0]["current_period_end"]
            if item["cancel_at"] is not None:
                moment = min(item["cancel_at"], moment)
    return moment
