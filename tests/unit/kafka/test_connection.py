"""One value describes how the brokers are reached."""

import subprocess
from pathlib import Path

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.kafka.connection import KafkaConnection


def test_a_plain_connection_needs_an_address_only() -> None:
    arguments = KafkaConnection("one:9092, two:9092").client_arguments()
    assert arguments["bootstrap_servers"] == ["one:9092", "two:9092"]
    assert arguments["security_protocol"] == "PLAINTEXT"
    assert arguments["ssl_context"] is None
    assert not any(name.startswith("sasl") for name in arguments)


def test_the_prefix_precedes_every_name_and_can_be_taken_off() -> None:
    connection = KafkaConnection("one:9092", prefix="uni.")
    assert connection.named("canvas.web_logs.v1") == "uni.canvas.web_logs.v1"
    assert connection.bare("uni.canvas.web_logs.v1") == "canvas.web_logs.v1"


def test_sasl_over_tls_gives_mechanism_credentials_and_a_context() -> None:
    connection = KafkaConnection(
        "one:9092",
        security="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="telemetry",
        sasl_password="not-shown",
    )
    arguments = connection.client_arguments()
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert arguments["sasl_plain_username"] == "telemetry"
    assert arguments["ssl_context"] is not None
    assert "not-shown" not in repr(connection)


@pytest.fixture
def own_certificate(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=test", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_a_private_authority_and_a_client_certificate_are_loaded(
    own_certificate: tuple[Path, Path],
) -> None:
    certificate, key = own_certificate
    connection = KafkaConnection(
        "one:9092", security="SSL", ca_file=certificate, cert_file=certificate, key_file=key
    )
    context = connection.client_arguments()["ssl_context"]
    assert len(context.get_ca_certs()) == 1
    assert connection.client_arguments()["ssl_context"] is context


def test_security_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="user name"):
        KafkaConnection("one:9092", security="SASL_PLAINTEXT")
    with pytest.raises(SettingsError, match="key file"):
        KafkaConnection("one:9092", security="SSL", cert_file=tmp_path / "cert.pem")
    with pytest.raises(SettingsError, match="empty"):
        KafkaConnection(" , ")
    missing = KafkaConnection("one:9092", security="SSL", ca_file=tmp_path / "none.pem")
    with pytest.raises(SettingsError, match="TLS files"):
        missing.client_arguments()
