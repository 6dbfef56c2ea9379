"""The mails that development keeps instead of sending, ready to be read."""

import quopri
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header

from django_mail_viewer.backends.database.models import EmailMessage


@dataclass(frozen=True)
class Mail:
    """One mail as its reader would see it; an alternative it doesn't have is empty."""

    pk: int
    sent_at: datetime
    sender: str
    recipients: str
    subject: str
    text: str = ""
    html: str = ""
    attachments: tuple[str, ...] = ()


def latest(count: int) -> list[Mail]:
    """Return the newest mails first, without their bodies."""
    return [_envelope(row) for row in EmailMessage.objects.filter(parent=None).order_by("-pk")[:count]]


def read(row: EmailMessage) -> Mail:
    """Return the whole mail."""
    parts: Iterable[EmailMessage] = row.parts.order_by("pk") if row.is_multipart() else [row]
    bodies: dict[str, str] = {}
    attachments = []
    for part in parts:
        if part.file_attachment:
            attachments.append(part.get_filename())
        elif part.content:
            bodies.setdefault(part.get_content_type(), _decoded(part))
    envelope = _envelope(row)
    return Mail(
        pk=envelope.pk,
        sent_at=envelope.sent_at,
        sender=envelope.sender,
        recipients=envelope.recipients,
        subject=envelope.subject,
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html", ""),
        attachments=tuple(attachments),
    )


def _envelope(row: EmailMessage) -> Mail:
    return Mail(
        pk=row.pk,
        sent_at=row.created_at,
        sender=_header(row, "From"),
        recipients=_header(row, "To"),
        subject=_header(row, "Subject") or "(no subject)",
    )


def _header(row: EmailMessage, name: str) -> str:
    return str(make_header(decode_header(row.get(name, ""))))


def _decoded(part: EmailMessage) -> str:
    """Return the text of a part: those of a multipart mail are kept decoded, a mail of one part as it would be sent."""
    encoding = "" if part.parent_id else str(part.get("Content-Transfer-Encoding", "")).lower()
    if encoding == "quoted-printable":
        return quopri.decodestring(part.content.encode()).decode(errors="replace")
    if encoding == "base64":
        return b64decode(part.content).decode(errors="replace")
    return str(part.content)
