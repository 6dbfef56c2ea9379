"""A worker that is killed while it writes a file: another one takes over, and nobody sees half a file (G5)."""

from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from accounts.models import User
from billing.models import Export, Message
from billing.selectors import exports as contents
from billing.selectors.copying import Format
from billing.selectors.export_contents import Wanted, What
from billing.selectors.spans import custom
from billing.services import exports
from billing.services.exports import CLAIM
from billing.tests.exports.keeping import files
from billing.tests.kills.mortal import live
from billing.tests.pages.acts import charge

__all__ = ["files"]
pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

FEWEST_MOMENTS = 20


def test_killed_at_any_moment(files: Path, alice: User, now: datetime) -> None:
    charge(alice, 3, now=now)
    wanted = Wanted(alice.wallet, What.STATEMENT, custom(date(2025, 3, 1), date(2025, 3, 31)))
    whole = b"".join(contents.stream(wanted, Format.CSV))
    for moment in count(1):
        asked_at = now + moment * timedelta(hours=1)
        export = exports.request(wanted=wanted, file_format=Format.CSV, now=asked_at)
        end = live(lambda: exports.write(export_id=export.pk, clock=lambda: asked_at), dies_at=moment)  # noqa: B023
        exports.write(export_id=export.pk, clock=lambda: asked_at + CLAIM)  # noqa: B023
        export.refresh_from_db()
        assert export.status == Export.Status.READY, moment
        assert (files / export.stored_as).read_bytes() == whole, moment
        assert [file.name for file in files.glob(f"{export.pk}.*")] == [export.stored_as], moment
        assert Message.objects.filter(kind="export", facts__export=export.pk).count() == 1, moment
        if not end.was_killed:
            break
    assert moment >= FEWEST_MOMENTS
