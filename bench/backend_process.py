"""What the benchmarks share: a backend of their own, and a picture whose content does not matter."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dollygrip.connection import CONNECTION_FILE, Connection, read_connection


@contextlib.contextmanager
def backend(state: Path) -> Iterator[Connection]:
    """`dollygrip serve` on a state folder of its own, ended afterwards."""
    command = [str(Path(sys.executable).with_name("dollygrip")), "serve", "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (state / CONNECTION_FILE).exists():
            if process.poll() is not None:
                sys.exit("The backend does not start.")
            time.sleep(0.05)
        yield read_connection(state)
    finally:
        process.terminate()
        process.wait(30)


def picture(width: int, height: int) -> np.ndarray:
    """uint8 (H, W, 3): a horizon, some boxes, a little texture."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width] / height
    image = np.stack([120 + 80 * y, 140 + 30 * y, 200 - 120 * y], -1) + random.normal(0, 6, (height, width, 3))
    for _ in range(12):
        left, top, side = random.uniform(0, width / height), random.uniform(0.4, 0.8), random.uniform(0.05, 0.25)
        image[(abs(x - left) < side / 2) & (abs(y - top) < side / 2)] = random.uniform(30, 220, 3)
    return np.clip(image, 0, 255).astype(np.uint8)
