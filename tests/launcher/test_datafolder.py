"""One launcher at a time on a data folder; its secrets are made once."""

import signal
import stat
import subprocess
from pathlib import Path

import pytest

from ops.launcher.datafolder import DataFolder, read, write
from ops.launcher.kernel import look
from ops.launcher.problem import Problem


def opened(path: Path) -> DataFolder:
    folder = DataFolder(path)
    folder.open()
    return folder


def test_a_second_launcher_is_told_who_runs(tmp_path: Path) -> None:
    first = opened(tmp_path / "var")
    first.write_note("http://127.0.0.1:8123", [])
    with pytest.raises(Problem, match=r"already running on .*var \(process \d+, http://127.0.0.1:8123\): stop it"):
        opened(tmp_path / "var")
    first.close()
    opened(tmp_path / "var").close()


def test_what_a_killed_launcher_left_is_ended_and_nobody_else(tmp_path: Path) -> None:
    left, stranger = (subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2))
    seen, other = look(left.pid), look(stranger.pid)
    assert seen is not None
    assert other is not None
    folder = opened(tmp_path)
    children: list[dict[str, object]] = [
        {"name": "The web server", "pid": seen.pid, "started": seen.started},
        {"name": "The sandbox", "pid": other.pid, "started": other.started - 1},
    ]
    folder.write_note("", children)
    folder.end_remains()
    assert left.wait(5) == -signal.SIGTERM
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    folder.close()


def test_secrets_are_private_and_stay(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    kept = folder.secrets()
    folder.keep_secrets(kept, folder.path / "postgres")
    key = folder.master_key()
    again = DataFolder(tmp_path)
    assert again.secrets().login_password == kept.login_password
    assert again.secrets().cluster == "postgres"
    assert again.master_key().read_text() == key.read_text()
    assert len(bytes.fromhex(key.read_text())) == 32
    for path in (key, folder.memory):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder.close()


def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    folder.master_key().unlink()
    with pytest.raises(Problem, match="put it back from a backup"):
        folder.master_key()
    folder.close()


def test_a_lost_password_is_not_replaced(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    (folder.path / "postgres").mkdir()
    with pytest.raises(Problem, match="put it back from a backup"):
        folder.secrets()
    folder.close()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="choose another with --data"):
        opened(tmp_path / "file")


def test_half_a_note_is_no_note(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    write(path, {"a": 1})
    path.write_text(path.read_text()[:4])
    assert read(path) == {}
