"""What every template may ask for."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Return the product's name and whether this is a development machine."""
    return {"site_name": "CleverAI", "development": settings.DEVELOPMENT}
