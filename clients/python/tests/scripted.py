"""A server that answers as it is told to, over real sockets, and remembers what it was asked."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast


@dataclass(frozen=True)
class Says:
    """One answer."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    after_seconds: float = 0


@dataclass(frozen=True)
class Breaks:
    """No answer: the connection is cut, at once or in the middle of a body."""

    in_the_middle: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Scripted(ThreadingHTTPServer):
    """Answers in the order of its script, and with its last line from then on."""

    daemon_threads = True

    def __init__(self, script: list[Says | Breaks]) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.script = script
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Conversation(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        server = cast("Scripted", self.server)
        length = int(self.headers.get("Content-Length") or 0)
        server.asked.append(Asked(self.command, self.path, dict(self.headers), self.rfile.read(length)))
        says = server.script.pop(0) if len(server.script) > 1 else server.script[0]
        if isinstance(says, Breaks):
            if says.in_the_middle:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
            self.close_connection = True
            return
        time.sleep(says.after_seconds)
        body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
        self.send_response(says.status)
        for name, value in {
            "Content-Type": says.content_type,
            "Content-Length": str(len(body)),
            **says.headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = answer  # noqa: N815 - its name in the base class
    do_POST = answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        pass


@contextmanager
def scripted(*script: Says | Breaks) -> Iterator[Scripted]:
    """Let a server answer like this while the block runs."""
    server = Scripted(list(script))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
