"""The control page: it moves the clock, refunds, disputes, and makes things fail; and says what came of it."""

import calendar
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sandbox.stripe.errors import Refused
from sandbox.stripe.pages import desk
from sandbox.stripe.pages.frame import blueprint, money, one_of
from sandbox.stripe.serving import engine
from sandbox.stripe.world import Faults

HOUR = 3600
DAY = 86_400
STEPS = {"hour": "+1 hour", "day": "+1 day", "month": "+1 month"}
KEPT = 12
AMOUNT = re.compile(r"\$?(\d{1,9})(?:[.,](\d\d))?")
REFUND_STATUSES = {"succeeded", "pending"}

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What an act did, in words, at a moment of the account's clock (seconds since 1970)."""

    number: int
    words: str
    tone: str
    at: int


@blueprint.get("/sandbox/")
def control() -> ResponseReturnValue:
    """Show the clock, what there is, and what was done last."""
    log = _log()
    number = request.args.get("said", "")
    said = next((entry for entry in log if str(entry.number) == number), None)
    return render_template("stripe/control.html", said=said, log=log, steps=STEPS, **desk.contents())


@blueprint.post("/sandbox/acts/<name>")
def control_act(name: str) -> ResponseReturnValue:
    """Do one thing, then show the page with what it did."""
    refuse_foreign_origin()
    act = ACTS.get(name)
    if act is None:
        abort(404)
    before = len(engine().events)
    try:
        words, tone = act(request.form), "good"
    except Refused as refused:
        words, tone = refused.message, "bad"
    kinds = list(dict.fromkeys(event["type"] for event in engine().events[before:]))
    if kinds:
        words += f" Events: {', '.join(kinds)}."
    return redirect(url_for(".control", said=_remember(words, tone)), 303)


def refuse_foreign_origin() -> None:
    """Answer 403 to a form that another site's page sent."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        abort(403)


def advance(form: Form) -> str:
    """Move the clock by an hour, a day or a calendar month."""
    step = form.get("step", "")
    now = datetime.fromtimestamp(engine().now(), UTC)
    steps = {"hour": now + timedelta(hours=1), "day": now + timedelta(days=1), "month": _month_on(now)}
    if step not in steps:
        raise Refused("There is no such step.")
    engine().advance_to(int(steps[step].timestamp()))
    return f"The clock went on by one {step}."


def renew(form: Form) -> str:
    """Move the clock past a subscription's next renewal: the invoice is paid an hour after the period's end."""
    subscription = one_of("subscription", form.get("subscription", ""))
    due = desk.ends_at(subscription)
    if due is None:
        raise Refused("This subscription is over.")
    clock = engine().clock_of(subscription["customer"])
    engine().advance_to(due + HOUR, clock=clock["id"] if clock else None)
    return "The clock went on to the end of the period, and an hour further, when an invoice is paid."


def retry(form: Form) -> str:
    """Move the clock to the moment at which a failed payment is tried again."""
    invoice = one_of("invoice", form.get("invoice", ""))
    if invoice["next_payment_attempt"] is None:
        raise Refused("This invoice isn’t tried again.")
    clock = engine().clock_of(invoice["customer"])
    engine().advance_to(invoice["next_payment_attempt"], clock=clock["id"] if clock else None)
    return "The clock went on to the next attempt to collect the invoice."


def fail_next_payment(form: Form) -> str:
    """Let the next payment fail, of one customer or of anybody."""
    customer = form.get("customer") or None
    engine().fail_next_payment(customer)
    return "The next payment of this customer will fail." if customer else "The next payment will fail."


def refund(form: Form) -> str:
    """Refund a payment, whole or in part."""
    amount = cents(form.get("amount", ""))
    status = form.get("status", "succeeded")
    if status not in REFUND_STATUSES:
        raise Refused("There is no such status.")
    engine().refund(form.get("payment_intent", ""), amount=amount, status=status)
    return f"Refunded {money(amount)}, status {status}."


def succeed_refund(form: Form) -> str:
    """Let a pending refund arrive."""
    engine().succeed_refund(form.get("refund", ""))
    return "The refund has succeeded."


def fail_refund(form: Form) -> str:
    """Let a refund fail afterwards, as when the card is closed: the money comes back to the merchant."""
    engine().fail_refund(form.get("refund", ""))
    return "The refund has failed."


def pay_later(form: Form) -> str:
    """Complete a session with a payment that takes days, as a bank debit does."""
    engine().pay_later(form.get("session", ""))
    return "The session is complete, and its payment is under way."


def settle(form: Form) -> str:
    """Let a payment that takes days arrive or fail."""
    succeeded = form.get("outcome") == "succeeded"
    engine().settle(form.get("session", ""), succeeded=succeeded)
    return "The payment has arrived." if succeeded else "The payment has failed."


def dispute(form: Form) -> str:
    """Let the customer's bank take a payment back."""
    engine().dispute(form.get("payment_intent", ""))
    return "The payment is disputed, and the funds are withdrawn."


def close_dispute(form: Form) -> str:
    """Decide a dispute."""
    status = form.get("status", "")
    if status not in {"won", "lost"}:
        raise Refused("A dispute is won or lost.")
    engine().close_dispute(form.get("dispute", ""), status=status)
    return "The dispute is won: the funds come back." if status == "won" else "The dispute is lost."


def set_faults(form: Form) -> str:
    """Set what goes wrong from now on, or that nothing does."""
    if form.get("clear"):
        engine().set_faults(Faults())
        return "Nothing goes wrong any more."
    faults = Faults(
        duplicate=number(form.get("duplicate", ""), most=1000),
        drop=number(form.get("drop", ""), most=1000),
        reorder=bool(form.get("reorder")),
        delay_seconds=number(form.get("delay_seconds", ""), most=DAY),
        error_next_calls=int(number(form.get("error_next_calls", ""), most=1000)),
        error_status=int(number(form.get("error_status", ""), most=599)),
        timeout_next=int(number(form.get("timeout_next", ""), most=1000)),
    )
    engine().set_faults(faults)
    return "The faults are set."


def deliver(form: Form) -> str:
    """Deliver at once what waits for its time or for another attempt."""
    waiting = engine().deliver()
    return f"{waiting} {'delivery goes' if waiting == 1 else 'deliveries go'} out now."


def redeliver(form: Form) -> str:
    """Deliver an event once more."""
    engine().redeliver(form.get("event", ""))
    return "The event goes out again."


ACTS: dict[str, Callable[[Form], str]] = {
    "advance": advance,
    "renew": renew,
    "retry": retry,
    "fail-next-payment": fail_next_payment,
    "refund": refund,
    "succeed-refund": succeed_refund,
    "fail-refund": fail_refund,
    "pay-later": pay_later,
    "settle": settle,
    "dispute": dispute,
    "close-dispute": close_dispute,
    "faults": set_faults,
    "deliver": deliver,
    "redeliver": redeliver,
}


def cents(words: str) -> int:
    """Read an amount such as "10.00", or raise Refused."""
    match = AMOUNT.fullmatch(words.strip())
    if not match:
        raise Refused(f"“{words[:20]}” is no amount; write one like 10.00.")
    return int(match[1]) * 100 + int(match[2] or 0)


def number(words: str, *, most: int) -> float:
    """Read a number from 0 to `most`, or raise Refused; nothing is 0."""
    if not re.fullmatch(r"\d{0,7}(\.\d{1,4})?", words.strip()):
        raise Refused(f"“{words[:20]}” is no number.")
    value = float(words.strip() or 0)
    if value > most:
        raise Refused(f"“{words[:20]}” is more than {most}.")
    return value


def _month_on(moment: datetime) -> datetime:
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def _log() -> deque[Said]:
    log: deque[Said] = current_app.extensions.setdefault("control_log", deque(maxlen=KEPT))
    return log


def _remember(words: str, tone: str) -> int:
    log = _log()
    said = Said(log[0].number + 1 if log else 1, words, tone, engine().now())
    log.appendleft(said)
    return said.number
