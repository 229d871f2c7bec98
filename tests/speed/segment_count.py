"""segment-count: definitions of every kind counted by the compiler's select, each beside the best hand-written SQL, in turns."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import make_engine, make_owner_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.access.keyring import vault_of
from app.domain.bank.balances import month_of
from app.domain.contacts.models import PropertyDefinition
from app.domain.segments import compiler, membership
from app.domain.segments.check import check
from tests.servers.throwaway import Servers
from tests.speed.crowd import fill
from tests.speed.row import Row

TURNS = 5
MOST_MS_AT_200_000 = 300

FILL = """
UPDATE contact_addresses SET blind = :blind
WHERE contact_id = (SELECT id FROM contacts WHERE external_id = '77777');
INSERT INTO messages (id, organisation_id, occurrence_id, send_id, contact_id, channel, step, state, rank, priority, due_at,
                      created_at, sent_at, final_at, opened_at)
SELECT uuidv7(), organisation_id, uuidv7(), :organisation, id, 'email', step, 'delivered', 70, 50, now(), now(),
       now() - (external_id::int % 100) * interval '1 day', now(),
       CASE WHEN (external_id::int + step) % 4 = 0 THEN now() - (external_id::int % 100) * interval '1 day' END
FROM contacts, generate_series(1, 5) AS step WHERE external_id::int % 2 = 0;
INSERT INTO events (organisation_id, contact_id, name, properties, source, is_verified, occurred_at, received_at)
SELECT organisation_id, id, (ARRAY['login', 'quote', 'purchase'])[1 + (external_id::int * 7 + n * n) % 3],
       jsonb_build_object('amount', (external_id::int * 37 + n * 911) % 4000, 'branch', external_id::int % 40), 'api', true,
       now() - ((external_id::int * 13 + n * 101) % 28) * interval '1 day' - n * interval '1 hour', now()
FROM contacts, generate_series(1, 5) AS n;
SELECT ensure_balances(CAST(:month AS date));
INSERT INTO balances (organisation_id, contact_id, day, version, amount, currency, record, source, taken_at, is_current)
SELECT organisation_id, id, CAST(:month AS date) + n, 1, 12000 + (external_id::int * 31 + n * 500) % 9000, 'ILS', 'r', 'bench', now(), true
FROM contacts, generate_series(0, 4) AS n;
"""

LIVING = "SELECT count(*) FROM live.contacts c WHERE deleted_at IS NULL AND "
BALANCE = "CASE WHEN jsonb_typeof(properties->'balance') = 'number' THEN (properties->'balance')::numeric END"
DONE = "SELECT FROM live.events e WHERE e.contact_id = c.id AND e.name ="
AMOUNT = "CASE WHEN jsonb_typeof(properties->'amount') = 'number' THEN (properties->'amount')::numeric END"
FOLLOWED = (
    "SELECT FROM live.events q WHERE q.contact_id = c.id AND q.name = 'quote' AND {} EXISTS (SELECT FROM live.events p WHERE"
    " p.contact_id = q.contact_id AND p.name = 'purchase' AND p.occurred_at > q.occurred_at"
    " AND p.occurred_at <= q.occurred_at + interval '7 days')"
)
OPENED = "SELECT FROM live.messages m WHERE m.contact_id = c.id AND m.opened_at"


def field(name: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"kind": "field", "field": name, "op": op, **({} if value is None else {"value": value}), **more}


def cases() -> dict[str, tuple[dict[str, Any], str]]:
    """Name: what a person builds, and what somebody who knows SQL would write."""
    balance, vip = field("properties.balance", "gte", 15000), field("tags", "has_any", ["vip"])
    granted = {"kind": "consent", "channel": "sms", "value": "granted"}
    opened = {"kind": "message", "did": "opened"}
    month = {"last": 30, "unit": "days"}
    login, purchase = {"kind": "event", "event": "login"}, {"kind": "event", "event": "purchase"}
    quoted = {
        "kind": "sequence", "first": {"event": "quote"}, "then": {"event": "purchase"}, "within": {"last": 7, "unit": "days"},
    }  # fmt: skip
    kept = {
        "kind": "bank",
        "fact": "balance",
        "days": {"at_least": 5},
        "op": "gte",
        "value": 14000,
        "month": "previous",
    }
    has_consent = (
        "EXISTS (SELECT FROM live.consent_states s WHERE s.contact_id = c.id AND channel = 'sms'"
        " AND purpose = 'marketing' AND state = 'granted')"
    )
    of_email = "SELECT contact_id FROM live.contact_addresses WHERE kind = 'email' AND blind = :blind"
    draw = "substr(sha256(:key || uuid_send(id)), 1, 4)::bigint % 10000"
    return {
        "everybody": ({"all": []}, LIVING + "true"),
        "property": (balance, f"{LIVING} {BALANCE} >= 15000"),
        "text": (field("city", "in", ["Haifa", "Eilat"]), LIVING + "city IN ('Haifa', 'Eilat')"),
        "contains": (field("city", "contains", "aif"), LIVING + "city ILIKE '%aif%'"),
        "date": (
            field("properties.joined", "before", "2025-01-01"), LIVING + "properties->>'joined' COLLATE \"C\" < '2025-01-01'"),
        "tag": (vip, LIVING + "tags && '{vip}'"),
        "email": (field("email", "eq", "dana@mail.example"), f"{LIVING} id IN ({of_email})"),
        "nested": (
            {"all": [{"any": [balance, vip]}, field("language", "eq", "he"), {"not": field("tags", "has_any", ["staff"])}]},
            f"{LIVING} ({BALANCE} >= 15000 OR tags && '{{vip}}') AND language = 'he' AND NOT tags && '{{staff}}'",
        ),
        "consent": ({"all": [granted, balance]}, f"{LIVING} {has_consent} AND {BALANCE} >= 15000"),
        "opened": (opened | {"within": month}, f"{LIVING} EXISTS ({OPENED} >= :since)"),
        "not-done": ({"all": [{"not": opened}, balance]}, f"{LIVING} NOT EXISTS ({OPENED} IS NOT NULL) AND {BALANCE} >= 15000"),
        "times": (
            opened | {"times": {"op": "gte", "value": 2}},
            LIVING + "id IN (SELECT contact_id FROM live.messages WHERE opened_at IS NOT NULL GROUP BY 1 HAVING count(*) >= 2)",
        ),
        "events-counted": (
            login | {"op": "gte", "value": 2, "within": month},
            LIVING + "id IN (SELECT contact_id FROM live.events WHERE name = 'login' AND contact_id IS NOT NULL"
            " AND occurred_at >= :since GROUP BY 1 HAVING count(*) >= 2)",
        ),
        "events-summed": (
            purchase | {"measure": "sum", "property": "amount", "op": "gte", "value": 4000},
            LIVING + "id IN (SELECT contact_id FROM live.events WHERE name = 'purchase' AND contact_id IS NOT NULL"
            f" GROUP BY 1 HAVING sum({AMOUNT}) >= 4000)",
        ),
        "event-not-done": (
            {"all": [login | {"op": "eq", "value": 0}, balance]},
            f"{LIVING} NOT EXISTS ({DONE} 'login') AND {BALANCE} >= 15000",
        ),
        "event-of-a-branch": (
            purchase | {"where": {"all": [{"property": "branch", "op": "eq", "value": 7}]}},
            f"{LIVING} EXISTS ({DONE} 'purchase' AND e.properties->'branch' = '7')",
        ),
        "sequence": (quoted, f"{LIVING} EXISTS ({FOLLOWED.format('')})"),
        "not-followed": (
            quoted | {"happened": False},
            f"{LIVING} EXISTS ({FOLLOWED.format('NOT')} AND q.occurred_at <= now() - interval '7 days')",
        ),
        "balance": (
            kept,
            LIVING + "id IN (SELECT contact_id FROM live.balances WHERE is_current AND currency = 'ILS' AND day >= :month"
            " AND day < CAST(:month AS date) + interval '1 month' AND amount >= 14000 GROUP BY 1 HAVING count(*) >= 5)",
        ),
        "bucket": ({"kind": "bucket", "salt": "spring", "from": 0, "to": 999}, f"{LIVING} {draw} <= 999"),
    }  # fmt: skip


def measure(servers: Servers, contacts: int = 200_000) -> Iterator[Row]:
    """One row a definition: the best of five counts, ours and the hand-written one in turns."""
    servers.copy("bench_segments")
    settings = Settings.from_env(servers.env("bench_segments", redis=9))
    factory = session_factory(make_engine(settings), settings)
    with unit_of_work(factory, None) as session:
        values = filled(session, contacts)
    owner = make_owner_engine(settings).execution_options(isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    most = MOST_MS_AT_200_000 * max(contacts / 200_000, 1)
    with unit_of_work(factory, values.pop("actor")) as session:
        for name, (where, written) in cases().items():
            yield compared(
                session, name, where, text(written), {k: v for k, v in values.items() if f":{k}" in written}, most
            )


def filled(session: Session, contacts: int) -> dict[str, Any]:
    """Make the contacts and their messages; what the hand-written SQL has to know."""
    from app.core.actor import system

    organisation = users.create_organisation(session, users.NewOrganisation(name="Bank"))
    for key, kind in (("balance", "number"), ("product", "text"), ("joined", "date"), ("is_member", "boolean")):
        session.add(
            PropertyDefinition(organisation_id=organisation.id, key=key, label=key, type=kind, created_at=clock.now())
        )
    session.flush()
    vault = vault_of(session)
    blind = vault.blind("email", "dana@mail.example")
    fill(session, organisation.id, contacts)
    month = month_of(clock.today(organisation.timezone).replace(day=1) - timedelta(days=1))[0]
    for statement in FILL.split(";\n"):
        if statement.strip():
            given = {"organisation": organisation.id, "blind": blind, "month": month}
            session.execute(text(statement), {k: v for k, v in given.items() if f":{k}" in statement})
    today = compiler.compile_context(session)
    from app.domain.segments import days

    since = days.begin(days.shifted(today.today(), -30, "days"), today.zone)
    return {
        "actor": system(organisation.id),
        "blind": blind,
        "since": since,
        "month": month,
        "key": vault.bucket_key("spring"),
    }


def compared(
    session: Session, name: str, where: dict[str, Any], written: Any, values: dict[str, Any], most: float
) -> Row:
    """Both in turns; what is checked and compiled counts as ours."""
    ours, floors = [], []
    for _ in range(TURNS):
        took, found = timed(lambda: membership.count(session, check(session, {"where": where})))
        ours.append(took)
        took, expected = timed(lambda: session.execute(written, values).scalar_one())
        floors.append(took)
        assert found == expected, f"{name}: {found} instead of {expected}"
    best, floor = min(ours), min(floors)
    ratio = best / floor
    # Checking and compiling take some milliseconds whatever the size: beside a look-up of one the ratio says nothing.
    ok = best < most and (ratio <= 1.2 or best - floor < 15)
    return Row(
        f"segment-count {name}", f"{best:,.1f} ms", f"{floor:,.1f} ms", ratio, f"< {most:,.0f} ms and <= 1.2", ok
    )


def timed(act: Callable[[], int]) -> tuple[float, int]:
    """Milliseconds, and the answer."""
    began = time.perf_counter()
    found = act()
    return (time.perf_counter() - began) * 1000, found
