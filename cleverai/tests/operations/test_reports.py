"""What is reported to Sentry tells where it went wrong and for which request, and nothing about the person."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli
import pytest
from django.conf import settings

UNPACK: dict[str | None, Callable[[bytes], bytes]] = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}


class Reports:
    """A server that takes reports as Sentry does."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        keep = self.bodies.append

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keep(UNPACK[self.headers["Content-Encoding"]](body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://key@127.0.0.1:{self.server.server_port}/1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        """Return the errors that were reported, in the order in which they came."""
        lines = [json.loads(line) for body in self.bodies for line in body.splitlines()]
        return [line for line in lines if "event_id" in line and "platform" in line]


@pytest.fixture
def reports() -> Iterator[Reports]:
    found = Reports()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_report_has_the_error_and_the_ids_and_nothing_of_the_person(reports: Reports) -> None:
    env = os.environ | {"SENTRY_DSN": reports.dsn, "PYTHONWARNINGS": "ignore"}
    subprocess.run(
        [sys.executable, "-m", "cleverai.tests.operations.failing_site"],
        env=env, cwd=settings.BASE_DIR, check=True, capture_output=True,
    )  # fmt: skip

    logged, raised, later = reports.events()
    assert logged["logentry"]["formatted"] == "Mail for [hidden] is lost: https://[hidden]@example.com/[hidden]"
    (error,) = raised["exception"]["values"]
    assert (error["type"], error["value"]) == ("ValueError", "[hidden] has no row for [hidden]")
    assert error["stacktrace"]["frames"][-1]["function"] == "fail"
    assert raised["transaction"] == "/fail/{token}/"
    assert logged["tags"] == raised["tags"] == {"request_id": "from-the-proxy-1"}
    assert later["logentry"]["formatted"] == "Nobody is here"
    for event in (logged, raised, later):
        assert not {"request", "user", "extra", "breadcrumbs", "contexts"} & event.keys()
    for frame in error["stacktrace"]["frames"]:
        assert "vars" not in frame
        for code in ("context_line", "pre_context", "post_context"):  # the lines of our code are no secret
            frame.pop(code)
    said = json.dumps([logged, raised, later])
    assert "canary" not in said
    assert "198.51.100.7" not in said
