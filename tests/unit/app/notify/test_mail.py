"""Mail over TLS and with a login, on a real socket."""

import ssl
from pathlib import Path

import pytest

from pipeline.app.notify.channels import Refused
from pipeline.app.notify.mail import Mail, MailServer, Security
from pipeline.app.notify.notices import Notice
from pipeline.app.notify.templates import Templates
from pipeline.domain.errors import Unavailable
from tests.support.alerts import alert
from tests.support.certificates import self_signed, serving
from tests.support.smtp_server import Offer, mail_server

FITS = "correct horse"
ACCOUNTS = {"canvas": FITS}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    return serving(certificate)


@pytest.fixture
def _trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an operator sets for an authority of the own house (OpenSSL, SSL_CERT_FILE).
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def mail(port: int, security: Security = "starttls", password: str = FITS) -> Mail:
    server = MailServer("127.0.0.1", port, security, "canvas", password)
    return Mail(server, "canvas@example.edu", ("a@example.edu",), Templates(), lambda: 1.7e9)


NEWS = Notice("opened", alert(1))


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_out_over_tls_with_a_login(tls: ssl.SSLContext, security: Security) -> None:
    offer = Offer(tls=tls, tls_at_once=security == "tls", accounts=ACCOUNTS)
    with mail_server(offer) as server:
        await mail(server.port, security).send(NEWS)
    assert server.logins == [("canvas", FITS)]
    assert [recipients for _, recipients, _ in server.mails] == [["a@example.edu"]]


@pytest.mark.usefixtures("_trusted")
async def test_a_password_that_is_refused_will_never_do(tls: ssl.SSLContext) -> None:
    offer = Offer(tls=tls, accounts=ACCOUNTS)
    with mail_server(offer) as server, pytest.raises(Refused, match="535"):
        await mail(server.port, password="wrong").send(NEWS)
    assert server.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_nobody_vouches_for_hears_no_password(
    tls: ssl.SSLContext, security: Security
) -> None:
    offer = Offer(tls=tls, tls_at_once=security == "tls", accounts=ACCOUNTS)
    with mail_server(offer) as server, pytest.raises(Unavailable, match="SSLCertVerificationErr"):
        await mail(server.port, security).send(NEWS)
    assert server.logins == server.mails == []


async def test_a_server_without_starttls_hears_no_password() -> None:
    offer = Offer(accounts=ACCOUNTS)
    with mail_server(offer) as server, pytest.raises(Unavailable, match="SMTPNotSupportedError"):
        await mail(server.port).send(NEWS)
    assert server.logins == server.mails == []
