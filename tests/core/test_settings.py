"""Settings: what cannot be used stops the start and names itself."""

from pathlib import Path

import pytest

from app.core.settings import BadSetting, Settings


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "master.key").write_text("ab" * 32)
    return {
        "DATABASE_URL": "postgresql://carillon@db/carillon",
        "REDIS_URL": "redis://valkey",
        "CARILLON_DATA": str(tmp_path),
        "CARILLON_ENVIRONMENT": "test",
        "CARILLON_MASTER_KEY_FILE": str(tmp_path / "master.key"),
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("mail.bank.com", "mail.bank.com:25"),
        ("mail.bank.com:587", "mail.bank.com:587"),
        (" 10.0.0.7:2525 ", "10.0.0.7:2525"),
        ("[2001:db8::1]", "[2001:db8::1]:25"),
        ("[2001:db8::1]:26", "[2001:db8::1]:26"),
        ("", ""),
    ],
)
def test_the_relay_of_staff_mail_has_port_25_unless_said(env: dict[str, str], given: str, kept: str) -> None:
    assert Settings.from_env({**env, "CARILLON_STAFF_SMTP": given}).staff_smtp == kept


@pytest.mark.parametrize(
    "given", ["mail.bank.com:smtp", "mail.bank.com:99999", "mail.bank.com:0", "smtp://mail.bank.com", ":25", "a@b:25"]
)
def test_a_relay_that_cannot_be_stops_the_start(env: dict[str, str], given: str) -> None:
    with pytest.raises(BadSetting, match="CARILLON_STAFF_SMTP must be"):
        Settings.from_env({**env, "CARILLON_STAFF_SMTP": given})


@pytest.mark.parametrize("given", ["30", "0", "ever", "36501"])
def test_behaviour_is_kept_for_a_month_at_least(env: dict[str, str], given: str) -> None:
    assert Settings.from_env(env).behaviour_days == 400
    assert Settings.from_env({**env, "CARILLON_BEHAVIOUR_DAYS": "31"}).behaviour_days == 31
    with pytest.raises(BadSetting, match="CARILLON_BEHAVIOUR_DAYS must be"):
        Settings.from_env({**env, "CARILLON_BEHAVIOUR_DAYS": given})


def test_without_its_own_the_sandboxs_relay_takes_staff_mail(env: dict[str, str]) -> None:
    assert Settings.from_env({**env, "CARILLON_SANDBOX_SMTP": "127.0.0.1:2525"}).staff_smtp == "127.0.0.1:2525"


BANK, SECRET = "CARILLON_CORE_BANK_URL", "CARILLON_CORE_BANK_SECRET"


def test_the_core_bank_is_there_when_it_is_named(env: dict[str, str]) -> None:
    assert Settings.from_env(env).core_bank_url == ""
    kept = Settings.from_env({**env, BANK: " http://10.0.0.7:8080/core/ ", SECRET: " s3cr3t "})
    assert (kept.core_bank_url, kept.core_bank_secret) == ("http://10.0.0.7:8080/core", "s3cr3t")
    assert "s3cr3t" not in repr(kept)


@pytest.mark.parametrize(
    ("given", "environment", "said"),
    [
        ({BANK: "core.bank.com", SECRET: "s3cr3t"}, "test", BANK),
        ({BANK: "ftp://core.bank.com", SECRET: "s3cr3t"}, "test", BANK),
        ({BANK: "https://", SECRET: "s3cr3t"}, "test", BANK),
        ({BANK: "https://me:s3cr3t@core.bank.com", SECRET: "s3cr3t"}, "test", BANK),
        ({BANK: "https://core.bank.com/a?b=c", SECRET: "s3cr3t"}, "test", BANK),
        ({BANK: "https://[core", SECRET: "s3cr3t"}, "test", BANK),
        ({BANK: "http://core.bank.com", SECRET: "s3cr3t"}, "production", f"{BANK} must begin with https://"),
        ({BANK: "https://core.bank.com"}, "production", f"{SECRET} is not set"),
        ({BANK: "https://core.bank.com", SECRET: "סוד"}, "test", SECRET),
        ({BANK: "https://core.bank.com", SECRET: "two\nlines"}, "test", SECRET),
    ],
)
def test_a_core_bank_that_cannot_be_stops_the_start(
    env: dict[str, str], given: dict[str, str], environment: str, said: str
) -> None:
    with pytest.raises(BadSetting, match=said) as broke:
        Settings.from_env({**env, **given, "CARILLON_ENVIRONMENT": environment})
    assert "s3cr3t" not in str(broke.value)


def test_nothing_becomes_production_by_being_forgotten(env: dict[str, str]) -> None:
    for given in ({}, {"CARILLON_ENVIRONMENT": ""}, {"CARILLON_ENVIRONMENT": "prod"}):
        kept = {name: value for name, value in env.items() if name != "CARILLON_ENVIRONMENT"}
        with pytest.raises(BadSetting, match="CARILLON_ENVIRONMENT must be production, demo or test"):
            Settings.from_env(kept | given)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadSetting) as broke:
        Settings.from_env({"CARILLON_BASE_URL": "bank.example", "CARILLON_RATE_API": "0", "CARILLON_STAFF_SMTP": ":"})
    said = str(broke.value).splitlines()
    names = ("DATABASE_URL", "REDIS_URL", "CARILLON_DATA", "CARILLON_MASTER_KEY_FILE", "CARILLON_BASE_URL", "CARILLON_ENVIRONMENT",
             "CARILLON_STAFF_SMTP", "CARILLON_RATE_API")  # fmt: skip
    assert [line.split()[0] for line in said] == list(names)
