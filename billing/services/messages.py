"""Mailing what people are told: still true? still wanted? rendered once, sent, and what the mail server said."""

import logging
from datetime import datetime
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allauth.account.models import EmailAddress
from django.core.signing import BadSignature, Signer
from django.utils import timezone

from billing import emails
from billing.emails import Footer, Letter
from billing.models import MailPreference, Message, Purchase, Wallet
from billing.selectors import balance as balances
from billing.selectors import mail_figures
from billing.selectors.expiring import expiring
from billing.selectors.messages import topic_of
from billing.services import outbox
from billing.services.wallets import settled_wallet

logger = logging.getLogger(__name__)

Topic = MailPreference.Topic
#: What a server says of us or of itself, not of one mail: another attempt may well succeed.
NOT_ABOUT_THE_MAIL = (SMTPAuthenticationError, SMTPConnectError, SMTPHeloError, SMTPSenderRefused)
FOR_GOOD = range(500, 600)
#: What mails that can't be switched off say of themselves.
PLAN_OR_PAYMENT = "is about your plan or a payment"
ALWAYS_SENT = {
    Message.Kind.SUPPORT_ANSWER: "answers a request of yours",
    Message.Kind.EXPORT: "is about a file that you asked for",
    Message.Kind.CREDITS_RETURNED: "is about credits that you were given back",
}
unsubscribing = Signer(salt="billing.unsubscribe")


def deliver(*, message_id: int, now: datetime) -> Message.Mail | None:
    """Mail a message unless somebody did or does, and return what its mail is then; None when there was nothing to do.

    Must run outside a transaction: a mail server is waited for. A crash between sending and writing that down repeats
    the mail once, under the same Message-ID; it is never lost.
    """
    message = outbox.claim(message_id=message_id, now=now)
    if message is None:
        return None
    try:
        if verdict := _reason_not_to(message, now=now):
            mail, why = verdict
            outbox.finish(message, mail, now=now, error=why)
            return mail
        _send(message, now=now)
    except OSError as error:
        if not _is_refused_for_good(error):
            logger.warning("Message %s has to wait for the mail server: %s", message.pk, type(error).__name__)
            return outbox.postpone(message, error=_words(error), now=now)
        outbox.finish(message, Message.Mail.FAILED, now=now, error=f"Refused for good: {_words(error)}")
        return Message.Mail.FAILED
    except Exception as error:
        logger.exception("Message %s can't be mailed.", message.pk)
        return outbox.postpone(message, error=_words(error), now=now)
    outbox.finish(message, Message.Mail.SENT, now=now)
    return Message.Mail.SENT


def wanted(wallet: Wallet, topic: MailPreference.Topic | None) -> bool:
    """Return whether the owner wants the mails of a topic; those without one are always sent."""
    return topic is None or not MailPreference.objects.filter(wallet=wallet, topic=topic, is_wanted=False).exists()


def set_preference(*, wallet: Wallet, topic: MailPreference.Topic, is_wanted: bool, now: datetime) -> None:
    """Switch the mails of a topic on or off; saying it again changes nothing."""
    if MailPreference.objects.filter(wallet=wallet, topic=topic, is_wanted=is_wanted).exists():
        return
    MailPreference.objects.update_or_create(
        wallet=wallet, topic=topic, defaults={"is_wanted": is_wanted, "changed_at": now}
    )


def unsubscribe_token(wallet: Wallet, topic: MailPreference.Topic) -> str:
    """Return what lets whoever has it switch off one topic of one wallet, and nothing else, forever."""
    return unsubscribing.sign(f"{wallet.pk}.{topic}")


def read_unsubscribe_token(token: str) -> tuple[Wallet, MailPreference.Topic] | None:
    """Return what a token switches off, or None for one that isn't ours."""
    try:
        wallet_id, _, topic = unsubscribing.unsign(token).partition(".")
    except BadSignature:
        return None
    wallet = Wallet.objects.filter(pk=wallet_id).first()
    return (wallet, Topic(topic)) if wallet and topic in Topic else None


def mark_seen(*, wallet: Wallet, newest: int, now: datetime) -> int:
    """Note that the owner has seen all notifications up to one; return how many were new."""
    return Message.objects.filter(wallet=wallet, pk__lte=newest, seen_at=None).update(seen_at=now)


def _reason_not_to(message: Message, *, now: datetime) -> tuple[Message.Mail, str] | None:
    """Return why a mail isn't sent, as what it becomes and in words for staff; None when it is to be sent."""
    owner = message.wallet.owner
    if message.attempts > outbox.ATTEMPTS:
        return Message.Mail.FAILED, f"No worker came back from {outbox.ATTEMPTS} attempts. {message.error}".rstrip()
    if owner is None or not owner.email:
        return Message.Mail.UNWANTED, "There is nobody to send it to."
    if EmailAddress.objects.filter(user=owner, email__iexact=owner.email, verified=False).exists():
        return Message.Mail.UNWANTED, "The address was never confirmed."
    if not wanted(message.wallet, topic_of(message)):
        return Message.Mail.UNWANTED, "Its reader has switched these mails off."
    message.wallet = settled_wallet(owner=owner, now=now) or message.wallet
    overtaken_by = "" if _is_asked_for_again(message) else _overtaken_by(message, now=now)
    return (Message.Mail.OVERTAKEN, overtaken_by) if overtaken_by else None


def _is_asked_for_again(message: Message) -> bool:
    """Return whether staff send a mail once more: it was rendered before its first attempt."""
    return message.attempts == 1 and bool(message.text)


def _overtaken_by(message: Message, *, now: datetime) -> str:
    """Return what has made a message untrue since it was raised, or nothing."""
    wallet, facts = message.wallet, message.facts
    match Message.Kind(message.kind):
        case Message.Kind.CYCLE_RESET if wallet.cycle != facts["cycle"]:
            return "A later cycle has begun."
        case Message.Kind.CREDITS_EXPIRE if wallet.cycle != facts["cycle"]:
            return "A later cycle has begun."
        case Message.Kind.CREDITS_EXPIRE if expiring(balances.current(wallet), now=now) is None:
            return "They were used, or don't expire so soon any more."
        case Message.Kind.LOW_CREDITS if wallet.cycle != facts["cycle"]:
            return "A later cycle has begun."
        case Message.Kind.LOW_CREDITS if wallet.unlimited or wallet.warning_level < facts["level"]:
            return "Credits were added meanwhile."
        case Message.Kind.LOW_CREDITS if _has_stronger(message):
            return "A stronger warning follows."
        case Message.Kind.EXPORT if "expires_at" in facts and datetime.fromisoformat(facts["expires_at"]) <= now:
            return "The file is kept no longer."
        case Message.Kind.PAYMENT_FAILED if _is_paid_since(message):
            return "It was paid meanwhile."
    return ""


def _has_stronger(message: Message) -> bool:
    """Return whether a later warning of the same cycle says more: of two only the stronger is mailed (decision 19)."""
    return Message.objects.filter(
        wallet=message.wallet,
        kind=Message.Kind.LOW_CREDITS,
        pk__gt=message.pk,
        facts__cycle=message.facts["cycle"],
        facts__level__gt=message.facts["level"],
    ).exists()


def _is_paid_since(message: Message) -> bool:
    return Purchase.objects.filter(
        wallet=message.wallet, plan=message.facts["plan"], fulfilled_at__gt=message.raised_at
    ).exists()


def _send(message: Message, *, now: datetime) -> None:
    """Send a mail to where its reader is now, in the words that it was given when it was first sent."""
    owner, topic = message.wallet.owner, topic_of(message)
    if owner is None:
        raise AssertionError("Only mails that have a reader are sent.")
    unsubscribe_url = (
        emails.page_url("unsubscribe", unsubscribe_token(message.wallet, topic)) if topic is not None else ""
    )
    if not message.text:
        preferences_url, label = emails.page_url("preferences"), topic.label if topic else ""
        about = ALWAYS_SENT.get(Message.Kind(message.kind), PLAN_OR_PAYMENT)
        footer = Footer(preferences_url, unsubscribe_url, label, about)
        letter = _written(message, footer, now=now)
        message.subject, message.text, message.html = letter.subject, letter.text, letter.html
    message.recipient = owner.email
    message.save(update_fields=["recipient", "subject", "text", "html"])
    emails.post(
        Letter(message.subject, message.text, message.html),
        to=message.recipient,
        message_id=emails.message_id_of(message),
        unsubscribe_url=unsubscribe_url,
    )


def _written(message: Message, footer: Footer, *, now: datetime) -> Letter:
    """Return a mail with the figures of this moment, its days in its reader's zone."""
    wallet = message.wallet
    try:
        zone = ZoneInfo(wallet.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        wallet.time_zone = "UTC"
        zone = ZoneInfo("UTC")
    with timezone.override(zone):
        return emails.write(
            Message.Kind(message.kind),
            mail_figures.subject(message, wallet),
            mail_figures.figures(message, wallet, now=now),
            footer,
        )


def _is_refused_for_good(error: OSError) -> bool:
    """Return whether a mail server will never take this mail for this address (5xx), however often it is asked."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code in FOR_GOOD for code, _ in error.recipients.values())
    if isinstance(error, NOT_ABOUT_THE_MAIL):
        return False
    return isinstance(error, SMTPResponseException) and error.smtp_code in FOR_GOOD


def _words(error: Exception) -> str:
    """Return an error as staff read it: what the server said, else the error's own words."""
    said: list[tuple[int, object]] = []
    if isinstance(error, SMTPRecipientsRefused):
        said = list(error.recipients.values())
    elif isinstance(error, SMTPResponseException):
        said = [(error.smtp_code, error.smtp_error)]
    if said:
        return "; ".join(
            f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}" for code, text in said
        )
    return f"{type(error).__name__}: {error}".rstrip(": ")
