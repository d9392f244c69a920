"""The settings of ``notify``; ``Settings`` has them with all others."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class NotifySettings(BaseModel):
    """Of ``notify``. A channel is on if it has an address."""

    notify_alertmanager_urls: tuple[str, ...] = Field(
        (), description="Alertmanagers, each of them, e.g. http://alertmanager:9093 (JSON list)."
    )
    notify_alertmanager_every_s: float = Field(
        60.0, gt=0, description="Time between rounds; alerts end there after four without one."
    )
    notify_alertmanager_hold_s: float = Field(
        300.0, ge=0, description="Least time an alert fires there, even if it is over when found."
    )
    notify_heartbeat: bool = Field(
        default=True, description="Send Alertmanager an alert that fires while notify works."
    )
    notify_heartbeat_url: SecretStr | None = Field(
        None, description="Address that is posted to, so often, while notify works."
    )
    notify_heartbeat_every_s: float = Field(60.0, gt=0, description="How often that is.")
    notify_webhook_url: SecretStr | None = Field(
        None, description="Address that every change is posted to as a CloudEvent in JSON."
    )
    notify_webhook_secret: SecretStr | None = Field(
        None, description="Secret that signs what is posted there (HMAC-SHA256)."
    )
    notify_slack_url: SecretStr | None = Field(
        None, description="Incoming webhook of Slack, or of a chat that takes the same."
    )
    notify_email_to: tuple[str, ...] = Field(
        (), description="Addresses that mail goes to (JSON list)."
    )
    notify_email_from: str = Field(
        "canvas-telemetry@localhost", description="Address it comes from."
    )
    notify_smtp_host: str = Field("127.0.0.1", description="Mail server.")
    notify_smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    notify_smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to it is made safe."
    )
    notify_smtp_username: str | None = Field(None, description="User there.")
    notify_smtp_password: SecretStr | None = Field(None, description="Password there.")
    notify_least_severity: Literal["info", "warning", "critical"] = Field(
        "info", description="Less severe alerts are not sent."
    )
    notify_templates_dir: Path | None = Field(
        None, description="Texts of messages that replace the built-in ones (docs/alerts.md)."
    )
    notify_give_up_minutes: float = Field(
        360.0, gt=0, description="Time after which a message that nobody takes is a dead end."
    )
    notify_max_age_hours: float = Field(
        24.0, gt=0, description="Alerts published longer ago are not news any more."
    )
