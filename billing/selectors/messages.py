"""What a person was told: the list of notifications, what each says in a line, and which mails are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format

from billing import emails
from billing.models import MailPreference, Message, Plan, Purchase, SupportRequest, Wallet
from billing.selectors.words import credits_words
from billing.units import CREDIT, format_credits

Kind = Message.Kind
Topic = MailPreference.Topic

PAGE = 20
#: The mails that can be switched off, by topic; all others are about money (decision 21), or were asked for.
TOPICS = {
    Kind.LOW_CREDITS: Topic.WARNINGS,
    Kind.CYCLE_RESET: Topic.RESETS,
    Kind.CREDITS_EXPIRE: Topic.RESETS,
    Kind.WELCOME: Topic.NEWS,
}
LOW_TITLES = {1: "Credits are low", 2: "Credits are very low"}
ICONS = {
    Kind.WELCOME: "sparkles",
    Kind.LOW_CREDITS: "triangle-alert",
    Kind.CYCLE_RESET: "refresh-cw",
    Kind.CREDITS_EXPIRE: "hourglass",
    Kind.PACK_RECEIPT: "receipt",
    Kind.PLAN_STARTED: "badge-check",
    Kind.PLAN_CHANGED: "calendar-clock",
    Kind.PLAN_ENDED: "layers",
    Kind.PAYMENT_FAILED: "credit-card",
    Kind.SUPPORT_ANSWER: "headset",
    Kind.EXPORT: "file-down",
    Kind.CREDITS_RETURNED: "undo-2",
}
#: Where each kind leads: the name of a page of billing, and what the link says.
LEADS_TO = {
    Kind.WELCOME: ("overview", "Open billing"),
    Kind.LOW_CREDITS: ("buy", "Buy credits"),
    Kind.CYCLE_RESET: ("usage", "See usage"),
    Kind.CREDITS_EXPIRE: ("overview", "Open billing"),
    Kind.PACK_RECEIPT: ("buy", "See purchases"),
    Kind.PLAN_STARTED: ("overview", "Open billing"),
    Kind.PLAN_CHANGED: ("plans", "See plans"),
    Kind.PLAN_ENDED: ("plans", "See plans"),
    Kind.PAYMENT_FAILED: ("plans", "Choose a card"),
    Kind.SUPPORT_ANSWER: ("support:requests", "Read the answer"),
    Kind.EXPORT: ("export", "See your files"),
    Kind.CREDITS_RETURNED: ("history", "See your history"),
}
#: The sentence below the title, where it needs no figures.
PLAIN_WORDS = {
    Kind.WELCOME: "Your wallet is open. We tell you when credits run low.",
    Kind.LOW_CREDITS: "Monthly credits come back with the reset; credit packs come on top and never expire.",
    Kind.CREDITS_EXPIRE: "Monthly credits don’t roll over: what isn’t used by then is gone. Credit packs stay.",
    Kind.PLAN_ENDED: "You are on Free now. Credit packs stay.",
    Kind.PAYMENT_FAILED: "It is tried again by itself. Until it succeeds there are no new monthly credits; packs stay"
    " usable.",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What messages name by key: plans by code, purchases and support requests by number."""

    plans: Mapping[str, Plan]
    purchases: Mapping[int, Purchase]
    requests: Mapping[int, SupportRequest]

    def plan_name(self, facts: Mapping[str, Any]) -> str:
        """Return the name of the plan that the facts are about."""
        code = str(facts.get("plan", ""))
        return self.plans[code].name if code in self.plans else code.capitalize()


@dataclass(frozen=True, slots=True)
class Notification:
    """A message as the page lists it. `page_name` is where it leads to, as URL patterns call it."""

    message: Message
    title: str
    words: str
    icon: str
    page_name: str
    label: str

    @property
    def is_new(self) -> bool:
        """Whether its reader hasn't seen it before."""
        return self.message.seen_at is None


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """A page of notifications, newest first; `older` is what the next one begins before, or None on the last."""

    rows: Sequence[Notification]
    older: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A topic of mails and whether it is wanted."""

    topic: MailPreference.Topic
    is_wanted: bool


def page(wallet: Wallet, *, before: int | None = None) -> NotificationPage:
    """Return the wallet's notifications, from just before a message's number on if one is given."""
    found = Message.objects.filter(wallet=wallet).order_by("-id").defer("text", "html")
    messages = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    shown = messages[:PAGE]
    about = known(shown)
    older = shown[-1].pk if len(messages) > PAGE else None
    return NotificationPage([_notification(message, about) for message in shown], older)


def unread(wallet: Wallet) -> int:
    """Return how many notifications the owner hasn't seen."""
    return Message.objects.filter(wallet=wallet, seen_at=None).count()


def preferences(wallet: Wallet) -> list[Choice]:
    """Return each topic with whether its mails are wanted; they are until the owner says no."""
    chosen = dict(MailPreference.objects.filter(wallet=wallet).values_list("topic", "is_wanted"))
    return [Choice(topic, chosen.get(topic, True)) for topic in Topic]


def topic_of(message: Message) -> MailPreference.Topic | None:
    """Return the topic under which a message's mail can be switched off, or None where it is always sent."""
    return TOPICS.get(Kind(message.kind))


def known(messages: Sequence[Message]) -> Known:
    """Return what these messages name, asking only for what there is."""
    wallets = {message.wallet_id for message in messages}
    purchases = Purchase.objects.filter(wallet_id__in=wallets).select_related("grant")
    return Known(
        plans=Plan.objects.in_bulk() if any("plan" in message.facts for message in messages) else {},
        purchases=purchases.in_bulk(_named(messages, "purchase")),
        requests=SupportRequest.objects.filter(wallet_id__in=wallets).in_bulk(_named(messages, "request")),
    )


def _named(messages: Sequence[Message], fact: str) -> set[int]:
    """Return the numbers that these messages give under a fact; nothing is asked for where there are none."""
    return {message.facts[fact] for message in messages if fact in message.facts}


def title(kind: Message.Kind, facts: Mapping[str, Any], about: Known) -> str:
    """Return what a message says in a few words: the mail's subject and the notification's title."""
    match kind:
        case Kind.WELCOME:
            return "Welcome to CleverAI"
        case Kind.LOW_CREDITS:
            return _low_title(facts)
        case Kind.CYCLE_RESET:
            allowance = facts.get("allowance")
            return f"Your {credits_words(allowance)} for this month are ready" if allowance else "A new cycle has begun"
        case Kind.CREDITS_EXPIRE:
            return _expiring_title(facts)
        case Kind.PACK_RECEIPT:
            return _receipt_title(about.purchases.get(facts.get("purchase", 0)))
        case Kind.PLAN_STARTED | Kind.PLAN_ENDED:
            return f"{about.plan_name(facts)} has {'begun' if kind == Kind.PLAN_STARTED else 'ended'}"
        case Kind.PLAN_CHANGED:
            is_ending = facts.get("change") == "cancelling"
            name = about.plan_name(facts)
            return f"{name} ends on {day_words(facts.get('ends_at'))}" if is_ending else f"{name} goes on"
        case Kind.PAYMENT_FAILED:
            return f"Your payment for {about.plan_name(facts)} failed"
        case _:
            return _title_of_what_has_no_plan(kind, facts, about)


def _title_of_what_has_no_plan(kind: Message.Kind, facts: Mapping[str, Any], about: Known) -> str:
    if kind == Kind.CREDITS_RETURNED:
        return f"You got {credits_words(int(facts.get('amount', 0)))} back"
    if kind == Kind.EXPORT:
        outcome = "is ready" if "size" in facts else "couldn’t be written"
        return f"Your export {outcome}: {facts.get('title', '')}"
    request = about.requests.get(facts.get("request", 0))
    return f"Our support has answered: {request.subject}" if request else "Our support has answered"


def day_words(moment: object) -> str:
    """Return the day of a moment, given as ISO 8601 or as a datetime, in the reader's zone: "10 Apr 2025"."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        return "a day that isn’t known yet"
    return date_format(timezone.localtime(moment), "j M Y")


def moment_words(moment: object) -> str:
    """Return a moment, given as ISO 8601, in the reader's zone: "10 Apr 2025, 09:30"."""
    if not isinstance(moment, str):
        return "a moment that isn’t known"
    return date_format(timezone.localtime(datetime.fromisoformat(moment)), "j M Y, H:i")


def dollars_words(cents: int) -> str:
    """Return an amount of money: 2900 → "$29", 1050 → "$10.50"."""
    whole, rest = divmod(cents, 100)
    return f"${whole:,}.{rest:02d}" if rest else f"${whole:,}"


def _notification(message: Message, about: Known) -> Notification:
    kind = Kind(message.kind)
    leads_to, label = LEADS_TO[kind]
    return Notification(
        message,
        title(kind, message.facts, about),
        _words(kind, message.facts, about),
        ICONS[kind],
        emails.page_name(leads_to),
        label,
    )


def _words(kind: Message.Kind, facts: Mapping[str, Any], about: Known) -> str:
    """Return the sentence below a notification's title."""
    match kind:
        case Kind.CYCLE_RESET:
            return f"The next reset is on {day_words(facts.get('ends_at'))}. Credit packs stayed as they were."
        case Kind.PACK_RECEIPT:
            purchase = about.purchases.get(facts.get("purchase", 0))
            paid = f"{dollars_words(purchase.cents)} paid on {day_words(purchase.paid_at)}. " if purchase else ""
            return f"{paid}They never expire."
        case Kind.PLAN_STARTED:
            return f"This cycle goes on until {day_words(facts.get('ends_at'))}."
        case Kind.PLAN_CHANGED:
            if facts.get("change") == "cancelling":
                return "Until then everything stays as it is. Credit packs stay afterwards, too."
            return f"The next payment is due around {day_words(facts.get('ends_at'))}."
        case Kind.SUPPORT_ANSWER:
            request = about.requests.get(facts.get("request", 0))
            return f"You asked on {day_words(request.created_at)}." if request else "Your request is no longer kept."
        case Kind.EXPORT:
            return _export_words(facts)
        case Kind.CREDITS_RETURNED:
            return f"{returned_words(facts)} {facts.get('reason', '')}".rstrip()
        case _:
            return PLAIN_WORDS[kind]


def returned_words(facts: Mapping[str, Any]) -> str:
    """Return what charges were returned and how long the credits last, as sentences."""
    expires_at = facts.get("expires_at")
    lasts = f"They can be used until {moment_words(expires_at)}." if expires_at else "They never expire."
    span = f"from {moment_words(facts.get('from_at'))} to {moment_words(facts.get('until'))}"
    return f"We returned what you paid for {facts.get('feature', 'a feature')} {span}. {lasts}"


def _export_words(facts: Mapping[str, Any]) -> str:
    if "size" not in facts:
        return "We tried several times. Your books are all there; try again later, or ask our support."
    size = filesizeformat(facts["size"]).replace("\xa0", " ")
    return f"{facts.get('format', 'A file')}, {size}. It is kept until {day_words(facts.get('expires_at'))}."


def _low_title(facts: Mapping[str, Any]) -> str:
    available, level = int(facts.get("available", 0)), facts.get("level")
    if level in LOW_TITLES:
        return f"{LOW_TITLES[level]}: {credits_words(available)} left"
    return f"Not enough credits: {format_credits(available)} left" if available else "You are out of credits"


def _expiring_title(facts: Mapping[str, Any]) -> str:
    left = int(facts.get("left", 0))
    some = f"{format_credits(left)} monthly credit{'' if left == CREDIT else 's'}"
    return f"{some} expire{'s' if left == CREDIT else ''} on {day_words(facts.get('ends_at'))}"


def _receipt_title(purchase: Purchase | None) -> str:
    if purchase is None:
        return "Receipt for your credits"
    amount = f"{credits_words(purchase.grant.amount)} for " if purchase.grant else ""
    return f"Receipt: {amount}{dollars_words(purchase.cents)}"
