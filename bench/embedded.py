"""The embedded engine's time and memory for a shot: `python bench/embedded.py [--frames N] [--size W H] [--device cpu]
[--threads N] [--move sway|onward]`.

The camera moves in the scene of `bench/guide.py`, at the same speed however long the shot is: it sways and moves in, or
walks a circle so wide that it sees new ground all the time. Depth is estimated, as for a picture that comes without
one. Prints one line of JSON: seconds to load, to the first frame and to the last, those of the processor, and the
process's peak memory in MB.
"""

import json
import resource
import sys
import time
from typing import Any

import numpy as np
from guide import HEIGHT, WIDTH, lens, parsed, scene

from dollygrip.rotations import matrix_from_rotvec
from dollygrip.trajectory import Trajectory
from dollygrip_backend.video import Shot, load_engine

SWAY, PERIOD = 25.0, 96  # degrees to each side, frames
SPEED = 0.01  # depth units a frame
TURN, STRIDE = 0.5, 0.1  # of the walk: degrees and depth units a frame
DEPTH = 6.0  # what the scene's median depth is called


def camera(frames: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Trajectory:
    """Poses at a size (width, height)."""
    t = np.arange(frames)
    turn = np.radians(SWAY) * np.sin(2 * np.pi * t / PERIOD)
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(turn[:, None] * [0.0, 1.0, 0.0])
    c2w[:, 2, 3] = SPEED * t
    return Trajectory(c2w, np.tile(lens(size), (frames, 1)), size, 24.0, scene_depth=DEPTH)


def onward(frames: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Trajectory:
    """Poses of the walk at a size (width, height)."""
    turn = np.radians(TURN) * np.arange(frames)
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, :3] = matrix_from_rotvec(turn[:, None] * [0.0, 1.0, 0.0])
    c2w[:, [0, 2], 3] = STRIDE * np.cumsum(np.stack([np.sin(turn), np.cos(turn)], -1), 0)
    return Trajectory(c2w, np.tile(lens(size), (frames, 1)), size, 24.0, scene_depth=DEPTH)


MOVES = {"sway": camera, "onward": onward}


def peak_megabytes() -> float:
    """Of this process, from its start on."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(frames: int, size: tuple[int, int], device: str, move: str = "sway") -> dict[str, Any]:
    """Seconds to load, to the first frame and to the last, and of the processor; see `peak_megabytes`."""
    began = time.perf_counter()
    engine = load_engine("embedded", device)
    figures = {"frames": frames, "size": list(size), "move": move, "loaded_s": time.perf_counter() - began}
    busy = time.process_time()
    for number, _ in enumerate(engine.render(Shot(scene()[0], "", MOVES[move](frames, size), size))):
        if number == 0:
            figures["first_frame_s"] = time.perf_counter() - began
    figures["last_frame_s"] = time.perf_counter() - began
    figures["processor_s"] = time.process_time() - busy
    figures["peak_mb"] = peak_megabytes()
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in figures.items()}


def main() -> None:
    options = parsed(__doc__, move=MOVES)
    print(json.dumps(measure(options.frames, tuple(options.size), options.device, options.move)))


if __name__ == "__main__":
    main()
