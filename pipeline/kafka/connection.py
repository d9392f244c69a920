"""How to reach the brokers, as one value that every client of this room is built from."""

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from pipeline.domain.errors import SettingsError

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

REQUEST_TIMEOUT_MS: Final = 15_000
"""No single request to a broker waits longer; aiokafka's default of 40 s hides a dead broker."""


@dataclass(frozen=True)
class KafkaConnection:
    """Address, names and security of one installation.

    ``bootstrap`` is a comma-separated list of host:port. ``prefix`` precedes the name of every
    topic, group and transactional id, so that installations can share a cluster.
    Raises SettingsError if the security fields do not fit together.
    """

    bootstrap: str
    prefix: str = ""
    client_id: str = "canvas-telemetry"
    security: Security = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not any(server.strip() for server in self.bootstrap.split(",")):
            raise SettingsError("The Kafka bootstrap address is empty.")
        if self._sasl and (self.sasl_username is None or self.sasl_password is None):
            raise SettingsError(f"Kafka security {self.security} needs a user name and a password.")
        if (self.cert_file is None) != (self.key_file is None):
            raise SettingsError("A Kafka client certificate needs both its file and its key file.")

    @property
    def servers(self) -> list[str]:
        """Return the bootstrap addresses one by one."""
        return [server.strip() for server in self.bootstrap.split(",") if server.strip()]

    def named(self, name: str) -> str:
        """Return a topic's, group's or transactional id's name as the cluster knows it."""
        return self.prefix + name

    def bare(self, name: str) -> str:
        """Return the name without the installation's prefix."""
        return name.removeprefix(self.prefix)

    def client_arguments(self) -> dict[str, Any]:
        """Return what every aiokafka client takes: address, identity, security."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "client_id": self.client_id,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "security_protocol": self.security,
            "ssl_context": self._ssl_context,
        }
        if self._sasl:
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return arguments

    @property
    def _sasl(self) -> bool:
        return self.security.startswith("SASL_")

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext | None:
        """Build the TLS context once: reading the CA bundle costs milliseconds per client."""
        if not self.security.endswith("SSL"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file, self.key_password)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"The Kafka TLS files cannot be used: {error}.") from error
        return context
