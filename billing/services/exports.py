"""Big exports: asked for once, written by one worker at a time, kept for a week, then deleted."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from billing.errors import MeteringError
from billing.models import Export, Message, Wallet
from billing.queue import hint
from billing.selectors import exports
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, from_json
from billing.services import outbox
from billing.services.export_writing import ClaimLost, Progress, Written, storage, store
from billing.services.ledger import lock_owned_wallet
from billing.services.requests import fingerprint
from billing.services.transactions import in_one_transaction

logger = logging.getLogger(__name__)

Status = Export.Status
Clock = Callable[[], datetime]

MOST_UNFINISHED = 3
LASTS = timedelta(days=7)
#: A row is forgotten so long after it was asked for; its file is gone long before.
REMEMBERED = timedelta(days=60)
#: Whoever asks again so soon has clicked twice.
DOUBLE_CLICK = timedelta(minutes=1)
#: For so long a worker may show no sign of life before another one takes over.
CLAIM = timedelta(minutes=2)
ATTEMPTS = 5
BATCH = 100
LONGEST_ERROR = 2_000
WRITE = "billing.tasks.write_export"


class TooManyExports(MeteringError):
    """The wallet has as many unfinished exports as may wait at once."""

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_UNFINISHED} of your files are still being written. There is room for another when one is ready."
        )


@in_one_transaction
def request(*, wanted: Wanted, file_format: Format, now: datetime) -> Export:
    """Keep what somebody wants as a file and have it written after commit; return it, or the same that is there.

    Raises TooManyExports and OwnerHasLeft.
    """
    asked = wanted.as_json
    print_of_it = fingerprint(wanted.what, file_format, asked)
    lock_owned_wallet(wanted.wallet.pk)
    of_wallet = Export.objects.filter(wallet=wanted.wallet)
    unfinished = Q(status__in=Export.UNFINISHED)
    just_written = Q(status=Status.READY, created_at__gt=now - DOUBLE_CLICK)
    if same := of_wallet.filter(unfinished | just_written, fingerprint=print_of_it).order_by("-pk").first():
        return same
    if of_wallet.filter(unfinished).count() >= MOST_UNFINISHED:
        raise TooManyExports
    export = Export.objects.create(
        wallet=wanted.wallet,
        what=wanted.what,
        file_format=file_format,
        asked=asked,
        fingerprint=print_of_it,
        lines=exports.size(wanted, file_format).lines,
        next_attempt_at=now,
        created_at=now,
    )
    hint(WRITE, export.pk)
    return export


def due(*, now: datetime) -> list[int]:
    """Return the exports that a worker may take, those first that have waited longest."""
    waiting = Export.objects.filter(status__in=Export.UNFINISHED, next_attempt_at__lte=now)
    return list(waiting.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:BATCH])


def write(*, export_id: int, clock: Clock) -> Export.Status | None:
    """Write an export unless somebody did or does, and return what it is then; None when there was nothing to do.

    Must run outside a transaction. A worker that dies leaves a row that is due again soon, and a file that nobody
    points at; two workers never finish the same one.
    """
    export = _claim(export_id=export_id, now=clock())
    if export is None:
        return None
    try:
        if export.attempts > ATTEMPTS:
            why = f"No worker came back from {ATTEMPTS} attempts. {export.error}".rstrip()
            return _give_up(export, error=why, now=clock())
        wanted = from_json(export.wallet, export.what, export.asked)
        with Progress(export, lease=CLAIM, clock=clock) as progress:
            written = store(wanted, Format(export.file_format), name=_name(export, export.attempts), progress=progress)
    except ClaimLost:
        return None
    except Exception as error:
        logger.exception("Export %s can't be written.", export.pk)
        return _postpone(export, error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR], now=clock())
    finally:
        _forget_other_attempts(export)
    if not _finish(export, written, now=clock()):
        storage().delete(written.stored_as)
        return None
    return Status.READY


def remove_expired(*, now: datetime) -> int:
    """Delete the files whose time is over, and return how many; one that can't be deleted is tried again."""
    removed = 0
    for export in Export.objects.filter(status=Status.READY, expires_at__lte=now).order_by("expires_at")[:BATCH]:
        if _delete_files(export):
            removed += Export.objects.filter(pk=export.pk, status=Status.READY).update(status=Status.EXPIRED)
    finished = Export.objects.filter(status__in=[Status.EXPIRED, Status.FAILED])
    of_nobody = Q(wallet__owner=None) & (Q(expires_at=None) | Q(expires_at__lte=now))
    for export in finished.filter(Q(created_at__lt=now - REMEMBERED) | of_nobody).order_by("pk")[:BATCH]:
        if _delete_files(export):
            export.delete()
    return removed


def erase(wallet: Wallet, *, now: datetime) -> None:
    """Let all files of a wallet go: those that are there with the next sweep, and none that isn't is offered.

    What a worker may be about to store is looked for once its claim can't hold any more.
    """
    of_wallet = Export.objects.filter(wallet=wallet)
    of_wallet.filter(status=Status.READY, expires_at__gt=now).update(expires_at=now)
    of_wallet.filter(status=Status.WRITING).update(expires_at=now + CLAIM)
    of_wallet.filter(status__in=Export.UNFINISHED).update(status=Status.FAILED, next_attempt_at=None)
    of_wallet.update(asked={}, error="Its owner has left.")


def _claim(*, export_id: int, now: datetime) -> Export | None:
    """Count one attempt and keep other workers off meanwhile; None when it isn't due, or another has it."""
    waiting = Export.objects.filter(pk=export_id, status__in=Export.UNFINISHED, next_attempt_at__lte=now)
    if not waiting.update(
        status=Status.WRITING, attempts=F("attempts") + 1, lines_written=0, next_attempt_at=now + CLAIM
    ):
        return None
    return Export.objects.select_related("wallet").get(pk=export_id)


@in_one_transaction
def _finish(export: Export, written: Written, *, now: datetime) -> bool:
    """Offer a file to who asked for it, unless another worker has taken over; return whether it is offered."""
    expires_at = now + LASTS
    is_ours = _mine(export).update(
        status=Status.READY,
        next_attempt_at=None,
        error="",
        stored_as=written.stored_as,
        size=written.size,
        sha256=written.sha256,
        ready_at=now,
        expires_at=expires_at,
    )
    if is_ours:
        _tell(export, now=now, size=written.size, expires_at=expires_at.isoformat())
    return bool(is_ours)


def _postpone(export: Export, *, error: str, now: datetime) -> Export.Status:
    """Write down why an attempt failed and when to try again; return what the export is now."""
    if export.attempts >= ATTEMPTS:
        return _give_up(export, error=error, now=now)
    delay = timedelta(minutes=3 ** (export.attempts - 1))
    _mine(export).update(status=Status.REQUESTED, next_attempt_at=now + delay, error=error)
    return Status.REQUESTED


@in_one_transaction
def _give_up(export: Export, *, error: str, now: datetime) -> Export.Status:
    if _mine(export).update(status=Status.FAILED, next_attempt_at=None, error=error):
        _tell(export, now=now)
        logger.error("Export %s is given up.", export.pk)
    return Status.FAILED


def _tell(export: Export, *, now: datetime, **facts: object) -> None:
    wanted = from_json(export.wallet, export.what, export.asked)
    outbox.tell(
        wallet=export.wallet,
        kind=Message.Kind.EXPORT,
        key=f"export:{export.pk}",
        now=now,
        export=export.pk,
        title=wanted.title,
        format=exports.FORMAT_NAMES[Format(export.file_format)],
        **facts,
    )


def _mine(export: Export) -> QuerySet[Export]:
    """Return the row while this worker's claim on it holds."""
    return Export.objects.filter(pk=export.pk, attempts=export.attempts, status=Status.WRITING)


def _name(export: Export, attempt: int) -> str:
    return f"{export.pk}.{attempt}.{export.file_format}"


def _delete_files(export: Export) -> bool:
    """Delete what all attempts at an export have stored; return whether nothing is left of it."""
    try:
        for attempt in range(1, export.attempts + 1):
            storage().delete(_name(export, attempt))
    except OSError:
        logger.exception("The file of export %s can't be deleted yet.", export.pk)
        return False
    return True


def _forget_other_attempts(export: Export) -> None:
    """Delete what earlier attempts have left: workers that died, or were taken for dead."""
    for attempt in range(1, export.attempts):
        try:
            storage().delete(_name(export, attempt))
        except OSError:
            logger.warning("Attempt %s of export %s has left a file.", attempt, export.pk)
