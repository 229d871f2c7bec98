"""What is filled in per provider account; the secret is kept apart, encrypted."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+[^\s@]*$", max_length=500)]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]+$", max_length=253)]


class ChannelConfig(BaseModel):
    """Base of all: unknown fields are refused, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settle_seconds: float = Field(
        default=900.0, ge=0, le=86400, title="Seconds to wait before a message in doubt is looked up"
    )


class MemoryConfig(ChannelConfig):
    """Nothing to fill in."""


class CarrierConfig(ChannelConfig):
    """An SMS carrier with a plain HTTP API."""

    base_url: Address = Field(title="Address of the carrier's API")
    callback_url: Address | None = Field(default=None, title="Address receipts are sent to")
    batch: bool = Field(default=False, title="Send 50 messages in one call")
    read_seconds: float = Field(default=30.0, ge=1, le=120, title="Seconds to wait for an answer")


class SmtpConfig(ChannelConfig):
    """An SMTP relay."""

    host: Host = Field(title="Host name of the relay")
    port: int = Field(default=587, ge=1, le=65535, title="Port")
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", title="Encryption")
    username: str | None = Field(default=None, max_length=200, title="User name")
    callback_url: Address | None = Field(default=None, title="Address receipts are sent to")
    connections: int = Field(default=5, ge=1, le=20, title="Connections at a time")
    answer_seconds: float = Field(default=120.0, ge=1, le=600, title="Seconds to wait after a message is handed over")
