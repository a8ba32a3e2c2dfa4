"""Tests in the real bpy with the built extension installed into the Blender profile that the environment names.

`python build.py test --only blender` builds and installs it, and sets BLENDER_USER_RESOURCES, DOLLYGRIP_HOME and
DOLLYGRIP_BACKEND. Each test gets an empty scene; the backend is a real process with a state folder of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import bpy  # first: it makes addon_utils importable

# isort: split
import addon_utils
import numpy as np
import pytest

PROTOCOL_TESTS = Path(__file__).parents[1] / "protocol"
EXTENSION = "bl_ext.user_default.dollygrip"

_ENDED = pytest.StashKey[int]()

addon_utils.enable(EXTENSION)


def pytest_sessionfinish(session, exitstatus):
    session.config.stash[_ENDED] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Blender 4.5 as a Python module may wait for its own threads for ever when its libraries are unloaded."""
    if bpy.app.version < (5, 0) and _ENDED in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_ENDED])


@pytest.fixture
def scene() -> bpy.types.Scene:
    """A scene of a freshly opened, empty Blender: no objects, 1920x1080, 24 fps, frames 1 to 250."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable(EXTENSION)
    return bpy.context.scene


@pytest.fixture
def picture_path(tmp_path) -> Path:
    """A small picture of stripes and a gradient, written by the extension's own writer."""
    from bl_ext.user_default.dollygrip.references.picture import write_png

    y, x = np.mgrid[:72, :128]
    rgb = np.stack([x * 2, y * 3, 255 * ((x // 8 + y // 8) % 2)], -1).astype(np.uint8)
    write_png(tmp_path / "reference.png", rgb)
    return tmp_path / "reference.png"


@pytest.fixture
def backend_home(tmp_path, monkeypatch):
    """A state folder for a backend of this test alone; a backend that was started there is ended with the test."""
    home = tmp_path / "home"
    monkeypatch.setenv("DOLLYGRIP_HOME", str(home))
    yield home
    stop_backend(home)


@pytest.fixture
def scripted_backend(backend_home):
    """The real server and real workers, with results known in advance: the prompt is the script."""
    backend = ScriptedBackend(backend_home)
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture
def ready(scene, scripted_backend, picture_path, tmp_path):
    """A saved file with a reference, on a running scripted backend; 320x180, 12 frames."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = str(picture_path), 12, "go"
    return scene


@pytest.fixture
def in_project(scene, scripted_backend, tmp_path, picture_path):
    """A saved file in a project folder with its reference, on a running scripted backend; 320x180, 12 frames."""
    project = tmp_path / "project"
    project.mkdir()
    shutil.move(picture_path, project / "reference.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = "//reference.png", 12, "go"
    return scene


class ScriptedBackend:
    """tests/protocol/serve.py in the backend's own Python, on a state folder; may be killed and started again."""

    def __init__(self, home: Path, director: str = ""):
        self.home, self.director, self.process = home, director, None
        self.python = Path(os.environ["DOLLYGRIP_BACKEND"]).parent / "python"

    def start(self) -> None:
        (self.home / "connection.json").unlink(missing_ok=True)
        paths = os.pathsep.join([str(PROTOCOL_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        command = [self.python, PROTOCOL_TESTS / "serve.py", self.home, "0", "600", self.director]
        self.process = subprocess.Popen([str(word) for word in command], env=environment)
        deadline = time.monotonic() + 20
        while not (self.home / "connection.json").exists():
            assert self.process.poll() is None and time.monotonic() < deadline, "the scripted backend did not start"
            time.sleep(0.02)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(by)
            self.process.wait(10)


def stop_backend(home: Path) -> None:
    """End the backend whose connection file lies in `home`, if one runs on this machine."""
    from dollygrip.connection import read_connection
    from dollygrip.errors import DollygripError

    with suppress(DollygripError, ProcessLookupError):
        connection = read_connection(home)
        if not connection.remote:
            os.kill(connection.pid, signal.SIGTERM)
