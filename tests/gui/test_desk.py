"""The extension in a real Blender window, driven by mouse and keyboard, on a real backend with its real models.

Needs a runner that starts Blender with a window on a screen of its own: DOLLYGRIP_BLENDER_GUI names its executable,
called as `run --zip EXTENSION.zip --bind DIR --size WxH --timeout S --fail-shot PNG SCRIPT.py ARGS...`, and giving
scripts a module `blender_gui` that finds, clicks and types. DOLLYGRIP_GUI_SHOTS names a folder for the screenshots.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNNER = os.environ.get("DOLLYGRIP_BLENDER_GUI")
SCREENSHOTS = ("panel_before", "viewport_path", "panel_during", "panel_after", "sequencer", "panel_error")
STAGE = """
import sys
from pathlib import Path
import bpy
sys.path.insert(0, sys.argv[-2])
from scene import build_scene, render_reference
out = Path(sys.argv[-1])
render_reference(build_scene(), out / "reference.png")
bpy.ops.wm.save_as_mainfile(filepath=str(out / "stage.blend"))
"""

pytestmark = pytest.mark.skipif(not RUNNER, reason="DOLLYGRIP_BLENDER_GUI names no runner for a Blender with a window")


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build", ROOT / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def extension(build, tmp_path_factory) -> Path:
    """The zip for Blender 5.1 and newer on Linux."""
    out = tmp_path_factory.mktemp("zips")
    platform, generation = "linux-x64", "py313"
    made = build.build_extension(
        out, {platform: build.PLATFORMS[platform]}, {generation: build.GENERATIONS[generation]}
    )
    return made[0]


@pytest.fixture
def backend(build, tmp_path):
    """A backend outside the window's world; its state folder, with the keys, is seen inside."""
    home = tmp_path / "home"
    environment = os.environ | {"DOLLYGRIP_HOME": str(home)}
    server = subprocess.Popen([build.backend_executable(), "serve"], env=environment)
    deadline = time.monotonic() + 30
    while not (home / "connection.json").exists():
        assert server.poll() is None and time.monotonic() < deadline, "the backend did not start"
        time.sleep(0.1)
    yield home
    server.send_signal(signal.SIGTERM)
    server.wait(20)


def test_from_a_picture_to_a_strip(build, extension, backend, tmp_path):
    stage = [build.python_of(build.blender_venv("blender")), "-c", STAGE, ROOT / "examples", tmp_path]
    subprocess.run([str(word) for word in stage], check=True)
    command = [RUNNER, "run", "--zip", extension, "--bind", tmp_path, "--size", "1440x1280", "--timeout", "500"]
    command += ["--fail-shot", tmp_path / "failed.png", ROOT / "tests" / "gui" / "desk.py", tmp_path]
    environment = os.environ | {"DOLLYGRIP_HOME": str(backend)}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    if folder := os.environ.get("DOLLYGRIP_GUI_SHOTS"):
        shutil.copytree(tmp_path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("home"))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in SCREENSHOTS:
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert len(list((tmp_path / "dollygrip" / "shot_001").glob("frame_*.png"))) == 49
