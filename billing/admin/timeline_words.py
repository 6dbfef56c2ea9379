"""How each thing that happened to a wallet reads on its line of time: a title, what there is to say, where it leads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.contrib.admin.models import LogEntry
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from billing.admin.sale_tables import in_words, sold
from billing.admin.tables import page_of, show_moment
from billing.models import (
    ApiKey,
    Checkout,
    ContractRequest,
    Dispute,
    Export,
    Grant,
    LedgerEntry,
    Message,
    Notice,
    Purchase,
    Refund,
    StripeEvent,
    SupportRequest,
    Wallet,
)
from billing.selectors import messages
from billing.selectors.lines import Line, lines_of
from billing.selectors.messages import dollars_words as dollars
from billing.selectors.staff_timeline import ENTRY, Happening
from billing.selectors.staff_timeline_sources import SOURCES
from billing.selectors.words import credits_words

#: The filter that each kind of entry belongs to, whichever question it was read by.
GROUP_OF = {kind.value: source.group for source in SOURCES for kind in source.kinds}


@dataclass(frozen=True, slots=True)
class Told:
    """A happening in words. `change` and `after` are of ledger entries: what changed, and what was available then."""

    at: datetime
    group: str
    title: str
    words: tuple[str, ...]
    url: str = ""
    number: int | None = None
    change: int | None = None
    held: int = 0
    after: int | None = None


def told(wallet: Wallet, happenings: Iterable[Happening]) -> list[Told]:
    """Return happenings in words; what they name is looked up for all of them at once."""
    happenings = list(happenings)
    entries = [each.row for each in happenings if each.source.word == ENTRY]
    lines = {line.entry.pk: line for line in lines_of(wallet, entries)}
    mails = [each.row for each in happenings if each.source.word == "message"]
    about = messages.known(mails) if mails else None
    shown = []
    for each in happenings:
        if each.source.word == ENTRY:
            shown.append(_entry(each, lines[each.row.pk]))
        elif isinstance(each.row, Message) and about is not None:
            title = messages.title(Message.Kind(each.row.kind), each.row.facts, about)
            shown.append(_row(each, f"Told: {title}", _mail(each.row)))
        else:
            title, words = WORDS[each.source.word](each.row, wallet)
            shown.append(_row(each, title, words))
    return shown


def by_day(shown: Iterable[Told]) -> list[tuple[date, list[Told]]]:
    """Return happenings under the days on which they happened, in the reader's zone and in their order."""
    return [
        (day, list(happened)) for day, happened in groupby(shown, key=lambda told: timezone.localtime(told.at).date())
    ]


def _row(happening: Happening, title: str, words: Iterable[str]) -> Told:
    return Told(happening.at, happening.source.group, title, tuple(filter(None, words)), url=_page_of(happening.row))


def _page_of(row: Any) -> str:
    return "" if isinstance(row, LogEntry) or row._meta.app_label == "usersessions" else page_of(row)


def _entry(happening: Happening, line: Line) -> Told:
    entry: LedgerEntry = happening.row
    note = getattr(entry, "note", None)
    words = [
        *line.notes,
        line.aside,
        f"{credits_words(entry.uncovered)} not covered" if entry.uncovered else "",
        _hold_words(entry),
        f"due on {show_moment(entry.effective_at)}" if entry.effective_at < entry.posted_at else "",
        f"by {entry.actor}" if entry.actor else "",
        f"“{note.reason}”" if note else "",
    ]
    return Told(
        happening.at,
        GROUP_OF[entry.kind],
        line.title,
        tuple(filter(None, words)),
        url=page_of(entry),
        number=entry.sequence,
        change=entry.available_change,
        held=entry.held_change,
        after=entry.available_after,
    )


def _hold_words(entry: LedgerEntry) -> str:
    """Return which hold it opened or settled; one that was extended says until when it lasts, or lasted."""
    if entry.hold is None:
        return ""
    if entry.kind == LedgerEntry.Kind.HOLD:
        return f"{str(entry.hold).lower()} until {show_moment(entry.hold.expires_at)}"
    return f"settles {str(entry.hold).lower()}"


def _mail(message: Message) -> list[str]:
    sent = f" on {show_moment(message.sent_at)}" if message.sent_at else ""
    return [f"mail: {message.get_mail_display().lower()}{sent}"]


def _ended(grant: Grant, wallet: Wallet) -> tuple[str, list[str]]:
    return f"{grant} ended", [f"of {credits_words(grant.amount)}"]


def _notice(notice: Notice, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Warning: {notice.get_level_display().lower()}", [f"{credits_words(notice.available)} were available"]


def _refund(refund: Refund, wallet: Wallet) -> tuple[str, list[str]]:
    by = f"by {refund.actor}" if refund.actor else ""
    reason = f"“{refund.reason}”" if refund.reason else ""
    return f"Refund of {dollars(refund.cents)}", [refund.get_status_display().lower(), by, reason]


def _dispute(dispute: Dispute, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Dispute of {dollars(dispute.cents)}", [in_words(dispute.status), in_words(dispute.reason)]


def _purchase(purchase: Purchase, wallet: Wallet) -> tuple[str, list[str]]:
    gave = credits_words(purchase.grant.amount) if purchase.grant else "no credits"
    return f"Bought: {sold(purchase)}", [f"{dollars(purchase.cents)} paid", gave]


def _checkout(checkout: Checkout, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Checkout begun: {checkout.thing}", [checkout.get_status_display().lower()]


def _event(event: StripeEvent, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Stripe: {event.type}", [event.get_status_display().lower(), f"of {event.object_id}"]


def _question(request: SupportRequest, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Asked our support: {request.subject}", [f"{request.get_level_display().lower()} support"]


def _answer(request: SupportRequest, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Support answered: {request.subject}", [f"by {request.answered_by}" if request.answered_by else ""]


def _contract(request: ContractRequest, wallet: Wallet) -> tuple[str, list[str]]:
    """Say who asks, unless they were erased since."""
    return "Asked for a contract", [request.company if wallet.owner_id else ""]


def _contract_answer(request: ContractRequest, wallet: Wallet) -> tuple[str, list[str]]:
    return "Contract request answered", [f"by {request.answered_by}" if request.answered_by else ""]


def _act(entry: LogEntry, wallet: Wallet) -> tuple[str, list[str]]:
    on = str(entry.content_type.name) if entry.content_type else ""
    return f"Staff: {entry.get_change_message() or entry.get_action_flag_display()}", [
        f"by {entry.user}",
        f"on the {on}",
    ]


def _export(export: Export, wallet: Wallet) -> tuple[str, list[str]]:
    return f"Export asked for: {export.what}.{export.file_format}", [f"{export.lines:,} lines"]


def _written(export: Export, wallet: Wallet) -> tuple[str, list[str]]:
    size = filesizeformat(export.size).replace("\xa0", " ") if export.size is not None else ""
    return f"Export written: {export.what}.{export.file_format}", [size, export.get_status_display().lower()]


def _key(key: ApiKey, wallet: Wallet) -> tuple[str, list[str]]:
    ends = f"ends {show_moment(key.expires_at)}" if key.expires_at else ""
    return f"API key made: {key.name}", [f"clv_live_{key.prefix}_…", ends]


def _key_end(key: ApiKey, wallet: Wallet) -> tuple[str, list[str]]:
    successor = f"replaced by clv_live_{key.replaced_by.prefix}_…" if key.replaced_by else ""
    return f"API key revoked: {key.name}", [f"clv_live_{key.prefix}_…", successor]


def _login(session: Any, wallet: Wallet) -> tuple[str, list[str]]:
    return "Logged in", [f"last seen {show_moment(session.last_seen_at)}"]


WORDS: dict[str, Callable[[Any, Wallet], tuple[str, list[str]]]] = {
    "ended": _ended,
    "notice": _notice,
    "refund": _refund,
    "dispute": _dispute,
    "purchase": _purchase,
    "checkout": _checkout,
    "event": _event,
    "question": _question,
    "answer": _answer,
    "contract": _contract,
    "contract-answer": _contract_answer,
    "act": _act,
    "export": _export,
    "written": _written,
    "key": _key,
    "key-end": _key_end,
    "login": _login,
}
