"""Commands that are stopped, by Ctrl-C or a full disk: nothing is left that looks finished, nothing earlier is lost."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import attrs
import numpy as np
import pytest
from safetensors import SafetensorError
from unit.cli.commands import PROGRAM, dollygrip, interrupt, names, refused

from dollygrip import shot_record
from dollygrip.connection import Connection, read_connection, write_connection
from dollygrip_backend.__main__ import run
from dollygrip_backend.server.server import is_served
from dollygrip_backend.training import depth
from dollygrip_backend.workers.runner import Runner

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_render_that_is_stopped_leaves_nothing_behind(here, by):
    dollygrip("predict", "image.png", "truck left", "--frames", 300, "--out", "long.camera.json")
    before = names()
    command = [PROGRAM, "render", "image.png", "long.camera.json", "--size", "256x144", "--out", "shot"]
    ended = interrupt(command, lambda: list(here.glob(".shot.*/0002.png")), by=by)
    assert ended.returncode == 130
    assert "Interrupted" in ended.said and "Traceback" not in ended.said
    assert names() == before


def test_ctrl_c_while_the_command_still_loads_ends_it_quietly(monkeypatch, capsys):
    class Loading(ModuleType):
        @property
        def app(self):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "dollygrip_backend.cli.main", Loading("main"))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    with pytest.raises(SystemExit) as ended:
        run()
    for number, handler in before.items():
        signal.signal(number, handler)
    assert ended.value.code == 130 and capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGHUP])
def test_serve_starts_says_so_and_stops(here, by):
    state = here / "own"
    command = [PROGRAM, "serve", "--state", str(state)]
    ended = interrupt(command, (state / "connection.json").exists, by=by)
    assert ended.returncode == 0 and "Traceback" not in ended.said
    assert not (state / "connection.json").exists()


def test_a_backend_that_nohup_started_outlives_its_terminal(here):
    state = here / "own"
    with subprocess.Popen(["nohup", PROGRAM, "serve", "--state", state], stdout=subprocess.PIPE, text=True) as served:
        assert "Listening" in served.stdout.readline()
        served.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert served.poll() is None and is_served(state)
        served.terminate()
        assert served.wait(10) == 0


def test_a_second_serve_says_that_one_runs(here):
    command = [PROGRAM, "serve", "--state", "own"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (here / "own" / "connection.json").exists():
            assert first.poll() is None
            time.sleep(0.05)
        second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert second.returncode == 0 and "running already" in second.stdout
        assert first.poll() is None
    finally:
        first.terminate()
        first.wait(10)
    assert not (here / "own" / "connection.json").exists()


def test_stop_ends_a_backend_and_waits_until_it_is_gone(here):
    state = here / "own"
    with subprocess.Popen([PROGRAM, "serve", "--state", state], stdout=subprocess.PIPE, text=True) as served:
        assert "Listening" in served.stdout.readline()
        done = dollygrip("stop", "--state", state)
        assert done.exit_code == 0 and "Stopped" in done.stdout
        assert not (state / "connection.json").exists() and not is_served(state)
        assert served.wait(10) == 0
    again = dollygrip("stop", "--state", state)
    assert again.exit_code == 0 and again.stdout == f"No backend is running on {state}.\n"


def test_doctor_tells_where_a_backend_is(here):
    with subprocess.Popen([PROGRAM, "serve", "--state", here / "own"], stdout=subprocess.PIPE, text=True) as served:
        assert "Listening" in served.stdout.readline()
        connection = read_connection(here / "own")
        write_connection(connection)
        local = dollygrip("doctor").output
        write_connection(attrs.evolve(connection, pid=0))
        remote = dollygrip("doctor").output
        served.terminate()
    assert local.endswith(f"at {connection.endpoint}, process {served.pid}\n")
    assert remote.endswith(f", remote backend at {connection.endpoint}\n")


@pytest.mark.parametrize("remote", [{"pid": 0}, {}])
def test_the_end_of_the_demo_signals_no_process_in_place_of_a_remote_backend(tmp_path, remote):
    """Process 0 is the group of whoever signals it: a failure would end this command, which has one of its own."""
    keys = {"endpoint": "tcp://10.0.0.1:9", "server_public": "s", "client_public": "c", "client_secret": "x"}
    (tmp_path / "connection.json").write_text(json.dumps(keys | remote))
    ended = "import pathlib, sys, build; build.stop_backend(pathlib.Path(sys.argv[1])); print('went on')"
    command = [sys.executable, "-c", ended, tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, start_new_session=True)
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr


def test_stop_ends_no_process_that_is_no_backend(here):
    """One that broke off leaves its file behind, and the system gives its number to another process."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    connection = Connection("tcp://127.0.0.1:9", "server key", "client key", "secret", other.pid)
    write_connection(connection)
    try:
        done = dollygrip("stop")
        assert done.exit_code == 0 and "No backend is running" in done.stdout
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    write_connection(attrs.evolve(connection, pid=0))
    refused(dollygrip("stop"), "is a remote one", "on its machine", code=1)


def rendered(value, summary=None):
    """A runner's work: five frames of one value."""

    def run(self, request, arrays, report, finished=()):
        for _ in range(5):
            yield np.full((72, 128, 3), value, np.uint8)
        return summary or {}

    return run


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def pressed(*_):
    os.kill(os.getpid(), signal.SIGINT)


def test_weights_that_a_full_disk_cuts_short_are_told_without_a_traceback(tmp_path, monkeypatch):
    def cut_short(*_):
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(depth, "train_depth", cut_short)
    refused(dollygrip("train", "depth", "--out", tmp_path), "No space left on device", code=1)


@pytest.fixture
def keyboard():
    """Ctrl-C raises, whoever started the tests: a shell's background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("stop", "code"), [(full, 1), (pressed, 130)])
@pytest.mark.parametrize("out", ["shot", "shot.mp4"])
def test_a_shot_whose_record_cannot_be_written_leaves_the_earlier_one_as_it_was(
    here, keyboard, monkeypatch, out, stop, code
):
    render = ["render", "image.png", "take.camera.json", "--size", "128x72", "--out", out, "--seed"]
    monkeypatch.setattr(Runner, "run", rendered(1))
    assert dollygrip(*render, 1).exit_code == 0
    before = everything(here)
    monkeypatch.setattr(Runner, "run", rendered(200))
    monkeypatch.setattr(shot_record, "note_depth_estimator", stop)
    assert dollygrip(*render, 2).exit_code == code
    assert everything(here) == before


@pytest.mark.parametrize("out", ["shot", "shot.mp4"])
def test_ctrl_c_while_the_frames_move_into_place_comes_too_late(here, keyboard, monkeypatch, out):
    moved, replace = [], Path.replace

    def move(self, target):
        if Path(target).suffix in (".png", ".mp4"):
            moved.append(target)
            pressed()
        return replace(self, target)

    monkeypatch.setattr(Runner, "run", rendered(1))
    monkeypatch.setattr(Path, "replace", move)
    done = dollygrip("render", "image.png", "take.camera.json", "--size", "128x72", "--out", out)
    assert done.exit_code == 0 and moved
    assert (names(out) if Path(out).is_dir() else [out])[0] in ("0001.png", "shot.mp4")
    assert shot_record.read(Path(f"{out}.shot")).size == (128, 72)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
