"""Takes told apart by how far they truck, and what a test begins with and must not leave."""

import time

import addon_utils
import bpy
import numpy as np
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip.trajectory import Trajectory

FRAMES = 12  # of the shot that is in a project


def empty_blender() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_ext.user_default.dollygrip")


def truck(metres: float, frames: int = 5) -> Trajectory:
    c2w = np.tile(np.eye(4), (frames, 1, 1))
    c2w[:, 0, 3] = np.linspace(0, metres, frames)
    return Trajectory(c2w, np.tile([900.0, 900, 960, 540], (frames, 1)), (1920, 1080), 24.0, 4.0, {"prompt": "truck"})


def add_take(scene, metres: float, shot=None, reference="") -> bpy.types.Action:
    placement = camera.Placement.of(scene, None, None)
    return takes.add(scene, camera.fit(truck(metres), placement), "truck", {"reference": reference}, camera=shot)


def orphans() -> list[bpy.types.ID]:
    kinds = ("actions", "images", "cameras", "objects")
    return [data for kind in kinds for data in getattr(bpy.data, kind) if not data.users]


def pump_until_idle(timeout=30.0):
    deadline = time.monotonic() + timeout
    while session.active:
        assert time.monotonic() < deadline, "waited too long"
        session.pump()
        time.sleep(0.01)


def trucked(scene, frame=FRAMES) -> float:
    """How far right of the origin the scene's camera is on a frame."""
    scene.frame_set(frame)
    return scene.camera.matrix_world.translation.x
