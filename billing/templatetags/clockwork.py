"""What staff see of the clockwork on their first page."""

from django import template

from billing.services import clockwork

register = template.Library()


@register.inclusion_tag("admin/billing/_clockwork.html")
def clockwork_health() -> dict[str, object]:
    """Say whether every periodic task ran in time, or name those that didn't."""
    beats = clockwork.beats()
    return {"beats": beats, "late": [each for each in beats if each.is_late]}
