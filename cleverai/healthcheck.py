"""Asks this container's own web server whether it is up; run as a file, it needs nothing else of the product.

It asks under a name that the site goes by, as every visitor does: any other would be refused.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit


def site_name() -> str:
    """Return the first of ALLOWED_HOSTS, or the host of SITE_URL."""
    first = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    return first or urlsplit(os.environ.get("SITE_URL", "")).hostname or "localhost"


def is_up() -> bool:
    """Return whether /livez answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or "8000"), timeout=4)
    try:
        connection.request("GET", "/livez", headers={"Host": site_name()})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_up() else 1)
