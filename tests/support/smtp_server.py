"""A mail server that keeps what it is given, in a thread of its own (RFC 5321, the least of it).

With a certificate it speaks TLS, at once or after STARTTLS (RFC 3207); with accounts it takes mail
only of who has logged in (RFC 4954, PLAIN), and lets nobody log in on a connection that others
can read.
"""

import base64
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

LOOK_S = 0.05
"""How often the server looks whether it should end."""


class MailBox:
    """Mails (sender, recipients, content), and what clients tried to log in with."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.logins: list[tuple[str, str]] = []


@dataclass(frozen=True)
class Offer:
    """What the server does; ``tls_at_once``: there is no word before the handshake."""

    answer_to_data: int = 250
    tls: ssl.SSLContext | None = None
    tls_at_once: bool = False
    accounts: Mapping[str, str] = field(default_factory=dict)


class Conversation(socketserver.StreamRequestHandler):
    """One connection; its server has ``offer`` and ``box``."""

    server: "MailServerThread"

    def handle(self) -> None:
        """Answer line by line until the client leaves."""
        self.offer, self.box = self.server.offer, self.server.box
        self.secure = self.known = False
        self.sender, self.recipients = "", list[str]()
        try:
            if self.offer.tls_at_once:
                self.handshake()
            self.say("220 here")
            while line := self.rfile.readline():
                verb, _, rest = line.decode().strip().partition(" ")
                if verb.upper() == "QUIT":
                    self.say("221 bye")
                    return
                self.answers.get(verb.upper(), Conversation.well)(self, rest)
        except (ssl.SSLError, ConnectionError):
            return  # the client did not like the certificate
        finally:
            self.connection.close()

    def handshake(self) -> None:
        """Go on in TLS."""
        assert self.offer.tls is not None
        self.rfile.close()
        self.connection = self.offer.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.secure = True

    def ehlo(self, _: str) -> None:
        """Say what there is."""
        self.say("250-here")
        if self.offer.tls is not None and not self.secure:
            self.say("250-STARTTLS")
        if self.offer.accounts and self.secure:
            self.say("250-AUTH PLAIN")
        self.say("250 8BITMIME")

    def starttls(self, _: str) -> None:
        """Go on in TLS, if there is a certificate."""
        if self.offer.tls is None:
            self.say("502 no")
            return
        self.say("220 go on")
        self.handshake()

    def auth(self, rest: str) -> None:
        """Let in who has the password."""
        _, name, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self.box.logins.append((name, password))
        self.known = self.secure and self.offer.accounts.get(name) == password
        self.say("235 hello" if self.known else "535 who")

    def mail(self, rest: str) -> None:
        """Take the sender, of a client that may send."""
        if self.offer.accounts and not self.known:
            self.say("530 log in first")
            return
        self.sender, self.recipients = rest, []
        self.well(rest)

    def rcpt(self, rest: str) -> None:
        """Take a recipient."""
        self.recipients.append(rest.partition("<")[2].partition(">")[0])
        self.well(rest)

    def data(self, _: str) -> None:
        """Take the mail."""
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        if self.offer.answer_to_data == 250:
            self.box.mails.append((self.sender, self.recipients, b"".join(lines)))
        self.say(f"{self.offer.answer_to_data} so be it")

    def well(self, _: str) -> None:
        """Nod."""
        self.say("250 well")

    def say(self, line: str) -> None:
        """Send a line."""
        self.wfile.write(f"{line}\r\n".encode())

    answers: Mapping[str, Callable[["Conversation", str], None]] = {
        "EHLO": ehlo,
        "STARTTLS": starttls,
        "AUTH": auth,
        "MAIL": mail,
        "RCPT": rcpt,
        "DATA": data,
    }


class MailServerThread(socketserver.ThreadingTCPServer):
    """Serves what it offers, and keeps what it gets."""

    daemon_threads = True

    def __init__(self, offer: Offer) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.offer, self.box = offer, MailBox(self.server_address[1])


@contextmanager
def mail_server(offer: Offer = Offer()) -> Iterator[MailBox]:
    """Serve on the loopback address until the block ends."""
    with MailServerThread(offer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK_S})
        thread.start()
        try:
            yield server.box
        finally:
            server.shutdown()
            thread.join()
