"""A mail server of our own: it keeps what it takes, and can kill who posts a mail at any stage of the conversation."""

import os
import signal
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from typing import cast

#: In order. Once its text is there a mail is taken, whether its sender lives or not; it only knows after ANSWERED.
GREETING, SENDER, READER, DATA, READ, TAKEN, ANSWERED, GOODBYE = STAGES = (
    "greeting", "sender", "reader", "data", "read", "taken", "answered", "goodbye",
)  # fmt: skip
LONGEST_WAIT = 30


class PostOffice(socketserver.ThreadingTCPServer):
    """Listens on a port of its own; `mails` are those that it took, copies included."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.mails: list[EmailMessage] = []
        self.deadly_stage = ""
        self.victims: Queue[int] = Queue()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def reach(self, stage: str) -> None:
        """Kill the one that is to die at this stage, once."""
        if stage and stage == self.deadly_stage:
            self.deadly_stage = ""
            os.kill(self.victims.get(timeout=LONGEST_WAIT), signal.SIGKILL)

    def copies_of(self, message_id: str) -> list[EmailMessage]:
        """Return every mail that came with this Message-ID."""
        return [mail for mail in self.mails if mail["Message-ID"] == message_id]


class Conversation(socketserver.StreamRequestHandler):
    """One connection: as much of SMTP as a sender needs."""

    @property
    def office(self) -> PostOffice:
        """The server that this is a conversation with."""
        return cast("PostOffice", self.server)

    def handle(self) -> None:
        """Answer until the other goes, or is gone."""
        try:
            self.office.reach(GREETING)
            self.say("220 A post office")
            while line := self.rfile.readline().decode().strip():
                self.answer(line.split()[0].upper())
        except ConnectionError:
            pass

    def answer(self, command: str) -> None:
        """Answer one command."""
        stage = {"MAIL": SENDER, "RCPT": READER, "DATA": DATA, "QUIT": GOODBYE}.get(command, "")
        self.office.reach(stage)
        if command == "DATA":
            self.take()
        else:
            self.say("221 Bye" if command == "QUIT" else "250 Yes")

    def take(self) -> None:
        """Take a mail that came to its end; a half one was never posted."""
        self.say("354 Go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line.removeprefix(b".").rstrip(b"\r\n"))
            if len(lines) == 1:
                self.office.reach(READ)
        self.office.mails.append(message_from_bytes(b"\n".join(lines), policy=policy.default))
        self.office.reach(TAKEN)
        self.say("250 Taken")
        self.office.reach(ANSWERED)

    def say(self, line: str) -> None:
        """Send one line."""
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def open_office() -> Iterator[PostOffice]:
    """Yield a post office that works in a thread of its own."""
    with PostOffice() as office:
        thread = threading.Thread(target=office.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield office
        office.shutdown()
        thread.join()
