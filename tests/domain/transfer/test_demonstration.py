"""The demonstration's people: the same for everybody, as the rule says."""

from app.core import phone
from app.domain.transfer.demonstration import LAST_CLIENT, people, person


def test_the_rule_holds_for_every_client() -> None:
    everybody = dict(enumerate(people(1, 45_211), start=1))
    assert everybody[45_211] == person(45_211)
    assert everybody[1].phone == "+972522000001"
    assert everybody[400].phone == everybody[399].phone == "+972522000399"
    assert len({one.phone for one in everybody.values()}) == 45_211 - 45_211 // 200
    assert [n for n, one in everybody.items() if one.email is None] == list(range(10, 45_212, 10))
    assert everybody[7].email == "client7@mail.example"
    assert sum(one.consent for one in everybody.values()) == 45_211 - 45_211 // 5
    assert [n for n, one in everybody.items() if one.tag == "staff"] == list(range(997, 45_212, 997))
    hebrew = [one for one in everybody.values() if one.language == "he"]
    assert len(hebrew) == 45_211 - 45_211 // 3
    assert all(one.first_name[0] >= "א" for one in hebrew)
    assert {one.gender for one in hebrew} == {"female", "male"}


def test_phones_are_real_numbers_to_the_last_client() -> None:
    for client in (1, 200, 45_211, 1_000_000, LAST_CLIENT):
        assert phone.parse(person(client).phone) == person(client).phone
