"""CleverAI's own settings, with the peer that it is measured against and an empty page beside its own."""

from cleverai.settings import *  # noqa: F403
from cleverai.settings import BASE_DIR, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "mptt", "djmoney", "hordak", "benchmarks"]
ROOT_URLCONF = "benchmarks.urls"
DEFAULT_CURRENCY = "USD"
HORDAK_CURRENCIES = CURRENCIES = ["USD"]

# As in production, static files are found once, and not anew in every request.
STATIC_ROOT = BASE_DIR / "static"
WHITENOISE_AUTOREFRESH = False
WHITENOISE_USE_FINDERS = True
