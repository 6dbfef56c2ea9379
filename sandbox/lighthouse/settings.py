"""The running demo's settings, with static files served as in production: collected, named by content, compressed."""

from cleverai.settings import *  # noqa: F403
from cleverai.settings import BASE_DIR, STORAGES

STATIC_ROOT = BASE_DIR / ".local" / "lighthouse" / "static"
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = False
