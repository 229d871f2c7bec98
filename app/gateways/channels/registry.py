"""Every kind of provider account in one table, and the one way to open a channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from app.gateways.channels.base import Channel
from app.gateways.channels.config import CarrierConfig, ChannelConfig, MemoryConfig, SmtpConfig
from app.gateways.channels.guard import Guard, Guarded


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of provider account. `adapter` is imported only when an account of the kind is opened."""

    label: str
    channel: str  # sms or email
    adapter: str  # module:class
    config: type[ChannelConfig]
    needs_secret: bool


KINDS: dict[str, Kind] = {
    "carrier": Kind("SMS carrier (HTTP)", "sms", "app.gateways.channels.sms.carrier:Carrier", CarrierConfig, True),
    "smtp": Kind("SMTP relay", "email", "app.gateways.channels.email.smtp:Smtp", SmtpConfig, False),
    "memory_sms": Kind("Memory, SMS (tests)", "sms", "app.gateways.channels.memory:Memory", MemoryConfig, False),
    "memory_email": Kind("Memory, e-mail (tests)", "email", "app.gateways.channels.memory:Memory", MemoryConfig, False),
}


class Adapter(Protocol):
    """How every adapter class is called."""

    def __call__(self, config: ChannelConfig, secret: str, *, signing_secret: str, allow_private: bool) -> Channel: ...


class UnknownKind(LookupError):
    """No adapter of that name."""


def kind_of(name: str) -> Kind:
    """Find a kind by name. Raises: UnknownKind."""
    if name not in KINDS:
        raise UnknownKind(name)
    return KINDS[name]


def open_channel(
    kind: str,
    config: Mapping[str, object],
    secret: str,
    *,
    guard: Guard,
    signing_secret: str | None = None,
    allow_private: bool = False,
) -> Channel:
    """Make the channel of a provider account, behind the guard.

    Use it with `async with`; receipts can be verified and read without entering it. `signing_secret` is the key of
    the provider's webhooks where it differs from `secret`; `allow_private` lets the account lie in a private network
    (the sandbox does).

    Raises:
        UnknownKind: no such adapter.
        pydantic.ValidationError: the configuration does not fit the kind.
    """
    known = kind_of(kind)
    module, _, name = known.adapter.partition(":")
    adapter = cast(Adapter, getattr(import_module(module), name))
    channel = adapter(
        known.config.model_validate(config),
        secret,
        signing_secret=signing_secret or secret,
        allow_private=allow_private,
    )
    return Guarded(channel, guard)
