"""Encryption and passwords against somebody else's SMTP server (aiosmtpd)."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.gateways.channels.base import Accepted, Outcome, Outgoing, Unavailable
from app.gateways.channels.email import smtp
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from tests.servers.sandbox import free_port

LETTER = b"Subject: x\r\n\r\n" + b"a long line of text\r\n" * 20_000  # longer than what is written in one go


class Kept:
    """Keeps what came."""

    def __init__(self) -> None:
        self.came: list[Envelope] = []

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802
        self.came.append(envelope)
        return "250 2.0.0 Ok"


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "relay.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Kept, Path]]:
    path = certificate(tmp_path_factory.mktemp("relay"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    kept = Kept()

    def knows(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        return AuthResult(success=getattr(data, "password", b"") == b"word", handled=False)

    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=knows,
    )
    controller.start()
    yield controller.port, kept, path
    controller.stop()


def send(port: int, word: str = "word") -> Outcome:
    async def sending() -> list[Outcome]:
        config = {"host": "127.0.0.1", "port": port, "username": "bank"}
        async with open_channel("smtp", config, word, guard=Guard.everybody(), allow_private=True) as channel:
            batch = [Outgoing("r1", "a@mail.example", "bank@bank.example", mime=LETTER)]
            return [outcome async for outcome in channel.send(batch)]

    (outcome,) = asyncio.run(sending())
    return outcome


def test_an_encrypted_relay_gets_the_message_whole(
    relay: tuple[int, Kept, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, kept, path = relay
    monkeypatch.setattr(smtp, "_tls_context", lambda: ssl.create_default_context(cafile=str(path)))
    assert isinstance(send(port), Accepted)
    content = kept.came[-1].content
    assert isinstance(content, bytes)
    assert content.endswith(LETTER)
    refused = send(port, word="wrong")
    assert isinstance(refused, Unavailable)
    assert refused.whole_account


def test_a_certificate_nobody_vouches_for_is_not_trusted(relay: tuple[int, Kept, Path]) -> None:
    port, kept, _ = relay
    before = len(kept.came)
    assert isinstance(send(port), Unavailable)
    assert len(kept.came) == before
