"""The connection file, the state folder and the command that starts a backend."""

import json
import stat
import sys
from pathlib import Path

import attrs
import pytest

from dollygrip.connection import (
    BackendError,
    Connection,
    backend_command,
    read_connection,
    record_backend_command,
    write_connection,
)
from dollygrip.state_folder import state_dir

CONNECTION = Connection("tcp://127.0.0.1:5555", "s" * 40, "c" * 40, "x" * 40, 7)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DOLLYGRIP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DOLLYGRIP_BACKEND", raising=False)
    return tmp_path / "home"


def test_a_connection_comes_back_from_its_file_readable_by_its_user_alone(home):
    path = write_connection(CONNECTION)
    assert path.parent == state_dir() == home
    assert read_connection() == CONNECTION
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [file.name for file in home.iterdir()] == ["connection.json"]


def test_no_file_means_no_backend(home):
    with pytest.raises(BackendError, match="No Dollygrip backend is running") as caught:
        read_connection()
    assert caught.value.kind == "unreachable" and "dollygrip serve" in caught.value.hint


BAD_PROCESS = json.dumps(attrs.asdict(CONNECTION) | {"pid": -1})


@pytest.mark.parametrize("content", ["", "[]", "{}", "{broken", '{"endpoint": "x"}', '"text"', "\xff", BAD_PROCESS])
def test_a_file_that_is_none_is_said_to_be_so(home, content):
    write_connection(CONNECTION).write_text(content, "latin-1")
    with pytest.raises(BackendError, match=r"connection\.json cannot be read"):
        read_connection()


def test_the_command_is_the_variables_then_the_recorded_one(home, monkeypatch, tmp_path):
    with pytest.raises(BackendError, match="not set up") as caught:
        backend_command()
    assert caught.value.kind == "missing" and "\n" not in str(caught.value)
    for way in ("Set Up Backend", "Preferences > Add-ons > Dollygrip"):
        assert way in caught.value.hint
    record_backend_command()
    assert backend_command() == [str(Path(sys.executable).parent / "dollygrip")]
    record_backend_command([sys.executable, "-m", "something"])
    assert backend_command() == [sys.executable, "-m", "something"]
    monkeypatch.setenv("DOLLYGRIP_BACKEND", sys.executable)
    assert backend_command() == [sys.executable]
    monkeypatch.setenv("DOLLYGRIP_BACKEND", str(tmp_path / "gone"))
    with pytest.raises(BackendError, match="gone"):
        backend_command()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"command": 3}', '{"command": []}'])
def test_a_damaged_record_counts_as_none(home, content):
    record_backend_command().write_text(content)
    with pytest.raises(BackendError, match="not set up"):
        backend_command()
