"""The figures that a mail says, looked up when it is rendered: what was used, what is left, how long it lasts."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.template.defaultfilters import filesizeformat

from billing import emails
from billing.emails import Link, Table
from billing.models import Grant, LedgerEntry, Message, Plan, Purchase, SupportRequest, Wallet
from billing.selectors import balance as balances
from billing.selectors import chatbots
from billing.selectors import usage as usages
from billing.selectors.balance import Balance
from billing.selectors.expiring import monthly_left
from billing.selectors.messages import LEADS_TO, day_words, dollars_words, known, returned_words, title
from billing.selectors.words import credits_words

Kind = Message.Kind
Rows = Iterator[tuple[str, str]]

MOST_FEATURES = 5
FREE = "free"


def subject(message: Message, wallet: Wallet) -> str:
    """Return a mail's subject; one about what is left says so as of now, which may be less than when it was raised."""
    facts = message.facts
    if message.kind == Kind.LOW_CREDITS:
        facts = {**facts, "available": wallet.available}
    elif message.kind == Kind.CREDITS_EXPIRE:
        facts = {**facts, "left": monthly_left(balances.current(wallet))}
    return title(Kind(message.kind), facts, known([message]))


def figures(message: Message, wallet: Wallet, *, now: datetime) -> dict[str, object]:
    """Return what a message's template shows. Amounts are millicredits; days are in the active time zone.

    Raises LookupError, TypeError or ValueError when the facts aren't what the kind needs.
    """
    kind = Kind(message.kind)
    page, label = LEADS_TO[kind]
    balance = balances.current(wallet)
    balance.wallet.time_zone = wallet.time_zone
    shared: dict[str, object] = {
        "name": _name_of(wallet),
        "available": balance.wallet.available,
        "posted": balance.wallet.posted,
        "left_of_packs": _left_of(balance, Grant.Source.PURCHASE),
        "is_unlimited": balance.wallet.unlimited,
        "button": Link(emails.page_url(page), label),
    }
    return {**shared, **FIGURES[kind](message.facts, balance, now)}


def _welcome(_: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    wallet = balance.wallet
    subscription = balances.subscription_of(wallet)
    plan = subscription.plan.name if subscription else ""
    return {"plan": plan, "figures": Table("Your start", (("Plan", plan), *_what_is_there(balance)))}


def _low_credits(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    wallet = balance.wallet
    resets_at = wallet.cycle_ends_at if wallet.cycle_ends_at and wallet.cycle_ends_at > now else None
    rows = [*_what_is_there(balance), ("At this week’s pace", _pace_words(wallet, now=now))]
    return {
        "level": int(facts["level"]),
        "resets_on": day_words(resets_at) if resets_at else "",
        "figures": Table("What is left", tuple(rows)),
        "usage_link": Link(emails.page_url("usage"), "See where your credits went", by_the_way=True),
    }


def _cycle_reset(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    wallet = balance.wallet
    ended = int(facts["ended_cycle"])
    used = usages.of_cycle(wallet, ended)
    rows = [(row.feature.name, credits_words(row.cost)) for row in used.rows[:MOST_FEATURES]]
    if others := used.rows[MOST_FEATURES:]:
        rows.append(("Other features", credits_words(sum(row.cost for row in others))))
    expired = -(
        LedgerEntry.objects.filter(wallet=wallet, cycle=ended, kind=LedgerEntry.Kind.EXPIRY).aggregate(
            sum=Coalesce(Sum("available_change"), 0)
        )["sum"]
    )
    rows += [("Used together", credits_words(used.cost)), ("Expired, unused", credits_words(expired))]
    return {
        "allowance": facts["allowance"],
        "ends_on": day_words(facts["ends_at"]),
        "expired": expired,
        "used": used.cost,
        "ended": Table("The cycle that ended", tuple(rows)),
        "figures": Table("What is there now", tuple(_what_is_there(balance))),
    }


def _credits_expire(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    return {
        "left": monthly_left(balance),
        "allowance": balance.allowance,
        "ends_on": day_words(facts["ends_at"]),
        "figures": Table("What is left", tuple(_amounts(balance))),
    }


def _pack_receipt(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    purchase = Purchase.objects.select_related("pack", "grant").get(wallet=balance.wallet, pk=facts["purchase"])
    if purchase.grant is None:
        raise LookupError(f"Purchase {purchase.pk} granted nothing.")
    rows = [
        ("Credits", credits_words(purchase.grant.amount)),
        ("Price", dollars_words(purchase.cents)),
        ("Paid on", day_words(purchase.paid_at)),
        ("Receipt number", str(purchase.pk)),
        ("New balance", "Unlimited" if balance.wallet.unlimited else credits_words(balance.wallet.available)),
    ]
    by_card = bool(purchase.stripe_payment_intent_id)
    receipt = Link(emails.page_url("payment_receipt", purchase.pk), "Open the card receipt", by_the_way=True)
    return {
        "amount": purchase.grant.amount,
        "figures": Table("Your purchase", tuple(rows)),
        "receipt_link": receipt if by_card else None,
    }


def _plan_started(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    plan = _plan(facts)
    cents, allowance = facts["price_cents"], facts["allowance"]
    bots = plan.chatbot_limit
    rows = [
        ("Price", "By contract" if cents is None else f"{dollars_words(cents)} a month"),
        ("Monthly credits", "Unlimited" if allowance is None else credits_words(allowance)),
        ("Chatbots", "Unlimited" if bots is None else f"{bots:,}"),
        ("Support", plan.get_support_display()),
        ("Renews on" if cents else "Next cycle on", day_words(facts["ends_at"])),
    ]
    return {"plan": plan.name, "allowance": allowance, "figures": Table("Your plan", tuple(rows))}


def _plan_changed(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    plan, free = _plan(facts), Plan.objects.get(pk=FREE)
    is_ending = facts["change"] == "cancelling"
    ends_on = day_words(facts["ends_at"])
    rows = [("Plan", plan.name), ("Ends on" if is_ending else "Renews on", ends_on), *_amounts(balance)]
    return {
        "plan": plan.name,
        "change": facts["change"],
        "ends_on": ends_on,
        "next_plan": free.name,
        "next_allowance": free.allowance,
        "chatbot_limit": free.chatbot_limit,
        "figures": Table("Your plan", tuple(rows)),
    }


def _plan_ended(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    subscription = balances.subscription_of(balance.wallet)
    next_plan = subscription.plan.name if subscription else "Free"
    return {
        "plan": _plan(facts).name,
        "next_plan": next_plan,
        "allowance": facts["allowance"],
        "paused_chatbots": chatbots.counts(balance.wallet).waiting,
        "figures": Table("What is there now", (("Plan", next_plan), *_what_is_there(balance))),
    }


def _payment_failed(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    plan = _plan(facts)
    rows = [("Plan", plan.name)]
    if plan.price_cents:
        rows.append(("Price", f"{dollars_words(plan.price_cents)} a month"))
    rows += [("Paid until", day_words(facts["period_ends_at"])), *_amounts(balance)]
    return {
        "plan": plan.name,
        "next_plan": Plan.objects.get(pk=FREE).name,
        "figures": Table("Your plan", tuple(rows)),
    }


def _support_answer(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    request = SupportRequest.objects.get(wallet=balance.wallet, pk=facts["request"])
    return {"request": request, "asked_on": day_words(request.created_at)}


def _export(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    page = Link(emails.page_url("export_progress", facts["export"]), "Download the file")
    again = Link(emails.page_url("export"), "Try again")
    if "size" not in facts:
        return {"is_ready": False, "button": again}
    size = filesizeformat(facts["size"]).replace("\xa0", " ")
    until = day_words(facts["expires_at"])
    rows = [("What", facts["title"]), ("Format", facts["format"]), ("Size", size), ("Kept until", until)]
    return {"is_ready": True, "button": page, "figures": Table("Your file", tuple(rows))}


def _credits_returned(facts: Mapping[str, Any], balance: Balance, now: datetime) -> dict[str, object]:
    rows = (("Credits that you got back", credits_words(facts["amount"])), *_what_is_there(balance))
    return {"said": returned_words(facts), "reason": facts["reason"], "figures": Table("What is there now", rows)}


FIGURES: dict[Message.Kind, Callable[[Mapping[str, Any], Balance, datetime], dict[str, object]]] = {
    Kind.WELCOME: _welcome,
    Kind.LOW_CREDITS: _low_credits,
    Kind.CYCLE_RESET: _cycle_reset,
    Kind.CREDITS_EXPIRE: _credits_expire,
    Kind.PACK_RECEIPT: _pack_receipt,
    Kind.PLAN_STARTED: _plan_started,
    Kind.PLAN_CHANGED: _plan_changed,
    Kind.PLAN_ENDED: _plan_ended,
    Kind.PAYMENT_FAILED: _payment_failed,
    Kind.SUPPORT_ANSWER: _support_answer,
    Kind.EXPORT: _export,
    Kind.CREDITS_RETURNED: _credits_returned,
}


def _what_is_there(balance: Balance) -> Rows:
    """Yield what is left by source, what is set aside, and when the monthly credits are reset."""
    yield from _amounts(balance)
    if balance.wallet.cycle_ends_at:
        yield "Next reset", day_words(balance.wallet.cycle_ends_at)


def _amounts(balance: Balance) -> Rows:
    if balance.wallet.unlimited:
        yield "Monthly credits", "Unlimited"
    for source, label in balances.SOURCE_LABELS.items():
        is_expected = source == Grant.Source.ALLOWANCE and not balance.wallet.unlimited
        if (left := _left_of(balance, source)) or is_expected:
            yield label, credits_words(left)
    if balance.wallet.held:
        yield "Set aside for running work", credits_words(balance.wallet.held)


def _left_of(balance: Balance, source: Grant.Source) -> int:
    return sum(portion.left for portion in balance.portions if portion.source == source)


def _pace_words(wallet: Wallet, *, now: datetime) -> str:
    """Return how long the credits last: "about 3 days at this week's pace" without what the row's label says."""
    pace = balances.pace(wallet, now=now)
    if pace.per_day is None:
        return "Not enough data yet"
    if wallet.available == 0:
        return f"{credits_words(pace.per_day)} a day"
    if pace.days_left is None:
        return "They last until the reset" if wallet.cycle_ends_at else "They last more than a year"
    if pace.days_left == 0:
        return "They end today"
    return f"About {pace.days_left} day{'' if pace.days_left == 1 else 's'}"


def _plan(facts: Mapping[str, Any]) -> Plan:
    return Plan.objects.get(pk=facts["plan"])


def _name_of(wallet: Wallet) -> str:
    """Return how the owner is called, on one line; nothing for somebody who told no name."""
    return " ".join(wallet.owner.name.split()) if wallet.owner else ""
