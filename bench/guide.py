"""How fast the guide is rendered, beside the memory's speed: `python bench/guide.py [--frames N] [--threads N]`.

A camera moves into a scene of steps and slopes at 512x288. As the speed depends on what else the computer does, a plain
copy of the frame's own bytes by torch is timed in between, and a frame is also given in such copies.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from dollygrip_backend.scene.cache import SceneCache

WIDTH, HEIGHT = 512, 288
LENS = np.array([455.0, 455.0, 256.0, 144.0])
FRAME_BYTES = WIDTH * HEIGHT * (3 + 1) * 4  # colour and disparity in float32


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Image and depth of a floor, a wall, columns and a ball."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    depth = np.minimum(9.0, 1.5 * LENS[1] / np.maximum(y - LENS[3], 1.0))
    for centre in (60, 180, 330, 450):
        across = (x - centre) / 20
        depth = np.where(
            np.abs(across) < 1, np.minimum(depth, 4.5 - 0.3 * np.sqrt(np.clip(1 - across**2, 0, 1))), depth
        )
    ball = 1 - ((x - 256) / 45) ** 2 - ((y - 120) / 45) ** 2
    depth = np.where(ball > 0, 3.5 - 0.4 * np.sqrt(np.clip(ball, 0, 1)), depth)
    image = np.stack(
        [127 + 90 * np.sin(x / 7 + y / 19 + depth), 127 + 90 * np.cos(y / 9 - x / 23), 40 * depth % 255], -1
    )
    return image.astype(np.uint8), depth.astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image, depth = scene()
    cache = SceneCache.from_view(image, depth, np.eye(4), LENS)
    source, target = torch.rand(FRAME_BYTES // 4), torch.empty(FRAME_BYTES // 4)
    wall, busy, copies = [], [], []
    for share in np.linspace(0, 1, options.frames):
        c2w = np.eye(4)
        c2w[:3, 3] = 0.3 * share, 0, 1.5 * share
        began, used = time.perf_counter(), time.process_time()
        cache.render_tensors(c2w, LENS, (WIDTH, HEIGHT))
        wall.append(time.perf_counter() - began)
        busy.append(time.process_time() - used)
        began = time.perf_counter()
        target.copy_(source)
        copies.append(time.perf_counter() - began)
    table = Table("guide of 512x288", "median", "best", title=f"{options.frames} frames, {options.threads} threads")
    table.add_row("frames a second", *(f"{1 / time_:.1f}" for time_ in (statistics.median(wall), min(wall))))
    table.add_row("processor time", *(f"{time_ * 1e3:.0f} ms" for time_ in (statistics.median(busy), min(busy))))
    table.add_row(
        f"a copy of its {FRAME_BYTES / 1e6:.1f} MB",
        *(f"{t * 1e3:.2f} ms" for t in (statistics.median(copies), min(copies))),
    )
    table.add_row(
        "a frame, in copies",
        f"{statistics.median(wall) / statistics.median(copies):.0f}",
        f"{min(wall) / min(copies):.0f}",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
