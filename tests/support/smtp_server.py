"""A mail server that keeps what it is given, in a thread of its own (RFC 5321, the least of it)."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MailBox:
    """Mails: sender, recipients, content."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[tuple[str, list[str], bytes]] = []


@contextmanager
def mail_server(answer_to_data: int = 250) -> Iterator[MailBox]:
    """Serve on the loopback address until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            sender, recipients = "", list[str]()
            for line in self.rfile:
                verb, _, rest = line.decode().strip().partition(" ")
                match verb.upper():
                    case "MAIL":
                        sender = rest
                    case "RCPT":
                        recipients.append(rest.partition("<")[2].partition(">")[0])
                    case "DATA":
                        self.say("354 go on")
                        content = self.content()
                        if answer_to_data == 250:
                            box.mails.append((sender, recipients, content))
                        self.say(f"{answer_to_data} so be it")
                        continue
                    case "QUIT":
                        self.say("221 bye")
                        return
                self.say("250 well")

        def content(self) -> bytes:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line.removeprefix(b"."))
            return b"".join(lines)

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    class Threaded(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Threaded(("127.0.0.1", 0), Handler) as server:
        box = MailBox(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
