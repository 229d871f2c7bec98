"""One contract for every channel adapter, against real servers: what is certain after each kind of answer."""

import asyncio
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from app.gateways import signature
from app.gateways.channels.base import (
    Absent,
    Accepted,
    BadReceipt,
    CannotTell,
    Category,
    Channel,
    Found,
    InDoubt,
    LookUp,
    OneByOne,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptKind,
    Rejected,
    Unavailable,
)
from app.gateways.channels.guard import NOT_ALLOWED, Guard
from app.gateways.channels.memory import receipts_body
from app.gateways.channels.registry import KINDS, UnknownKind, open_channel
from ops.launcher.kernel import wait_until
from tests.gateways.conftest import Listener
from tests.servers.sandbox import SECRET, Sandbox, free_port

EVERYONE_HERE = Guard.only(["+97252*", "*@mail.example"])
TEXT = "היי, this is a text"


def letter(subject: str = "שלום", text: str = "Hello\n.a line that begins with a dot\n") -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "Bank <news@bank.example>", "x@mail.example", subject
    message.set_content(text)
    return message.as_bytes()


@dataclass(frozen=True)
class Way:
    """One adapter as the contract calls it."""

    kind: str
    config: Callable[[Sandbox], dict[str, Any]]
    sms: bool

    def to(self, number: int) -> str:
        return f"+97252{2000000 + number}" if self.sms else f"client{number}@mail.example"

    def messages(self, count: int, prefix: str = "r") -> list[Outgoing]:
        return [
            Outgoing(f"{prefix}-{n}", self.to(n), "Bank" if self.sms else "news@bank.example", TEXT, letter())
            for n in range(1, count + 1)
        ]

    def open(self, sandbox: Sandbox, guard: Guard = EVERYONE_HERE, **changed: Any) -> Channel:
        return open_channel(self.kind, self.config(sandbox) | changed, SECRET, guard=guard, allow_private=True)

    def received(self, sandbox: Sandbox) -> list[str]:
        return [item["reference"] for item in sandbox.received("sms" if self.sms else "email", limit=1000)["items"]]


CARRIER = Way("carrier", lambda s: {"base_url": s.url, "read_seconds": 1}, sms=True)
BATCH = Way("carrier", lambda s: {"base_url": s.url, "read_seconds": 1, "batch": True}, sms=True)
SMTP_RELAY = Way(
    "smtp", lambda s: {"host": "127.0.0.1", "port": s.smtp_port, "security": "none", "answer_seconds": 1}, sms=False
)
WAYS = [pytest.param(CARRIER, id="carrier"), pytest.param(BATCH, id="batch"), pytest.param(SMTP_RELAY, id="smtp")]


def sent(channel: Channel, messages: Sequence[Outgoing]) -> dict[str, Outcome]:
    """Every outcome by reference; one and only one each."""

    async def send() -> list[Outcome]:
        async with channel:
            return [outcome async for outcome in channel.send(messages)]

    outcomes = asyncio.run(send())
    assert sorted(outcome.reference for outcome in outcomes) == sorted(message.reference for message in messages)
    return {outcome.reference: outcome for outcome in outcomes}


def asked(channel: Channel, reference: str) -> LookUp:
    async def ask() -> LookUp:
        async with channel:
            return await channel.look_up(reference)

    return asyncio.run(ask())


@pytest.mark.parametrize("way", WAYS)
def test_accepted_messages_arrive_once_with_their_reference(way: Way, sandbox: Sandbox) -> None:
    outcomes = sent(way.open(sandbox), way.messages(120))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes.values())
    assert len({outcome.provider_id for outcome in outcomes.values() if isinstance(outcome, Accepted)}) == 120
    assert sorted(way.received(sandbox)) == sorted(outcomes)


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_recipient_is_rejected_and_the_others_go_on(way: Way, sandbox: Sandbox) -> None:
    messages = way.messages(6)
    bad = "+97252" if way.sms else "refuse@mail.example"
    messages[2] = Outgoing("bad", bad, messages[0].sender, TEXT, letter())
    outcomes = sent(way.open(sandbox), messages)
    refused = outcomes.pop("bad")
    assert isinstance(refused, Rejected)
    assert refused.category is Category.INVALID_NUMBER
    assert all(isinstance(outcome, Accepted) for outcome in outcomes.values())
    assert "bad" not in way.received(sandbox)


@pytest.mark.parametrize("way", WAYS)
def test_asked_to_slow_down_means_surely_not_accepted(way: Way, sandbox: Sandbox) -> None:
    sandbox.faults(status={"*": 429 if way.sms else 450})
    outcomes = sent(way.open(sandbox), way.messages(3))
    assert all(isinstance(outcome, Unavailable) and not outcome.whole_account for outcome in outcomes.values())
    assert way.received(sandbox) == []


@pytest.mark.parametrize("way", [CARRIER, BATCH], ids=["carrier", "batch"])
def test_an_error_of_the_server_is_in_doubt(way: Way, sandbox: Sandbox) -> None:
    sandbox.faults(error_rate=1, error_accepts=0.5)
    outcomes = sent(way.open(sandbox), way.messages(20))
    assert all(isinstance(outcome, InDoubt) for outcome in outcomes.values())
    assert 0 < len(way.received(sandbox)) < 20


def test_a_temporary_refusal_after_the_dot_is_surely_not_accepted(sandbox: Sandbox) -> None:
    sandbox.faults(error_rate=1)
    outcomes = sent(SMTP_RELAY.open(sandbox), SMTP_RELAY.messages(3))
    assert all(isinstance(outcome, Unavailable) and outcome.retry_after for outcome in outcomes.values())
    assert SMTP_RELAY.received(sandbox) == []


@pytest.mark.parametrize("way", WAYS)
def test_silence_after_the_message_was_written_is_in_doubt(way: Way, sandbox: Sandbox) -> None:
    sandbox.faults(accept_then_hang_rate=1)
    outcomes = sent(way.open(sandbox), way.messages(2 if way is not BATCH else 1))
    assert all(isinstance(outcome, InDoubt) for outcome in outcomes.values())
    assert sorted(way.received(sandbox)) == sorted(outcomes)


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_connection_is_surely_not_accepted(way: Way, sandbox: Sandbox) -> None:
    nowhere = Sandbox(free_port(), free_port())
    outcomes = sent(way.open(nowhere), way.messages(3))
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes.values())


def test_a_wrong_secret_concerns_the_whole_account(sandbox: Sandbox) -> None:
    channel = open_channel("carrier", {"base_url": sandbox.url}, "wrong", guard=EVERYONE_HERE, allow_private=True)
    outcome = sent(channel, CARRIER.messages(1))["r-1"]
    assert isinstance(outcome, Unavailable)
    assert outcome.whole_account


@pytest.mark.parametrize("way", WAYS)
def test_who_is_not_on_the_allow_list_never_reaches_the_wire(way: Way, sandbox: Sandbox) -> None:
    guard = Guard.only(["+972522000001", "client1@mail.example"])
    outcomes = sent(way.open(sandbox, guard), way.messages(3))
    assert isinstance(outcomes["r-1"], Accepted)
    for reference in ("r-2", "r-3"):
        refused = outcomes[reference]
        assert isinstance(refused, Rejected)
        assert refused.reason == NOT_ALLOWED
    assert way.received(sandbox) == ["r-1"]


def test_look_up_finds_says_absent_and_owns_that_it_cannot_tell(sandbox: Sandbox) -> None:
    sent(CARRIER.open(sandbox), CARRIER.messages(1))
    assert isinstance(asked(CARRIER.open(sandbox), "r-1"), Found)
    assert asked(CARRIER.open(sandbox), "never") == Absent()
    sandbox.faults(lookup="off")
    assert isinstance(asked(CARRIER.open(sandbox), "r-1"), CannotTell)
    sandbox.faults(lookup="lies")
    assert asked(CARRIER.open(sandbox), "r-1") == Absent()
    assert isinstance(asked(CARRIER.open(Sandbox(free_port(), 1)), "r-1"), CannotTell)
    assert isinstance(asked(SMTP_RELAY.open(sandbox), "r-1"), CannotTell)


def receipts(channel: Channel, listener: Listener, *, wanted: int) -> list[Receipt]:
    """Wait for so many receipts; every body must be verified before it is read."""
    found: list[Receipt] = []
    for _ in range(200):
        while listener.came:
            headers, body = listener.came.pop(0)
            assert channel.verify(headers, body, datetime.now(UTC))
            found += channel.parse_receipts(body)
        if len(found) >= wanted:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{len(found)} of {wanted} receipts came")


@pytest.mark.parametrize("way", WAYS)
def test_receipts_name_the_message_and_are_signed(way: Way, sandbox: Sandbox, listener: Listener) -> None:
    listener.refusals = 1  # the first call is refused: it must come again
    channel = way.open(sandbox, callback_url=listener.url)
    outcomes = sent(channel, way.messages(3))
    found = receipts(channel, listener, wanted=6 if way.sms else 3)
    delivered = {receipt.reference: receipt for receipt in found if receipt.kind is ReceiptKind.DELIVERED}
    assert delivered.keys() == outcomes.keys()
    for reference, receipt in delivered.items():
        accepted = outcomes[reference]
        assert isinstance(accepted, Accepted)
        assert receipt.provider_id == accepted.provider_id
        assert receipt.occurred_at.tzinfo is not None


@pytest.mark.parametrize(
    ("way", "to", "kind", "category"),
    [
        (CARRIER, "+972522010000", ReceiptKind.UNDELIVERABLE, Category.TIMEOUT),
        (SMTP_RELAY, "bounce1@mail.example", ReceiptKind.BOUNCED, Category.INVALID_NUMBER),
        (SMTP_RELAY, "complain1@mail.example", ReceiptKind.COMPLAINED, None),
    ],
    ids=["undeliverable", "bounce", "complaint"],
)
def test_bad_ends_have_a_category(
    way: Way, to: str, kind: ReceiptKind, category: Category | None, sandbox: Sandbox, listener: Listener
) -> None:
    channel = way.open(sandbox, callback_url=listener.url)
    sent(channel, [Outgoing("r", to, "news@bank.example", TEXT, letter())])
    found = receipts(channel, listener, wanted=1 if kind is ReceiptKind.BOUNCED else 2)
    assert [(r.kind, r.category) for r in found if r.kind is kind] == [(kind, category)]


def test_a_receipt_delivered_twice_keeps_its_key(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.faults(receipts="duplicate", receipt_ms=10)
    channel = CARRIER.open(sandbox, callback_url=listener.url)
    sent(channel, CARRIER.messages(1))
    found = receipts(channel, listener, wanted=4)
    assert len({receipt.event_key for receipt in found}) == 2


def test_who_asks_is_told_what_a_receipt_would_have_told(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.faults(receipts="swallowed", receipt_ms=10, status={"+972522000002": "failed", "+972522000003": "sent"})
    channel = CARRIER.open(sandbox, callback_url=listener.url)
    sent(channel, CARRIER.messages(3))
    ends = ["delivered", "failed", "sent"]
    assert wait_until(lambda: sorted(one["status"] for one in sandbox.received("sms")["items"]) == ends, 10)
    found = told_of(channel, ["r-1", "r-2", "r-3", "never-sent"])
    assert [(one.reference, one.kind, one.category) for one in found] == [
        ("r-1", ReceiptKind.DELIVERED, None),
        ("r-2", ReceiptKind.FAILED, Category.PROVIDER_ERROR),
        ("r-3", ReceiptKind.SENT, None),
    ]
    assert listener.came == []
    sandbox.faults()
    sent(channel, [Outgoing("r-9", CARRIER.to(9), "Bank", TEXT)])
    [webhook] = [one for one in receipts(channel, listener, wanted=2) if one.kind is ReceiptKind.DELIVERED]
    assert told_of(channel, ["r-9"])[0].event_key == webhook.event_key, "the inbox keeps it once"


@pytest.mark.parametrize("lookup", ["off", "lies"])
def test_a_provider_that_cannot_be_asked_tells_nothing(sandbox: Sandbox, lookup: str) -> None:
    sent(channel := CARRIER.open(sandbox), CARRIER.messages(1))
    sandbox.faults(lookup=lookup)
    if lookup == "lies":
        assert told_of(channel, ["r-1"]) == []
    else:
        with pytest.raises(Unavailable, match="503"):
            told_of(channel, ["r-1"])


def told_of(channel: Channel, references: list[str]) -> list[Receipt]:
    async def go() -> list[Receipt]:
        async with channel:
            return await channel.status(references)

    return asyncio.run(go())


ALL_KINDS = [
    ("carrier", {"base_url": "http://127.0.0.1:1"}),
    ("smtp", {"host": "127.0.0.1"}),
    ("memory_sms", {}),
    ("memory_email", {}),
]


def test_every_kind_passes_the_signature_contract() -> None:
    assert {kind for kind, _ in ALL_KINDS} == KINDS.keys()


@pytest.mark.parametrize(("kind", "config"), ALL_KINDS)
def test_a_signature_must_be_ours_whole_and_fresh(kind: str, config: dict[str, Any]) -> None:
    channel = open_channel(kind, config, "secret", guard=EVERYONE_HERE)
    now = datetime.now(UTC)
    receipt = Receipt("e1", "r1", "p1", ReceiptKind.FAILED, now, Category.OPTED_OUT, "opted_out")
    body = receipts_body(receipt)
    good = signature.sign("secret", body, now)
    assert channel.verify({"x-carrier-signature": good}, body, now + timedelta(seconds=299))
    assert channel.parse_receipts(body) == [receipt]
    assert not channel.verify({"X-Carrier-Signature": good}, body + b" ", now)
    assert not channel.verify({"X-Carrier-Signature": good}, body, now + timedelta(seconds=301))
    assert not channel.verify({"X-Carrier-Signature": good}, body, now - timedelta(seconds=301))
    assert not channel.verify({"X-Carrier-Signature": signature.sign("other", body, now)}, body, now)
    for bad in ("", "t=,v1=", "t=1", "v1=00", good.replace("t=", "t=-"), good + ",t=1", "t=é,v1=é"):
        assert not channel.verify({"X-Carrier-Signature": bad}, body, now)
    assert not channel.verify({}, body, now)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"events": [1]}', b'{"events": [{"status": "eaten"}]}', b"\xff", b'{"events": {}}']
)
def test_a_body_that_does_not_read_is_refused(body: bytes) -> None:
    channel = open_channel("carrier", {"base_url": "http://127.0.0.1:1"}, "secret", guard=EVERYONE_HERE)
    with pytest.raises(BadReceipt):
        channel.parse_receipts(body)


def test_a_reply_written_in_the_mailbox_comes_signed(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.faults(receipts="never")
    channel = CARRIER.open(sandbox, callback_url=listener.url)
    sent(channel, CARRIER.messages(1))
    item = sandbox.received("sms")["items"][0]
    urllib.request.urlopen(f"{sandbox.url}/sms/{item['id']}/reply", data=b"text=%D7%94%D7%A1%D7%A8", timeout=10).close()
    for _ in range(100):
        if listener.came:
            break
        time.sleep(0.05)
    headers, body = listener.came[0]
    assert channel.verify(headers, body, datetime.now(UTC))
    (reply,) = channel.parse_inbound(body)
    assert (reply.sender, reply.to, reply.text) == (CARRIER.to(1), "Bank", "הסר")


def test_receipts_go_where_the_sandbox_is_told_when_nobody_says(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.call("PUT", "/callbacks", {"sms": listener.url, "email": listener.url})
    try:
        for way in (CARRIER, SMTP_RELAY):
            channel = way.open(sandbox)
            sent(channel, way.messages(1))
            assert ReceiptKind.DELIVERED in {r.kind for r in receipts(channel, listener, wanted=2 if way.sms else 1)}
    finally:
        sandbox.call("PUT", "/callbacks", {})


def test_an_unknown_kind_or_a_strange_field_is_refused() -> None:
    with pytest.raises(UnknownKind):
        open_channel("pigeon", {}, "", guard=EVERYONE_HERE)
    with pytest.raises(ValueError, match="wings"):
        open_channel("memory_sms", {"wings": 2}, "", guard=EVERYONE_HERE)


def test_batches_at_the_same_time_share_the_limit_of_their_account() -> None:
    class Narrow(OneByOne):
        concurrency = 3
        now, most = 0, 0

        async def send_one(self, message: Outgoing) -> Accepted:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.001)
            self.now -= 1
            return Accepted(message.reference, "id")

    async def both() -> int:
        channel = Narrow()

        async def one(name: str) -> int:
            batch = [Outgoing(f"{name}{n}", "+972522000001", "CARILLON", "Hello") for n in range(10)]
            return len([outcome async for outcome in channel.send(batch)])

        assert await asyncio.gather(one("a"), one("b")) == [10, 10]
        return channel.most

    assert asyncio.run(both()) == 3
