"""What every template may ask for."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Return the product's name, its address (whatever name a request came with), and whether this is development."""
    return {"site_name": "CleverAI", "site_url": settings.SITE_URL, "development": settings.DEVELOPMENT}
