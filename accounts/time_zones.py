"""The time zones a person can choose from."""

import logging
import zoneinfo
from functools import cache

logger = logging.getLogger(__name__)

NOT_PLACES = frozenset({"Factory", "localtime", "posixrules"})
# PostgreSQL takes these for abbreviations without a summer time, so that its days would differ from Python's.
ABBREVIATIONS = frozenset({"CET", "EET", "MET", "WET"})


@cache
def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone called `name`, or UTC where this machine's time zone data lacks it; the log says so once."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        logger.error("This machine knows no time zone “%s”: whose days follow it get those of UTC.", name)
        return zoneinfo.ZoneInfo("UTC")


@cache
def known_time_zones() -> frozenset[str]:
    """Return the names of all IANA time zones that this machine knows and that mean the same to the database."""
    return frozenset(zoneinfo.available_timezones()) - NOT_PLACES - ABBREVIATIONS


@cache
def time_zone_choices() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return (region, ((name, label), …)) for a select: UTC first, then places in the order of the alphabet."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(known_time_zones()):
        region, slash, place = name.partition("/")
        if slash and region not in {"Etc", "SystemV", "US"}:
            regions.setdefault(region, []).append((name, place.replace("_", " ").replace("/", " – ")))
    return (("World", (("UTC", "UTC"),)), *((region, tuple(places)) for region, places in regions.items()))
