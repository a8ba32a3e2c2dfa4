"""How long a tick of the extension's timer takes while a job runs, and how fast a dense camera becomes curves.

    .venv-blender/bin/python bench/blender_tick.py [FRAMES] [WIDTHxHEIGHT]

Runs where the extension is installed with the environment of `python build.py test --only blender`
(BLENDER_USER_RESOURCES, DOLLYGRIP_BACKEND). The server and its sockets are real; its frames come from
tests/protocol/scripted.py as fast as they can be sent, which is harder on the extension than any engine.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bpy  # first: it makes addon_utils importable

# isort: split
import addon_utils
import numpy as np

addon_utils.enable("bl_ext.user_default.dollygrip")

from bl_ext.user_default.dollygrip.backend.session import session  # noqa: E402
from bl_ext.user_default.dollygrip.camera import camera  # noqa: E402
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera  # noqa: E402
from bl_ext.user_default.dollygrip.references import picture  # noqa: E402
from bl_ext.user_default.dollygrip.render.render import RenderShot  # noqa: E402
from bl_ext.user_default.dollygrip.takes import takes  # noqa: E402

from dollygrip.rotations import matrix_from_rotvec  # noqa: E402
from dollygrip.trajectory import Trajectory  # noqa: E402

PROTOCOL_TESTS = Path(__file__).parents[1] / "tests" / "protocol"


def main(frames: int, size: tuple[int, int]) -> None:
    print(f"a 10,000-frame camera to curves: {curves_milliseconds(10_000):.1f} ms (bound: 100)")
    home = Path(tempfile.mkdtemp(prefix="dollygrip_bench_"))
    os.environ["DOLLYGRIP_HOME"] = str(home)
    python = Path(os.environ["DOLLYGRIP_BACKEND"]).parent / "python"
    environment = os.environ | {"PYTHONPATH": str(PROTOCOL_TESTS)}
    server = subprocess.Popen([python, PROTOCOL_TESTS / "serve.py", home, "0", "600"], env=environment)
    while not (home / "connection.json").exists():
        time.sleep(0.05)
    try:
        scene = bpy.context.scene
        bpy.ops.wm.save_as_mainfile(filepath=str(home / "bench.blend"))
        picture.write_png(home / "reference.png", np.zeros((360, 640, 3), np.uint8))
        state = scene.dollygrip
        scene.render.resolution_x, scene.render.resolution_y = size
        state.brief.prompt, state.brief.reference, state.brief.frame_count = "go", "//reference.png", frames
        state.width, state.height = size
        report("predict", ticks(PredictCamera))
        report(f"render {frames} frames of {size[0]}x{size[1]}", ticks(RenderShot))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def curves_milliseconds(frames: int) -> float:
    """The shortest of three: fitting and writing into Blender a handheld-like camera."""
    t = np.linspace(0, 1, frames)
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, :3, 3] = np.stack([np.sin(30 * t), 0.2 * np.cos(50 * t), 20 * t], 1)
    c2w[:, :3, :3] = matrix_from_rotvec(np.stack([0.2 * np.sin(40 * t), np.sin(9 * t), 0.1 * t * t], 1))
    dense = Trajectory(c2w, np.tile([1500.0, 1500, 960, 540], (frames, 1)), (1920, 1080), 24.0, 4.0)
    scene = bpy.context.scene
    placement = camera.Placement.of(scene, takes.ensure_camera(scene).data, camera.level_start())
    times = []
    for _ in range(3):
        began = time.perf_counter()
        takes.add(scene, camera.fit(dense, placement), "bench", {})
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


def ticks(task) -> list[tuple[float, float]]:
    """(wall clock, processor time of the main thread) in seconds of every tick, Blender's timer being played here."""
    session.start(task.of(bpy.context), "")
    taken = []
    while session.active:
        began = time.perf_counter(), time.thread_time()
        session.pump()
        taken.append((time.perf_counter() - began[0], time.thread_time() - began[1]))
        time.sleep(0.005)
    return taken


def report(what: str, seconds: list[tuple[float, float]]) -> None:
    wall, own = 1000 * np.array(seconds).T
    print(
        f"{what}: {len(wall)} ticks, p99 {np.percentile(wall, 99):.2f} ms, longest {wall.max():.2f} ms "
        f"(of the processor {own.max():.2f} ms; bound: 8 ms)"
    )


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    width, height = sys.argv[2].split("x") if len(sys.argv) > 2 else ("640", "360")
    main(count, (int(width), int(height)))
