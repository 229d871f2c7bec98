"""Names in files: those of new people are read after the import, and who is called otherwise is so at once."""

from app.domain.access.keyring import vault_of
from app.domain.contacts import names, unread
from app.domain.contacts.person import opened
from tests.domain.transfer.loads import Bank

HEAD = "client_id,first_name,last_name,city\n"
_WRITTEN = "SELECT n.xmin FROM contact_names AS n JOIN contacts AS c ON c.id = n.contact_id ORDER BY c.external_id"
FILE = HEAD + "1,Noa,Levi,Haifa\n2,דנה,כהן לוי,Eilat\n3,,,Haifa\n"


def differing(ours: Bank) -> list[object]:
    """The customers whose tokens are not those of their names; those without any, too."""
    found: list[object] = []
    with ours.unit() as session:
        vault = vault_of(session)
    rows = ours.all(
        "SELECT c.external_id, c.id, c.key, c.person, n.first_name, n.last_name, n.beginnings"
        " FROM live.contacts AS c LEFT JOIN live.contact_names AS n ON n.contact_id = c.id ORDER BY c.external_id"
    )
    for number, contact_id, key, person, first, last, beginnings in rows:
        known = opened(vault, contact_id, bytes(key), bytes(person))  # type: ignore[arg-type, call-overload]
        due = names.tokens(vault, known.first_name, known.last_name)
        if (first, last, beginnings) != (due.first_name, due.last_name, due.beginnings):
            found.append(number)
    return found


def test_the_names_of_new_people_are_read_after_the_import(ours: Bank) -> None:
    ours.load(FILE)
    assert differing(ours) == ["1", "2", "3"]
    with ours.unit() as session:
        assert unread.are_waiting(session), "the import is through, and nothing has to be waited for"
    unread.read_all(ours.unit)
    assert differing(ours) == []
    assert ours.one("SELECT count(*) FROM live.unread_names") == 0


def test_who_is_called_otherwise_in_a_file_is_so_at_once(ours: Bank) -> None:
    ours.load(FILE)
    unread.read_all(ours.unit)
    ours.load(HEAD + "1,Noa,Cohen,Haifa\n2,דנה,כהן לוי,Haifa\n3,Dan,,Haifa\n4,Gal,Paz,Haifa\n")
    assert differing(ours) == ["4"]
    unread.read_all(ours.unit)
    assert differing(ours) == []


def test_who_is_only_filled_up_keeps_his_name(ours: Bank) -> None:
    ours.load(FILE)
    unread.read_all(ours.unit)
    before = ours.all(_WRITTEN)
    ours.load(HEAD + "1,Other,Name,Akko\n3,New,,Akko\n", dedupe="fill")
    assert differing(ours) == []
    after = ours.all(_WRITTEN)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]


def test_who_was_not_read_yet_and_is_called_otherwise_is_read_once(ours: Bank) -> None:
    ours.load(FILE)
    ours.load(HEAD + "1,Nora,Levi,Haifa\n")
    assert differing(ours) == ["2", "3"]
    unread.read_all(ours.unit)
    assert differing(ours) == []
