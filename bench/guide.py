"""How fast the guide is rendered, beside the memory's speed: `python bench/guide.py [--frames N] [--size W H]
[--device cpu] [--threads N]`.

A camera moves into a scene of steps and slopes. As the speed depends on what else the computer does, a plain copy of
the frame's own bytes by torch is timed in between, and a frame is also given in such copies.
"""

import argparse
import statistics
import time
from collections.abc import Iterable

import numpy as np
import torch

from dollygrip_backend.scene.cache import SceneCache

WIDTH, HEIGHT = 512, 288
LENS = np.array([455.0, 455.0, 256.0, 144.0])
PIXEL_BYTES = (3 + 1) * 4  # colour and disparity in float32


def lens(size: tuple[int, int]) -> np.ndarray:
    """Intrinsics (4,) at a size (width, height) of what LENS sees at 512x288."""
    return LENS * np.tile([size[0] / WIDTH, size[1] / HEIGHT], 2)


def scene(size: tuple[int, int] = (WIDTH, HEIGHT)) -> tuple[np.ndarray, np.ndarray]:
    """Image and depth of a floor, a wall, columns and a ball, at a size (width, height)."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    x, y = x * WIDTH / size[0], y * HEIGHT / size[1]
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


def settle(device: str) -> None:
    """Wait until a device has done what it was told."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def measure(frames: int, size: tuple[int, int], device: str) -> dict[str, list[float]]:
    """Seconds for each guide frame, its processor time, and those for a copy of its bytes in between."""
    image, depth = scene(size)
    intrinsics = lens(size)
    cache = SceneCache.from_view(image, depth, np.eye(4), intrinsics, device)
    source = torch.rand(size[0] * size[1] * PIXEL_BYTES // 4, device=device)
    target = torch.empty_like(source)
    figures: dict[str, list[float]] = {"wall": [], "busy": [], "copies": []}
    for share in np.linspace(0, 1, frames):
        c2w = np.eye(4)
        c2w[:3, 3] = 0.3 * share, 0, 1.5 * share
        settle(device)
        began, used = time.perf_counter(), time.process_time()
        cache.render(c2w, intrinsics, size)
        settle(device)
        figures["wall"].append(time.perf_counter() - began)
        figures["busy"].append(time.process_time() - used)
        began = time.perf_counter()
        target.copy_(source)
        settle(device)
        figures["copies"].append(time.perf_counter() - began)
    return figures


def parsed(description: str, **choices: Iterable[str]) -> argparse.Namespace:
    """The command line, with options of some choices, the first by default; torch has its threads from now on."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--size", type=int, nargs=2, default=(WIDTH, HEIGHT), metavar=("W", "H"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    for name, values in choices.items():
        parser.add_argument(f"--{name}", choices=list(values), default=next(iter(values)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def main() -> None:
    from rich.console import Console  # only here: other benchmarks take `measure`
    from rich.table import Table

    options = parsed(__doc__)
    figures = measure(options.frames, tuple(options.size), options.device)
    wall, busy, copies = figures["wall"], figures["busy"], figures["copies"]
    megabytes = options.size[0] * options.size[1] * PIXEL_BYTES / 1e6
    title = f"{options.frames} frames, {options.device}, {options.threads} threads"
    table = Table("guide of {}x{}".format(*options.size), "median", "best", title=title)
    table.add_row("frames a second", *(f"{1 / time_:.1f}" for time_ in (statistics.median(wall), min(wall))))
    table.add_row("processor time", *(f"{time_ * 1e3:.0f} ms" for time_ in (statistics.median(busy), min(busy))))
    table.add_row(
        f"a copy of its {megabytes:.1f} MB",
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
