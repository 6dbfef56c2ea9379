"""What the environment's values must look like; settings.py asks before it believes them."""

from urllib.parse import SplitResult, urlsplit

from environs import ValidationError


def check_site_url(text: str) -> None:
    """Refuse anything but scheme and host, with a port or without."""
    parts = _parts(text)
    if parts is None or parts.scheme not in {"http", "https"} or text != f"{parts.scheme}://{parts.netloc}":
        raise ValidationError("It must look like https://credits.example.com, with no path.")


def check_redis_url(text: str) -> None:
    """Refuse an address that a client would fail on later, or take for another server's."""
    parts = _parts(text)
    number = parts.path.removeprefix("/") if parts else ""
    if parts is None or parts.scheme not in {"redis", "rediss"} or (number and not number.isdecimal()):
        raise ValidationError("It must look like redis://:password@host:6379/0, or start with rediss:// for TLS.")


def check_public_hosts(hosts: list[str]) -> None:
    """Refuse "*": the links in our mails carry the name that a request came with."""
    if "*" in hosts:
        raise ValidationError("It must name the hosts: with * anybody could put a foreign name into our mails' links.")


def host_of(url: str) -> str:
    """Return the host of a checked address, without its port."""
    return urlsplit(url).hostname or ""


def _parts(text: str) -> SplitResult | None:
    """Return the parts of an address with a host and a sound port, or None."""
    try:
        parts = urlsplit(text)
        is_sound = bool(parts.hostname) and parts.port != 0 and not any(character.isspace() for character in text)
    except ValueError:
        return None
    return parts if is_sound else None
