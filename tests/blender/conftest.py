"""Tests in the real bpy with the built extension installed into the Blender profile that the environment names.

`python build.py test --only blender` builds and installs it, and sets BLENDER_USER_RESOURCES, DOLLYGRIP_HOME and
DOLLYGRIP_BACKEND. Each test gets an empty scene; the backend is a real process with a state folder of its own.
"""

import os
import signal
from pathlib import Path

import bpy  # first: it makes addon_utils importable

# isort: split
import addon_utils
import numpy as np
import pytest

EXTENSION = "bl_ext.user_default.dollygrip"

addon_utils.enable(EXTENSION)


@pytest.fixture
def scene() -> bpy.types.Scene:
    """A scene of a freshly opened, empty Blender: no objects, 1920x1080, 24 fps, frames 1 to 250."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable(EXTENSION)
    return bpy.context.scene


@pytest.fixture
def picture(tmp_path) -> Path:
    """A small picture of stripes and a gradient, written by the extension's own writer."""
    from bl_ext.user_default.dollygrip.picture import write_png

    y, x = np.mgrid[:72, :128]
    rgb = np.stack([x * 2, y * 3, 255 * ((x // 8 + y // 8) % 2)], -1).astype(np.uint8)
    write_png(tmp_path / "reference.png", rgb)
    return tmp_path / "reference.png"


@pytest.fixture(scope="session")
def backend_home(tmp_path_factory):
    """A state folder for a backend of these tests alone, which is ended with them."""
    home, kept = tmp_path_factory.mktemp("home"), os.environ.get("DOLLYGRIP_HOME")
    os.environ["DOLLYGRIP_HOME"] = str(home)
    yield home
    stop_backend(home)
    if kept is None:
        del os.environ["DOLLYGRIP_HOME"]
    else:
        os.environ["DOLLYGRIP_HOME"] = kept


def stop_backend(home: Path, by: signal.Signals = signal.SIGTERM) -> None:
    """End the backend whose connection file lies in `home`."""
    from dollygrip.connection import read_connection
    from dollygrip.errors import DollygripError

    try:
        os.kill(read_connection(home).pid, by)
    except (DollygripError, ProcessLookupError):
        return
