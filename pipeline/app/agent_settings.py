"""The settings of the live agents, one group for each; ``Settings`` has them all."""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, Field, SecretStr

INSTRUCTURE_JWKS: Final = "https://8axpcl50e4.execute-api.us-east-1.amazonaws.com/main/jwks"
"""Keys that sign Live Events of production and beta; changed on the 30th of each month.

https://developerdocs.instructure.com/services/live-events/setup
"""


class DapSettings(BaseModel):
    """Of ``ingest dap``."""

    dap_url: str | None = Field(
        None, description="Address of DAP; None: Instructure's gateway, as its client knows it."
    )
    dap_client_id: str | None = Field(
        None, description="Client id of a DAP key, like us-east-1#…; mind the # in a shell."
    )
    dap_client_secret: SecretStr | None = Field(None, description="Secret of that key.")
    dap_format: Literal["jsonl", "csv", "tsv", "parquet"] = Field(
        "jsonl", description="Format that DAP is asked for; JSON lines are read fastest."
    )
    dap_every_minutes: int = Field(
        250, ge=1, description="Age of a window's end at which the next is asked for; DAP: 4 h."
    )
    dap_again_minutes: int = Field(
        15, ge=1, description="Pause after a window in which DAP had nothing new."
    )
    dap_downloads: int = Field(
        4, ge=1, le=16, description="Objects downloaded at once, and so many on disk."
    )
    dap_spool_limit_mib: int = Field(
        102_400, ge=1, description="Disk that a window may take, downloads included."
    )


class HttpSettings(BaseModel):
    """Of ``ingest live-events-http``."""

    http_host: str = Field("127.0.0.1", description="Address Live Events are posted to.")
    http_port: int = Field(8443, ge=0, le=65535, description="Its port; 0: any free one (logged).")
    http_path: str = Field(
        "/live-events", pattern=r"^/\S*$", description="Path that Canvas posts to."
    )
    http_cert_file: Path | None = Field(
        None, description="Certificate chain (PEM); without one a proxy in front has to speak TLS."
    )
    http_key_file: Path | None = Field(None, description="Key of that certificate (PEM).")
    http_signed: bool = Field(
        default=True, description="Take signed events alone; false: any that know a secret below."
    )
    http_jwks: str = Field(
        INSTRUCTURE_JWKS, description="Address or file of the keys (JWKS) that sign events."
    )
    http_jwks_refresh_minutes: int = Field(
        60, ge=1, description="Age at which the keys are asked for again; unknown keys ask at once."
    )
    http_path_secret: SecretStr | None = Field(
        None, description="For unsigned events: a secret that follows the path after a slash."
    )
    http_username: str | None = Field(None, description="For unsigned events: basic auth, user.")
    http_password: SecretStr | None = Field(None, description="For unsigned events: its password.")
    http_max_body_bytes: int = Field(
        2_097_152, ge=1024, description="Largest body; a larger one is answered 413."
    )
    http_max_waiting: int = Field(
        10_000, ge=1, description="Events waiting for Kafka; above that posts are answered 503."
    )
    http_answer_s: float = Field(
        12.0, gt=0, lt=15, description="Time in which Kafka has to answer; Canvas waits for 15 s."
    )
    http_max_bad_share: float = Field(
        1.0, ge=0, le=1, description="Share of bad events that stops it; 1: none, they are kept."
    )
    http_instance: str = Field(
        "", pattern=r"^[\w.-]*$", description="Name of this process where several take events."
    )


class SqsSettings(BaseModel):
    """Of ``ingest live-events-sqs``. Credentials are found as AWS clients find them."""

    sqs_queue_url: str | None = Field(
        None, description="Address of the queue that Canvas puts Live Events on."
    )
    sqs_region: str | None = Field(
        None, description="Its region; default: as its address says, else as AWS clients find it."
    )
    sqs_endpoint_url: str | None = Field(
        None, description="Address of a server that speaks SQS and is not Amazon's."
    )
    sqs_receivers: int = Field(
        16, ge=1, le=100, description="Requests that wait for messages at the same time."
    )
    sqs_wait_s: int = Field(20, ge=1, le=20, description="Time a request waits for messages.")
    sqs_visibility_s: int = Field(
        60, ge=10, le=43_200, description="Time after which a message is given again; extended."
    )
    sqs_max_in_flight: int = Field(
        4_000, ge=10, le=100_000, description="Messages received and not deleted at most."
    )
    sqs_instance: str = Field(
        "", pattern=r"^[\w.-]*$", description="Name of this process where several read the queue."
    )


class AuditSettings(BaseModel):
    """Of ``ingest course-audit``."""

    audit_url: str | None = Field(
        None,
        pattern=r"^(https://[^/?#@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/?$",
        description="The Canvas instance, e.g. https://school.instructure.com.",
    )
    audit_token: SecretStr | None = Field(
        None, description="Access token; its user may view course change logs at the root account."
    )
    audit_account: str = Field(
        "self",
        pattern=r"^(self|\d+|\d+~\d+)$",
        description="Account whose log is polled, with all its sub-accounts; self: the root.",
    )
    audit_courses_file: Path | None = Field(
        None, description="Course ids, one a line: these are polled instead of accounts."
    )
    audit_every_minutes: int = Field(
        15, ge=1, description="Time from the begin of one round to the next."
    )
    audit_overlap_minutes: int = Field(
        60, ge=1, le=1440, description="How far a round reaches back into the one before it."
    )
    audit_requests_per_hour: int = Field(
        3_600, ge=60, description="Most requests an hour; a round takes as long as that needs."
    )


class PrivacySettings(BaseModel):
    """Of what is kept of persons. Each choice below counts with ``pseudonymise`` only."""

    privacy: Literal["none", "pseudonymise"] = Field(
        "none", description="Whether agents replace people by keyed pseudonyms (docs/privacy.md)."
    )
    privacy_key: SecretStr | None = Field(
        None, description="Key of the pseudonyms: 64 hex digits or more; the same for all agents."
    )
    privacy_users: Literal["keep", "pseudonymise"] = Field(
        "pseudonymise", description="User ids: a number below -2^62 that the key decides."
    )
    privacy_names: Literal["keep", "pseudonymise", "drop"] = Field(
        "pseudonymise", description="Logins, SIS ids, names, e-mail addresses."
    )
    privacy_ips: Literal["keep", "truncate", "pseudonymise", "drop"] = Field(
        "pseudonymise", description="Client addresses; truncate keeps /24 and /48."
    )
    privacy_urls: Literal["keep", "pseudonymise", "drop"] = Field(
        "pseudonymise", description="People in URLs and other texts; drop: queries go besides."
    )
    privacy_texts: Literal["keep", "drop"] = Field(
        "drop", description="Messages, entries and submissions in bodies of Live Events."
    )
    privacy_user_agents: Literal["keep", "drop"] = Field("keep", description="User agents.")
    dead_letter_key: SecretStr | None = Field(
        None, description="JSON Web Key that seals the unmasked originals of dead letters."
    )


class AgentSettings(DapSettings, HttpSettings, SqsSettings, AuditSettings, PrivacySettings):
    """All groups."""
