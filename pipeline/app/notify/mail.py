"""E-mail by SMTP. The Message-ID is made of the dedup key, and an episode is one thread."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Literal

from pipeline.app.notify.book import Kind
from pipeline.app.notify.channels import CALM, Refused
from pipeline.app.notify.notices import Notice
from pipeline.app.notify.templates import Templates
from pipeline.domain.errors import Unavailable

TIMEOUT_S: Final = 30.0
DOMAIN: Final = "canvas-telemetry.invalid"
"""Right part of Message-IDs: no mail server is called so (RFC 2606)."""

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail is handed over."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Mail:
    """Sends what people are told of, in the words of two templates."""

    name = "email"
    kinds: frozenset[Kind] = CALM

    def __init__(
        self,
        server: MailServer,
        sender: str,
        recipients: tuple[str, ...],
        templates: Templates,
        clock_s: Callable[[], float],
    ) -> None:
        self._server = server
        self._sender = sender
        self._recipients = recipients
        self._templates = templates
        self._clock_s = clock_s

    async def send(self, notice: Notice) -> None:
        """Hand the message to the server, in a thread: its library waits."""
        await asyncio.to_thread(self._hand_over, self.message(notice))

    def message(self, notice: Notice) -> EmailMessage:
        """Return the message about a notice."""
        message = EmailMessage()
        # A header is one line; what a key brings along must not begin another.
        subject = " ".join(self._templates.text("email_subject.txt", notice).split())
        thread = f"<{notice.record['episode']}@{DOMAIN}>"
        message["Subject"] = subject
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock_s(), UTC))
        message["Message-ID"] = f"<{notice.dedup_key.replace('/', '.')}@{DOMAIN}>"
        message["References"] = thread
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._templates.text("email_body.txt", notice))
        return message

    def _hand_over(self, message: EmailMessage) -> None:
        server = self._server
        try:
            with self._connected() as smtp:
                if server.security == "starttls":
                    smtp.starttls(context=ssl.create_default_context())
                if server.username is not None:
                    smtp.login(server.username, server.password or "")
                smtp.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise Refused(f"{server.host} refused the user: {error.smtp_code}") from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            refused = Refused if min(codes) >= 500 else Unavailable
            raise refused(f"{server.host} refused the recipients: {sorted(codes)}") from error
        except smtplib.SMTPResponseException as error:
            refused = Refused if error.smtp_code >= 500 else Unavailable
            raise refused(f"{server.host} answered {error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"{server.host}: {type(error).__name__}") from error

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
