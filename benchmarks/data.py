"""Many wallets at once, written by PostgreSQL, whose books prove clean: in their tenth day, or due since midnight."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from dateutil.relativedelta import relativedelta
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from billing.models import Chatbot, Grant, Hold, Plan, Subscription, Wallet
from billing.services.cycles import LOW_PERCENT, VERY_LOW_PERCENT, share_of

HOT_AMOUNT = 10**15

RICH_WALLET = Path(__file__).parent / "rich_wallet.sql"
RICH_MONTHS = 14
SMALLEST_RICH = 2_000
RICH_ALLOWANCE_PER_ENTRY = 10_000
RICH_PACK = 5_000_000

WALLETS = """
WITH person AS (
    INSERT INTO accounts_user (password, is_superuser, email, name, time_zone, is_active, is_staff, joined_at)
    SELECT '!', false, %(name)s || number || '@bench.example', '', 'UTC', true, false, %(began)s
    FROM generate_series(1, %(count)s) AS number
    RETURNING id
), wallet AS (
    INSERT INTO billing_wallet (
        owner_id, available, held, sequence, last_posted_at, last_posted_on, time_zone, max_output_tokens,
        head_grant_id, head_left, next_due_at, cycle, cycle_started_at, cycle_ends_at, warning_level, low_below,
        very_low_below, unlimited)
    SELECT id, %(amount)s, 0, 1, %(began)s, %(began)s::date, 'UTC', 4096,
        nextval(pg_get_serial_sequence('billing_grant', 'id')), %(amount)s, %(ends)s, 1, %(began)s, %(ends)s, 0,
        %(low_below)s, %(very_low_below)s, false
    FROM person
    RETURNING id, head_grant_id
), subscription AS (
    INSERT INTO billing_subscription (
        wallet_id, plan_id, status, anchor_at, period, period_started_at, period_ends_at, started_at)
    SELECT id, %(plan)s, 'active', %(began)s, 0, %(began)s, %(ends)s, %(began)s FROM wallet
), head AS (
    INSERT INTO billing_grant (id, wallet_id, source, amount, effective_at, expires_at, opened_at, business_key)
    SELECT head_grant_id, id, 'allowance', %(amount)s, %(began)s, %(ends)s, %(began)s, 'allowance:benchmark' FROM wallet
    RETURNING id, wallet_id
), entry AS (
    INSERT INTO billing_ledgerentry (
        wallet_id, sequence, kind, available_change, held_change, cost, uncovered, available_after, source,
        grant_id, cycle, effective_at, posted_at, posted_on)
    SELECT wallet_id, 1, 'grant', %(amount)s, 0, 0, 0, %(amount)s, '',
        id, 1, %(began)s, %(began)s, %(began)s::date
    FROM head
)
SELECT min(id), max(id) FROM wallet
"""


def create_wallets(count: int, *, name: str, amount: int | None = None) -> range:
    """Make `count` wallets on Pro in their tenth day, with its allowance or `amount` millicredits; return their ids."""
    now = timezone.now()
    return _create(
        count, name=name, plan="pro", amount=amount, began=now - timedelta(days=10), ends=now + timedelta(days=20)
    )


def create_due_wallets(count: int, *, name: str) -> range:
    """Make `count` wallets on Free whose month ended at the last midnight, with all of its allowance left."""
    midnight = datetime.combine(timezone.now().date(), datetime.min.time(), tzinfo=UTC)
    return _create(count, name=name, plan="free", began=midnight - relativedelta(months=1), ends=midnight)


def _create(count: int, *, name: str, plan: str, began: datetime, ends: datetime, amount: int | None = None) -> range:
    allowance = Plan.objects.get(code=plan).allowance
    assert allowance is not None
    parameters = {
        "count": count,
        "name": name,
        "plan": plan,
        "amount": amount or allowance,
        "began": began,
        "ends": ends,
        "low_below": share_of(allowance, LOW_PERCENT),
        "very_low_below": share_of(allowance, VERY_LOW_PERCENT),
    }
    with connection.cursor() as cursor:
        cursor.execute(WALLETS, parameters)
        first, last = cursor.fetchone()
    assert last - first + 1 == count
    return range(first, last + 1)


def create_rich_wallet(*, entries: int, name: str = "rich") -> Wallet:
    """Make a company's wallet with a year's books of this many entries, at least 2,000, and return it with its owner.

    Charges of all features from the app and by API keys, three chatbots, two workflows with their steps, holds with
    captures and releases, imports, an expired allowance a month and a pack; `proof.prove` finds nothing to object to.
    """
    assert entries >= SMALLEST_RICH
    now = timezone.now()
    midnight = datetime.combine(now.date(), datetime.min.time(), tzinfo=UTC)
    began = midnight - timedelta(days=15) - relativedelta(months=RICH_MONTHS - 1)
    allowance = entries * RICH_ALLOWANCE_PER_ENTRY // RICH_MONTHS
    with transaction.atomic():
        wallet = _empty_wallet(f"{name}-{entries}@bench.example", allowance, began=began)
        models = ("gpt-4o-mini", "gpt-4o", "claude-3.5-sonnet")
        bots = [
            Chatbot.objects.create(wallet=wallet, name=f"Helper {number}", model_id=model, created_at=began)
            for number, model in enumerate(models, start=1)
        ]
        parameters = {
            "wallet": wallet.pk,
            "entries": entries,
            "months": RICH_MONTHS,
            "began": began,
            "now": now - timedelta(seconds=1),
            "allowance": allowance,
            "pack": RICH_PACK,
            "pack_grant": _next_ids(Grant, 1),
            "first_hold": _next_ids(Hold, entries),
            "chatbots": [bot.pk for bot in bots],
        }
        with connection.cursor() as cursor:
            cursor.execute(RICH_WALLET.read_text(encoding="utf-8"), parameters)
    return Wallet.objects.select_related("owner").get(pk=wallet.pk)


def _empty_wallet(email: str, allowance: int, *, began: datetime) -> Wallet:
    """Make a person, by one statement and so without a first month, on a contract of this allowance."""
    [owner] = User.objects.bulk_create([User(email=email, password=make_password(None), joined_at=began)])
    wallet = Wallet.objects.create(
        owner=owner,
        last_posted_at=began,
        last_posted_on=began.date(),
        cycle_started_at=began,
        low_below=share_of(allowance, LOW_PERCENT),
        very_low_below=share_of(allowance, VERY_LOW_PERCENT),
    )
    begins, ends = began + relativedelta(months=RICH_MONTHS - 1), began + relativedelta(months=RICH_MONTHS)
    Subscription.objects.create(
        wallet=wallet,
        plan_id="enterprise",
        allowance=allowance,
        anchor_at=began,
        period=RICH_MONTHS - 1,
        period_started_at=begins,
        period_ends_at=ends,
        started_at=began,
    )
    return wallet


def _next_ids(model: type[Grant] | type[Hold], count: int) -> int:
    """Take this many ids and return the first of them."""
    sequence = "pg_get_serial_sequence(%s, 'id')"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT nextval({sequence})", [model._meta.db_table])
        (first,) = cursor.fetchone()
        cursor.execute(f"SELECT setval({sequence}, %s)", [model._meta.db_table, first + count])
    return first


def settle_down() -> None:
    """Leave PostgreSQL with statistics, and nothing to clean up."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def checkpoint() -> None:
    """Write all pages now, so that no checkpoint falls into a round; a warm-up must follow."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
