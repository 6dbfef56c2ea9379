"""A network between a program and its server that loses answers: the request arrives, what comes back is swallowed."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit

LARGEST_REQUEST = 65_536


class LossyNetwork:
    """Carries requests to the server, one a connection; of the first `losses` the answer is thrown away."""

    def __init__(self, url: str, *, losses: int) -> None:
        self._server = urlsplit(url)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.losses = losses
        self.carried = 0

    @property
    def url(self) -> str:
        """Where the server seems to be."""
        return f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def carry(self) -> None:
        """Carry requests until the door is closed."""
        while True:
            try:
                program, _ = self._door.accept()
            except OSError:
                return
            with program:
                self._carry_one(program)

    def close(self) -> None:
        """Let nobody in any more."""
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _carry_one(self, program: socket.socket) -> None:
        request = _one_request(program)
        if not request:
            return
        with socket.create_connection((self._server.hostname, self._server.port)) as server:
            server.sendall(request)
            answer = b""
            while part := server.recv(LARGEST_REQUEST):
                answer += part
        self.carried += 1
        if self.losses:
            self.losses -= 1
            return
        program.sendall(answer)


def _one_request(program: socket.socket) -> bytes:
    """Return a request, which asks the server to end the connection after its answer."""
    found = b""
    while b"\r\n\r\n" not in found:
        part = program.recv(LARGEST_REQUEST)
        if not part:
            return b""
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += program.recv(LARGEST_REQUEST)
    return head.replace(b"Connection: keep-alive", b"Connection: close") + b"\r\n\r\n" + body


@contextmanager
def losing(url: str, *, losses: int) -> Iterator[LossyNetwork]:
    """Let a program reach the server at `url` through a network that loses the first answers."""
    network = LossyNetwork(url, losses=losses)
    thread = Thread(target=network.carry, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        network.close()
        thread.join()
