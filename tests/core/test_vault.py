"""The vault: what is sealed opens only where it belongs."""

import os
from uuid import uuid4

import pytest

from app.core.vault import OrganisationVault, Sealed, Vault


@pytest.fixture
def vault() -> OrganisationVault:
    root, organisation_id = Vault(os.urandom(32)), uuid4()
    return root.organisation(organisation_id, root.new_organisation_key(organisation_id))


def test_a_person_comes_back(vault: OrganisationVault) -> None:
    contact_id, person = uuid4(), {"first_name": "דנה", "emails": ["dana@mail.example"]}
    wrapped, sealed = vault.seal_person(contact_id, person)
    assert vault.open_person(contact_id, wrapped, sealed) == person
    assert "דנה".encode() not in sealed


def test_a_person_does_not_open_in_another_row(vault: OrganisationVault) -> None:
    wrapped, sealed = vault.seal_person(uuid4(), {"first_name": "Dana"})
    with pytest.raises(Sealed):
        vault.open_person(uuid4(), wrapped, sealed)


def test_a_damaged_text_does_not_open(vault: OrganisationVault) -> None:
    sealed = bytearray(vault.seal(b"secret", "table|column|1"))
    sealed[-1] ^= 1
    with pytest.raises(Sealed):
        vault.open(bytes(sealed), "table|column|1")


def test_another_organisation_has_other_keys_and_other_indexes() -> None:
    root = Vault(os.urandom(32))
    one, two = (root.organisation(i, root.new_organisation_key(i)) for i in (uuid4(), uuid4()))
    assert one.blind("phone", "+972521234567") != two.blind("phone", "+972521234567")
    with pytest.raises(Sealed):
        two.open(one.seal(b"x", "y"), "y")


def test_blind_indexes_are_equal_for_equal_values_and_kinds_only(vault: OrganisationVault) -> None:
    assert vault.blind("email", "a@b.example") == vault.blind("email", "a@b.example")
    assert vault.blind("email", "a@b.example") != vault.blind("phone", "a@b.example")


def test_buckets_are_even(vault: OrganisationVault) -> None:
    low = sum(vault.bucket("spring", uuid4()) < 5000 for _ in range(2000))
    assert 850 < low < 1150


def test_tokens_are_equal_for_equal_texts_of_a_kind_and_fit_a_bigint(vault: OrganisationVault) -> None:
    assert vault.token("first_name", "דנה") == vault.token("first_name", "דנה")
    different = {vault.token(kind, name) for kind in ("first_name", "last_name") for name in map(str, range(1_000))}
    assert len(different) == 2_000
    assert {abs(token) >> 32 for token in different} != {0}, "of four bytes, some millions would meet each other"
    assert all(-(2**63) <= token < 2**63 for token in different)


def test_the_token_of_every_beginning_is_made_from_the_one_before(vault: OrganisationVault) -> None:
    begun = vault.tokens_of_beginnings("first_name", "דנה")
    assert begun == [vault.token("first_name", name) for name in ("ד", "דנ", "דנה")]


def test_another_organisation_has_other_tokens() -> None:
    root = Vault(os.urandom(32))
    one, two = (root.organisation(i, root.new_organisation_key(i)) for i in (uuid4(), uuid4()))
    assert one.token("first_name", "dana") != two.token("first_name", "dana")
