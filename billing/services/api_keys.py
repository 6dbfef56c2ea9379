"""Keys for programs: made and shown once, replaced while the old one lives on, ended. Each act locks the wallet first.

A person's key reads and asks for prices. One of our own services, without a wallet, may spend, too.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection
from django.db.models import Q, QuerySet
from redis.exceptions import RedisError

from accounts.models import User
from accounts.time_zones import zone
from billing import api_tokens
from billing.errors import ApiAccessPaused, InvalidRequest, MeteringError
from billing.models import ApiKey, Wallet
from billing.services import names
from billing.services.ledger import lock_wallet, require_owner
from billing.services.settlement import settled_books
from billing.services.transactions import in_one_transaction

Scope = ApiKey.Scope

OF_A_PERSON = (Scope.READ, Scope.QUOTE)
OF_A_SERVICE = (Scope.READ, Scope.QUOTE, Scope.SPEND)
MOST_LIVE = 20
LONGEST_OVERLAP = timedelta(days=30)
ERASED_NAME = "API key"
SECONDS_OF_A_DAY = 86_400


class TooManyApiKeys(MeteringError):
    """The wallet has as many live keys as it may have."""

    def __init__(self) -> None:
        super().__init__(f"You have {MOST_LIVE} keys that work. Revoke one that nothing uses any more.")


class UnknownApiKey(MeteringError):
    """The wallet has no such key."""

    def __init__(self) -> None:
        super().__init__("There is no such API key.")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `token` is what its holder keeps: nobody can be told it again."""

    key: ApiKey
    token: str = field(repr=False)


@in_one_transaction
def create(
    *, wallet_id: int, name: str, scopes: Collection[str], expires_at: datetime | None, created_by: User, now: datetime
) -> NewKey:
    """Return a new key with which a program reads a person's wallet; `expires_at` None lasts until it is revoked.

    Raises ApiAccessPaused where the plan has none, TooManyApiKeys, UnknownWallet, NoPlan, OwnerHasLeft, and
    InvalidRequest for a name that can't be shown or that another live key has, scopes that no person's key has, and an
    end that is over.
    """
    name, scopes = names.checked(name, of="An API key"), _checked_scopes(scopes, among=OF_A_PERSON)
    _require_ahead(expires_at, now=now)
    with settled_books(wallet_id, now=now) as books:
        require_owner(books.wallet)
        if not books.subscription.plan.has_api_access:
            raise ApiAccessPaused
        mine = ApiKey.objects.filter(wallet=books.wallet)
        _require_new_name(mine, name, now=now)
        if live(mine, now=now).count() >= MOST_LIVE:
            raise TooManyApiKeys
        return _make(books.wallet, name, scopes, expires_at=expires_at, created_by=created_by, now=now)


@in_one_transaction
def create_for_service(
    *, name: str, scopes: Collection[str], expires_at: datetime | None, created_by: User, now: datetime
) -> NewKey:
    """Return a new key for one of our own services, which names the wallet of each request. Raises InvalidRequest."""
    name, scopes = names.checked(name, of="An API key"), _checked_scopes(scopes, among=OF_A_SERVICE)
    _require_ahead(expires_at, now=now)
    with connection.cursor() as cursor:  # without a wallet, no row of theirs makes two owners wait for one another
        cursor.execute("LOCK TABLE billing_apikey IN SHARE ROW EXCLUSIVE MODE")
    require_new_service_name(name, now=now)
    return _make(None, name, scopes, expires_at=expires_at, created_by=created_by, now=now)


def require_new_service_name(name: str, *, now: datetime) -> None:
    """Raise InvalidRequest when a live key of one of our services has this name."""
    _require_new_name(ApiKey.objects.filter(wallet=None), name, now=now)


@in_one_transaction
def rotate(
    *,
    wallet_id: int,
    key_id: int,
    overlap: timedelta,
    expires_at: datetime | None,
    created_by: User,
    now: datetime,
) -> NewKey:
    """Return a new key with a live one's name and scopes; the old one works for `overlap` more, or ends now for none.

    Of one name two keys are live at most. Raises UnknownApiKey, ApiAccessPaused, OwnerHasLeft, what locks raise, and
    InvalidRequest for a key that has ended, was replaced already, or whose predecessor still works.
    """
    with settled_books(wallet_id, now=now) as books:
        require_owner(books.wallet)
        if not books.subscription.plan.has_api_access:
            raise ApiAccessPaused
        old = _own(books.wallet, key_id)
        return _replace(old, overlap=overlap, expires_at=expires_at, created_by=created_by, now=now)


@in_one_transaction
def rotate_for_service(
    *, key_id: int, overlap: timedelta, expires_at: datetime | None, created_by: User, now: datetime
) -> NewKey:
    """Do the same for a key of one of our own services. Raises UnknownApiKey and InvalidRequest."""
    old = ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id, wallet=None).first()
    if old is None:
        raise UnknownApiKey
    return _replace(old, overlap=overlap, expires_at=expires_at, created_by=created_by, now=now)


def require_replaceable(key: ApiKey, *, now: datetime) -> None:
    """Raise InvalidRequest for a key that has ended, was replaced already, or whose predecessor still works."""
    if key.replaced_by_id is not None:
        raise InvalidRequest("This key was replaced already. What it was replaced by can be replaced in turn.")
    if not key.is_live(now=now):
        raise InvalidRequest("This key has ended. Make a new one.")
    if live(ApiKey.objects.filter(replaced_by=key), now=now).exists():
        raise InvalidRequest("The key that this one replaced still works. Revoke that first: two live at most.")


@in_one_transaction
def set_expiry(*, wallet_id: int, key_id: int, expires_at: datetime | None, now: datetime) -> ApiKey:
    """Set when a live key ends, None for never, and return it. Raises UnknownApiKey, UnknownWallet, InvalidRequest.

    The end of one that was replaced only comes nearer.
    """
    _require_ahead(expires_at, now=now)
    key = _own(lock_wallet(wallet_id), key_id)
    if not key.is_live(now=now):
        raise InvalidRequest("This key has ended. Make a new one.")
    if key.replaced_by_id is not None and key.expires_at and (expires_at is None or expires_at > key.expires_at):
        raise InvalidRequest("This key was replaced: it can end sooner, but not later.")
    key.expires_at = expires_at
    key.save(update_fields=["expires_at"])
    return key


@in_one_transaction
def revoke(*, wallet_id: int, key_id: int, now: datetime) -> ApiKey:
    """End a key at once and return it; one that was revoked stays so. Raises UnknownApiKey and UnknownWallet."""
    return _revoke(_own(lock_wallet(wallet_id), key_id), now=now)


@in_one_transaction
def revoke_by_staff(*, key_id: int, now: datetime) -> ApiKey:
    """End any key at once, a service's too, and return it. Raises UnknownApiKey."""
    wallet_ids = ApiKey.objects.filter(pk=key_id).values_list("wallet_id", flat=True)
    if wallet_ids and wallet_ids[0] is not None:
        lock_wallet(wallet_ids[0])
    key = ApiKey.objects.select_for_update(of=("self",), no_key=True).filter(pk=key_id).first()
    if key is None:
        raise UnknownApiKey
    return _revoke(key, now=now)


def note_use(key: ApiKey, *, now: datetime) -> None:
    """Note the day on which a key is used, its owner's local day: one write a day, and no question when it is known.

    `key` is as it was just read. While the cache is away the row alone keeps this to one write a day.
    """
    day = now.astimezone(zone(key.wallet.time_zone if key.wallet else "UTC")).date()
    if key.last_used_on is not None and key.last_used_on >= day:
        return
    try:
        if not cache.add(f"api-key-used:{key.pk}:{day}", True, SECONDS_OF_A_DAY):
            return
    except RedisError:
        pass
    earlier = Q(last_used_on=None) | Q(last_used_on__lt=day)
    ApiKey.objects.filter(earlier, pk=key.pk).update(last_used_on=day)


def erase(wallet: Wallet, *, now: datetime) -> None:
    """End the keys of a wallet whose owner leaves, and forget their names, in the caller's transaction."""
    mine = ApiKey.objects.filter(wallet=wallet)
    mine.filter(revoked_at=None).update(revoked_at=now)
    mine.update(name=ERASED_NAME, created_by=None)


def live(keys: "QuerySet[ApiKey]", *, now: datetime) -> "QuerySet[ApiKey]":
    """Return those of these keys that open anything."""
    return keys.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


def _make(
    wallet: Wallet | None,
    name: str,
    scopes: Collection[str],
    *,
    expires_at: datetime | None,
    created_by: User,
    now: datetime,
    first: ApiKey | None = None,
) -> NewKey:
    token = api_tokens.new()
    key = ApiKey.objects.create(
        wallet=wallet,
        name=name,
        prefix=token.id,
        secret_hash=api_tokens.hash_of(token.text),
        scopes=list(scopes),
        created_at=now,
        created_by=created_by,
        expires_at=expires_at,
        first=first,
    )
    return NewKey(key, token.text)


def _replace(
    old: ApiKey, *, overlap: timedelta, expires_at: datetime | None, created_by: User, now: datetime
) -> NewKey:
    """Return what replaces a locked key: its name, its scopes, and what its uses are called."""
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise InvalidRequest(f"The old key can work for {LONGEST_OVERLAP.days} more days at most.")
    _require_ahead(expires_at, now=now)
    require_replaceable(old, now=now)
    made = _make(
        old.wallet, old.name, old.scopes, expires_at=expires_at, created_by=created_by, now=now, first=old.first or old
    )
    old.replaced_by = made.key
    if overlap:
        old.expires_at = min(old.expires_at or now + overlap, now + overlap)
    else:
        old.revoked_at = now
    old.save(update_fields=["replaced_by", "expires_at", "revoked_at"])
    return made


def _own(wallet: Wallet, key_id: int) -> ApiKey:
    """Return one of the locked wallet's keys; nobody else's is found."""
    key = ApiKey.objects.filter(wallet=wallet, pk=key_id).first()
    if key is None:
        raise UnknownApiKey
    return key


def _revoke(key: ApiKey, *, now: datetime) -> ApiKey:
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
    return key


def _require_new_name(keys: "QuerySet[ApiKey]", name: str, *, now: datetime) -> None:
    if live(keys, now=now).filter(name=name).exists():
        raise InvalidRequest(f"A key called “{name}” works already. Replace or revoke it, or choose another name.")


def _require_ahead(expires_at: datetime | None, *, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("A key’s end lies ahead.")


def _checked_scopes(scopes: Collection[str], *, among: Collection[Scope]) -> list[str]:
    """Return the scopes in their usual order; raises InvalidRequest for none, or any that isn't `among` these."""
    if not scopes or set(scopes) - set(among):
        raise InvalidRequest("Choose what the key may do.")
    return [scope.value for scope in among if scope in scopes]
