import numpy as np
import pytest
from PIL import Image

from dollygrip import formats
from dollygrip.trajectory import Trajectory


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with an image and a camera file, and a state folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOLLYGRIP_HOME", str(tmp_path / "state"))
    y, x = np.mgrid[0:72, 0:128]
    Image.fromarray(np.uint8(np.stack([x, y, x // 2 + y], -1))).save("image.png")
    c2w = np.tile(np.eye(4), (5, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, 0.1, 5)
    formats.write("take.camera.json", Trajectory(c2w, np.tile([110.0, 110, 64, 36], (5, 1)), (128, 72), 24.0))
    return tmp_path
