"""One send, many occurrences: every run of somebody makes a message of its own, with values of its own."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Select, literal, select, text, union_all
from sqlalchemy.orm import Session

from app.core import clock, sql
from app.domain.access.models import Organisation
from app.domain.messages import message_text, sends, states
from app.domain.messages.claiming import claim
from app.domain.messages.create_messages import create_messages
from app.domain.messages.hours import hours_of
from app.domain.messages.models import Message, Send
from tests.domain.messages.line import Line, Run
from tests.domain.messages.line import states as counted
from tests.factories import people, sending

MONTH = "Dear {{ contact.first_name }}, you qualified in {{ values.month }}."


def occurrence(session: Session, months_ago: int = 0) -> UUID:
    """Something that makes messages, begun so long ago."""
    made: UUID = session.execute(
        text("SELECT uuidv7(make_interval(months => :ago))"), {"ago": -months_ago}
    ).scalar_one()
    return made


def runs(*pairs: tuple[UUID, UUID]) -> Select[Any]:
    """An audience of contacts, each in its occurrence."""
    return (
        union_all(
            *(select(literal(contact).label("id"), literal(made).label("occurrence_id")) for contact, made in pairs)
        )
        .subquery()
        .select()
    )


def opened(session: Session, body: str, since: UUID) -> Send:
    """A send that stays open for whatever happens since."""
    send = sending.send_to_everybody(session, sending.sms_template(session, body), uuid4())
    send.first_occurrence = since
    session.flush()
    return send


@pytest.fixture
def dana(session: Session, organisation: Organisation) -> UUID:
    sending.account(session)
    return people.contacts(session, 1)[0]


def test_two_runs_of_one_contact_make_two_messages_of_one_send(session: Session, run: Run, dana: UUID) -> None:
    earlier, later = occurrence(session, 1), occurrence(session)
    send = opened(session, "Hello", earlier)
    assert create_messages(session, send, runs((dana, earlier), (dana, later))) == {"queued": 2}
    assert create_messages(session, send, runs((dana, earlier), (dana, later))) == {}
    line = Line()
    assert run(line).sent == 3  # and the one of the send's own launch
    assert len({message.reference for message in line.taken}) == 3
    partitions = session.execute(select(text("tableoid::regclass::text")).select_from(Message)).scalars()
    assert len(set(partitions)) == 2, "each month's messages lie in its own partition"


def test_a_stopped_send_ends_the_messages_of_all_its_occurrences(session: Session, dana: UUID) -> None:
    earlier, later = occurrence(session, 1), occurrence(session)
    send = opened(session, "Hello", earlier)
    create_messages(session, send, runs((dana, earlier), (dana, later)))
    assert sends.stop(session, "test", send.source_id) == 3
    assert counted(session) == {"cancelled": 3}


def test_a_message_says_what_its_source_gave_it(
    session: Session, run: Run, dana: UUID, organisation: Organisation
) -> None:
    may, june = occurrence(session), occurrence(session)
    send = opened(session, MONTH, may)
    session.execute(text("DELETE FROM messages"))
    given = {(may, dana): {"month": "May"}, (june, dana): {"month": "June"}}
    create_messages(session, send, runs((dana, may), (dana, june)), values=given)
    assert b"June" not in b"".join(session.execute(select(Message.payload)).scalars())
    line = Line()
    run(line)
    assert sorted(m.text or "" for m in line.taken) == [
        "Dear Dana0, you qualified in June.", "Dear Dana0, you qualified in May.",
    ]  # fmt: skip
    officer = people.staff(session, "bank_officer")
    message = session.execute(select(Message).where(Message.occurrence_id == june)).scalar_one()
    shown = message_text.of(session, message, by=officer, reveal=True)
    masked = message_text.of(session, message, by=officer)
    assert shown
    assert masked
    assert (shown.body, shown.is_proved) == ("Dear Dana0, you qualified in June.", True)
    assert "June" not in masked.body


def test_the_values_of_somebody_cannot_be_moved_to_another_month(session: Session, run: Run, dana: UUID) -> None:
    may, june = occurrence(session), occurrence(session)
    send = opened(session, MONTH, may)
    create_messages(session, send, runs((dana, may), (dana, june)), values={(may, dana): {"month": "May"}})
    session.execute(
        text("UPDATE messages SET payload = (SELECT payload FROM messages WHERE occurrence_id = :may AND payload IS NOT NULL)"
             " WHERE occurrence_id = :june"), {"may": may, "june": june},
    )  # fmt: skip
    line = Line()
    run(line)
    assert [m.text for m in line.taken if m.text and "May" in m.text] == ["Dear Dana0, you qualified in May."]
    assert counted(session)["text_failed"] == 1


def test_claiming_goes_by_an_index_over_all_occurrences(session: Session, dana: UUID) -> None:
    send = opened(session, "Hello", occurrence(session, 1))
    session.execute(
        text("INSERT INTO messages (occurrence_id, organisation_id, send_id, contact_id, channel, state, rank, priority, due_at,"
             " created_at) SELECT uuidv7(make_interval(days => -(n % 20))), :organisation, CASE WHEN n % 50 = 0 THEN :send ELSE"
             " uuidv7() END, :dana, 'sms', 'queued', 10, 50, now(), now() FROM generate_series(1, 20000) AS n"),
        {"organisation": send.organisation_id, "send": send.id, "dana": dana},
    )  # fmt: skip
    session.connection().exec_driver_sql("SELECT refresh_statistics('messages')")
    values = claim(send, hours_of(session), uuid4(), 1000)
    plan = "\n".join(
        session.execute(text(f"EXPLAIN {sql.load('messages/queries.sql')['claim'].text}"), values).scalars()
    )
    looked_for = plan[plan.index("LockRows") : plan.index("->  Append")]
    assert "Seq Scan" not in looked_for, plan
    assert "send_id_due_at_idx" in looked_for, plan


@pytest.mark.parametrize("name", ["claim", "intend", "record", "keep_links"])
def test_a_window_is_looked_up_by_its_ids_while_the_planner_takes_the_table_for_empty(
    session: Session, organisation: Organisation, name: str
) -> None:
    people.contacts(session, 3000)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    statement = sql.load("messages/queries.sql")[name].text
    places = list(dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", statement)))
    numbered = re.sub(r"(?<!:):([a-z_]+)", lambda m: f"${places.index(m.group(1)) + 1}", statement)
    cursor = session.connection().connection.cursor()
    cursor.execute("EXPLAIN (GENERIC_PLAN) " + numbered)
    plan = "\n".join(row[0] for row in cursor.fetchall())
    month = f"{clock.now():messages_%Y_%m}"
    reads = re.findall(rf"(Seq|Index|Bitmap \w+) Scan[^\n]* on {month}[^\n]*\n([^\n]*)", plan)
    assert reads, plan
    assert [read for read in reads if "ANY" not in read[1] and "send_id" not in read[1]] == [], plan


def test_the_ranks_of_the_statements_are_those_of_the_states() -> None:
    """States and ranks that are written in one line of SQL belong together."""
    statements = sql.load("messages/queries.sql")
    pairs = [
        (name, state, int(rank))
        for name, statement in statements.items()
        for state, rank in re.findall(r"state = '(\w+)',\s+rank = (\d+)", statement.text)
    ]
    for name, statement in statements.items():
        for state_case, rank_case in re.findall(
            r"state = (CASE.*?END),\s+rank = (CASE.*?END)", statement.text, re.DOTALL
        ):
            words, numbers = (re.findall(r"(?:THEN|ELSE) '?(\w+)", case) for case in (state_case, rank_case))
            pairs += [(name, *both) for both in zip(words, map(int, filter(str.isdigit, numbers)), strict=False)]
    assert len(pairs) >= 12
    assert [pair for pair in pairs if states.RANKS[pair[1]] != pair[2]] == []
