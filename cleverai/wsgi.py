"""WSGI entry point: `gunicorn cleverai.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleverai.settings")

application = get_wsgi_application()
