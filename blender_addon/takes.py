"""Takes: every predicted or loaded camera is an Action of its own on the scene's Dollygrip camera.

An Action of a take carries its provenance as custom properties under "dollygrip" and the dense camera it was fitted
from, so nothing of a prediction is lost when its curves are edited or another take is shown.
"""

import json
from typing import Any

import bpy
import numpy as np

from dollygrip.trajectory import Trajectory

from . import compat
from .camera import FittedTake

CAMERA_NAME = "Dollygrip Camera"
_KEY = "dollygrip"
_BEZIER, _ALIGNED = 2, 3  # RNA values of Keyframe.interpolation and handle types


def find_camera(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The scene's Dollygrip camera, if there is one yet."""
    return next((o for o in scene.objects if o.type == "CAMERA" and o.get(_KEY) == "camera"), None)


def ensure_camera(scene: bpy.types.Scene, like: bpy.types.Camera | None = None) -> bpy.types.Object:
    """The scene's Dollygrip camera, made if there is none, with the sensor and clipping of `like`."""
    camera = find_camera(scene)
    if camera is None:
        data = bpy.data.cameras.new(CAMERA_NAME)
        camera = bpy.data.objects.new(CAMERA_NAME, data)
        camera[_KEY] = "camera"
        camera.rotation_mode = "XYZ"
        scene.collection.objects.link(camera)
    if like is not None:
        for name in ("sensor_fit", "sensor_width", "sensor_height", "clip_start", "clip_end"):
            setattr(camera.data, name, getattr(like, name))
    return camera


def add(
    scene: bpy.types.Scene,
    take: FittedTake,
    name: str,
    provenance: dict[str, Any],
    like: bpy.types.Camera | None = None,
) -> bpy.types.Action:
    """Write a fitted take as a new Action, list it and show it; the scene's camera becomes the Dollygrip camera."""
    camera = ensure_camera(scene, like)
    action, pose_curves, lens_curves = compat.new_take_action(name)
    action.use_fake_user = True
    for (path, index), keys in take.channels.items():
        curves, group = (pose_curves, "Camera") if path in ("location", "rotation_euler") else (lens_curves, "Lens")
        write_keys(compat.new_fcurve(curves, path, index, group), keys)
    action.use_frame_range = True
    action.frame_start, action.frame_end = take.frame_start, take.frame_start + len(take.trajectory) - 1
    trajectory = take.trajectory
    action[_KEY] = {
        **{key: value for key, value in provenance.items() if value is not None},
        "scene_depth": trajectory.scene_depth,
        "meta": json.dumps(trajectory.meta),
        "size": list(trajectory.size),
        "fps": trajectory.fps,
        "c2w": trajectory.c2w.ravel(),
        "intrinsics": trajectory.intrinsics.ravel(),
    }
    camera.data.sensor_width, camera.data.sensor_height = take.sensor.width, take.sensor.height
    camera.data.sensor_fit = take.sensor.fit
    state = scene.dollygrip
    state.take_list.add().action = action
    state.take_index = len(state.take_list) - 1
    scene.camera = camera
    return action


def name_of(prompt: str) -> str:
    """A short name for a take: the first words of its prompt."""
    words = " ".join(prompt.split())
    return words if len(words) <= 40 else words[:39].rsplit(" ", 1)[0] + " …"


def write_keys(curve: bpy.types.FCurve, keys) -> None:
    """Fill an empty F-curve with Bézier keys (dollygrip.curves.BezierKeys), all at once."""
    points = curve.keyframe_points
    count = len(keys.frames)
    points.add(count)
    points.foreach_set("co", np.stack([keys.frames, keys.values], 1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(count, _BEZIER, np.int32))
    for side, handles in (("left", keys.left), ("right", keys.right)):
        points.foreach_set(f"handle_{side}_type", np.full(count, _ALIGNED, np.int32))
        points.foreach_set(f"handle_{side}", handles.astype(np.float32).ravel())
    curve.update()


def activate(scene: bpy.types.Scene, index: int) -> None:
    """Show the take at `index` of the list; an index out of bounds or a deleted Action changes nothing."""
    entries = scene.dollygrip.take_list
    if 0 <= index < len(entries) and entries[index].action:
        compat.assign_take(ensure_camera(scene), entries[index].action)


def shown(camera: bpy.types.Object | None) -> bpy.types.Action | None:
    """The take that animates this camera, if one does."""
    action = camera.animation_data.action if camera and camera.animation_data else None
    return action if action and _KEY in action else None


def seed_of(action: bpy.types.Action) -> str:
    """The seed of a predicted take, "–" for a loaded one."""
    return str(action[_KEY].get("seed", "–")) if _KEY in action else "–"


def scene_depth(action: bpy.types.Action) -> float:
    """Metres to the middle ground of the take's reference: its scale."""
    return action[_KEY]["scene_depth"]


def provenance(action: bpy.types.Action) -> dict[str, Any]:
    """Prompt, seed, model, reference, scene_depth … of a take, without its dense camera; `meta` decoded."""
    stored = action[_KEY].to_dict()
    for dense in ("c2w", "intrinsics"):
        stored.pop(dense)
    return {**stored, "meta": json.loads(stored["meta"])}


def dense(action: bpy.types.Action) -> Trajectory:
    """The trajectory that the take's curves were fitted from, in metres, as placed in the scene."""
    stored = action[_KEY]
    c2w, intrinsics = (np.array(stored[name]) for name in ("c2w", "intrinsics"))
    return Trajectory(
        c2w.reshape(-1, 4, 4),
        intrinsics.reshape(-1, 4),
        tuple(stored["size"]),
        stored["fps"],
        stored["scene_depth"],
        json.loads(stored["meta"]),
    )


def frame_range(action: bpy.types.Action) -> tuple[int, int]:
    """First and last frame of a take: its manual frame range, which the animator may change."""
    return int(action.frame_start), int(action.frame_end)
