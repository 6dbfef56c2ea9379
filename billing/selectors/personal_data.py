"""All that is kept about a person, as one archive: a file a table, and one that explains them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.core.serializers.json import DjangoJSONEncoder

from accounts import personal_data
from accounts.models import User
from accounts.personal_data import Part, Row, table
from billing.models import (
    ApiKey,
    Chatbot,
    Checkout,
    ContractRequest,
    Customer,
    DailyUsage,
    Dispute,
    EntryNote,
    Export,
    FormerCustomer,
    Grant,
    Hold,
    LedgerEntry,
    MailPreference,
    Message,
    Notice,
    Proposal,
    Purchase,
    Refund,
    StripeSubscription,
    Subscription,
    SupportRequest,
    UsageLine,
    Wallet,
    WalletReturn,
)
from billing.selectors import archives, copying, exports, staff_log
from billing.selectors.copying import Blocks, Format
from billing.selectors.export_contents import Wanted, What

#: Entries come as exports make them, a line each: there may be millions.
ENTRIES = "entries.jsonl"
ENTRIES_MEANING = "every entry of your books, as in an export: a line each, amounts in credits"


def _staff_log(user: User) -> Iterable[Row]:
    """Yield what staff did to this person's account; who of them it was is theirs."""
    fields = ["action_time", "content_type__model", "object_id", "object_repr", "change_message"]
    lines = staff_log.lines_about(user.wallet.pk).order_by("pk")
    yield from personal_data.in_pieces(lines.values(*fields))


PARTS = [
    *personal_data.PARTS,
    table(
        "wallet", "your credits as they are now, your limits, and whether you are suspended", Wallet,
        ["id", "available", "held", "sequence", "cycle", "cycle_started_at", "cycle_ends_at", "time_zone",
         "max_output_tokens", "confirm_above", "unlimited", "suspended_at", "suspension_reason"], of="owner",
    ),
    table(
        "plan", "your plan and its period", Subscription,
        ["plan", "status", "anchor_at", "period", "period_started_at", "period_ends_at", "allowance", "started_at",
         "stripe_subscription__stripe_subscription_id"],
    ),
    table(
        "grants", "credits that you were given or bought, and what is left of them", Grant,
        ["id", "source", "amount", "remaining", "effective_at", "expires_at", "opened_at", "closed_at", "business_key",
         "taken_back"],
    ),
    table(
        "holds", "credits that were set aside for work under way", Hold,
        ["id", "status", "feature", "priced_as", "quantity", "amount", "source", "opened_at", "expires_at",
         "closed_at"],
    ),
    table(
        "entry_details", "what the callers of entries told with them", LedgerEntry,
        ["sequence", "detail", "key"], order="sequence",
    ),
    table(
        "workflow_steps", "the steps of your workflows’ runs", UsageLine,
        ["entry__sequence", "position", "name", "feature", "quantity", "cost"], of="entry__wallet__owner",
    ),
    table(
        "usage", "what you used, by day", DailyUsage,
        ["used_on", "cycle", "feature", "priced_as", "source", "quantity", "cost", "uses"],
    ),
    table("chatbots", "your chatbots, deleted ones too", Chatbot,
          ["id", "name", "model", "created_at", "paused_at", "paused_by_owner", "deleted_at"]),
    table("api_keys", "your API keys: their names and dates, never the keys", ApiKey,
          ["id", "name", "prefix", "scopes", "created_at", "expires_at", "revoked_at", "last_used_on"]),
    table(
        "checkouts", "what you put into a Checkout", Checkout,
        ["id", "thing", "status", "stripe_session_id", "created_at", "expires_at"],
    ),
    table(
        "purchases", "what you paid for, in US cents", Purchase,
        ["id", "pack", "plan", "cents", "stripe_payment_intent_id", "stripe_invoice_id", "stripe_session_id", "paid_at",
         "fulfilled_at"],
    ),
    table("refunds", "money that went back to you, in US cents, and why", Refund,
          ["id", "stripe_refund_id", "stripe_payment_intent_id", "cents", "status", "reason", "requested_at"]),
    table("disputes", "payments that your bank took back, in US cents", Dispute,
          ["id", "stripe_dispute_id", "stripe_payment_intent_id", "cents", "withdrawn_cents", "status", "reason",
           "opened_at"]),
    table("stripe_customer", "who you are at Stripe", Customer, ["stripe_customer_id", "created_at"]),
    table("former_stripe_customers", "who you were at Stripe before", FormerCustomer,
          ["stripe_customer_id", "deleted_at"]),
    table("stripe_subscriptions", "your subscriptions at Stripe", StripeSubscription,
          ["stripe_subscription_id", "price__lookup_key", "status", "cancel_at", "current_period_ends_at"]),
    table(
        "messages", "what you were told, and the mails that you got", Message,
        ["kind", "facts", "raised_at", "seen_at", "mail", "recipient", "subject", "text", "sent_at"],
    ),
    table("mail_preferences", "which mails you want", MailPreference, ["topic", "is_wanted", "changed_at"]),
    table("warnings", "warnings that your credits run low", Notice,
          ["level", "cycle", "available", "raised_at", "dismissed_at"]),
    table("support_requests", "what you asked our support, and the answers", SupportRequest,
          ["level", "topic", "subject", "message", "created_at", "answer", "answered_at"]),
    table("contract_requests", "your wishes for a contract", ContractRequest,
          ["company", "monthly_credits", "message", "created_at", "answered_at"]),
    table("exports", "files that you asked for", Export,
          ["what", "file_format", "asked", "status", "lines", "size", "sha256", "created_at", "ready_at",
           "expires_at"]),
    table("staff_notes", "why staff changed your credits, in their words", EntryNote,
          ["entry__sequence", "reason", "written_at"], of="entry__wallet__owner"),
    table("returned_charges", "charges that were returned to you, in millicredits", WalletReturn,
          ["charge_return__feature", "charge_return__from_at", "charge_return__until", "status", "charges", "amount"]),
    table("staff_proposals", "what staff proposed to do for your account, and what became of it", Proposal,
          ["act", "title", "reason", "proposed_at", "status", "decided_at", "refusal", "outcome"]),
    Part("staff_log", "what the staff’s log has of your account and its rows", [LogEntry], _staff_log),
]  # fmt: skip


def archive(user: User, *, now: datetime) -> Blocks:
    """Yield the bytes of a ZIP with everything, all of it as of one moment; as little memory for a million entries.

    It must be read to its end or closed: until then it keeps a transaction open, which only reads.
    """
    with copying.one_snapshot():
        yield from archives.zipped(_files(user, now=now), at=now)


def file_name(*, now: datetime) -> str:
    """Return what the archive is called where it is saved."""
    return f"cleverai-my-data-{now:%Y-%m-%d}.zip"


def meanings() -> Sequence[tuple[str, str]]:
    """Return each file's name and what is in it, in the order of the archive."""
    return [(f"{part.name}.json", part.meaning) for part in PARTS] + [(ENTRIES, ENTRIES_MEANING)]


def _files(user: User, *, now: datetime) -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "README.txt", [_readme(now).encode()]
    for part in PARTS:
        yield f"{part.name}.json", _json_array(part.rows(user))
    yield ENTRIES, exports.stream(Wanted(user.wallet, What.HISTORY, None), Format.JSONL)


def _json_array(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield a JSON array, a row a line."""
    separator = "[\n"
    for row in rows:
        yield f"{separator}{json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)}".encode()
        separator = ",\n"
    yield b"[]\n" if separator == "[\n" else b"\n]\n"


def _readme(now: datetime) -> str:
    files = "\n".join(f"  {name:30} {meaning}" for name, meaning in meanings())
    return f"""What CleverAI keeps about you, as it was on {now:%d %B %Y at %H:%M} UTC
{"=" * 72}

{files}

How to read it
  Files that end in .json are JSON arrays, one row a line; .jsonl has one JSON object a line. All are UTF-8.
  Amounts of credits are in thousandths of a credit, but for {ENTRIES}, where they are credits.
  Amounts of money are US cents. Moments are in UTC, but for {ENTRIES}, where
  they are in your time zone. Empty values are null.

What is not in it
  Your password and the secrets of your second steps: whoever has this file can't log in with it.
  Messages of Stripe's about your payments: we keep their ids and amounts alone, and you have those here.
  Your cards and invoices: they are at Stripe; Settings, Billing, Payment leads there.
  What our servers log: it has numbers, and names nobody.

Keep it as safe as your mails.
"""
