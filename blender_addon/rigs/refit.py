"""Refit: fewer or more keys for a take, at any time, within other bounds or for another rotation mode.

A take whose curves are as they were written is fitted from its dense camera, so refitting it over and over loses
nothing. Where the animator has edited them, the curves as they are evaluated on every frame are what is fitted.
Locked keys keep their poses, exactly, and stay locked. Modifiers stay as they are, on top of the new keys.
"""

from math import degrees, radians

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty

from dollygrip.conventions import blender_from_c2w, lens_from_intrinsics
from dollygrip.curves import fit_channels
from dollygrip.errors import DollygripError, InputError
from dollygrip.rotations import continuous_quaternions, euler_xyz_from_matrix, quaternion_from_matrix

from .. import compat
from ..camera import camera as cameras
from ..camera import curve_parts, pose_channels
from ..takes import settings, takes, written
from . import rigs

_LENS = (("lens", 0), ("shift_x", 0), ("shift_y", 0))
_MODES = [
    ("KEEP", "As It Is", "Quaternions where the camera has them, else XYZ Euler angles"),
    ("XYZ", "XYZ Euler", "Three angles, without flips"),
    ("QUATERNION", "Quaternion", "Four channels; no gimbal lock"),
]


def refit(context: bpy.types.Context, camera: bpy.types.Object, position: float, angle: float, mode: str) -> int:
    """Write new keys for the take that `camera` shows -> how many poses are keyed.

    position: bound in scene depths; angle: in radians; mode: XYZ or QUATERNION. Raises InputError where the take has a
    rig, a bound is out of range, or modifiers would be lost.
    """
    action = takes.shown(camera)
    _check(action, position, angle, mode)
    edited, first = written.is_edited(action), int(np.floor(written.first_frame(action) + 1e-3))
    matrices, optics = _evaluated(action, camera, first) if edited else _predicted(context, action, camera)
    turned = matrices[:, :3, :3]
    quaternions = mode == "QUATERNION"
    rotation = continuous_quaternions(quaternion_from_matrix(turned)) if quaternions else euler_xyz_from_matrix(turned)
    parents = rigs.poses(context, camera, (first, first + len(matrices) - 1))[1]
    unit = context.scene.unit_settings.scale_length * np.linalg.norm(parents[:, :3, :3], axis=1).max()
    bound = position * takes.scene_depth(action) / unit
    last = first + len(matrices) - 1
    locked = {f for f in curve_parts.locked_frames(compat.object_curves(action)) if first <= f <= last}
    fitted = fit_channels(
        matrices[:, :3, 3], rotation, optics[:, 0], optics[:, 1:], first, bound, angle, held=sorted(locked)
    )
    _write(action, fitted, mode, locked)
    camera.rotation_mode = mode
    settings.keep(action, camera)
    if edited:
        written.forget(action)
    else:
        written.mark(action)
    return max(len(keys.frames) for (path, _), keys in fitted.items() if (path, 0) not in _LENS)


def _check(action: bpy.types.Action, position: float, angle: float, mode: str) -> None:
    if rigs.kind_of(action) != rigs.PLAIN:
        raise InputError(f"The take {action.name} has a rig.", "Choose Curves in the Rig panel first.")
    if not 1e-5 <= position <= 1:
        raise InputError(f"The position may not be off by {100 * position:g} %.", "Use 0.001 to 100 % of the depth.")
    if not radians(1e-3) <= angle <= radians(45):
        raise InputError(f"The angle may not be off by {degrees(angle):g} degrees.", "Use 0.001 to 45 degrees.")
    for curve in _of_other_modes(action, mode):
        if curve.modifiers:
            raise InputError(
                f"{curve_parts.name_of(curve)} has modifiers, which another rotation mode would lose.",
                "Remove them, or leave the rotation mode as it is.",
            )


def _of_other_modes(action: bpy.types.Action, mode: str) -> list[bpy.types.FCurve]:
    used = "rotation_quaternion" if mode == "QUATERNION" else "rotation_euler"
    return [c for c in compat.object_curves(action) if c.data_path.startswith("rotation_") and c.data_path != used]


def _predicted(
    context: bpy.types.Context, action: bpy.types.Action, camera: bpy.types.Object
) -> tuple[np.ndarray, np.ndarray]:
    """Local matrices (T, 4, 4) and lens, shift x and y (T, 3) of the dense camera."""
    dense = takes.dense(action)
    sensor = cameras.sensor_of(context.scene, camera.data)
    seen = cameras.reframed(dense.intrinsics, dense.size, sensor.size, sensor.pixel_ratio)
    lens, shift = lens_from_intrinsics(seen, sensor)
    matrices = blender_from_c2w(dense.c2w, context.scene.unit_settings.scale_length)
    return matrices, np.concatenate([lens[:, None], shift], 1)


def _evaluated(action: bpy.types.Action, camera: bpy.types.Object, first: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of the curves, from their first to their last key; a channel without a curve is what it is."""
    curves = {(curve.data_path, curve.array_index): curve for curve in compat.take_curves(action)}
    last = max((p.co.x for curve in curves.values() for p in curve.keyframe_points), default=first)
    frames = range(first, max(first, int(np.ceil(last - 1e-3))) + 1)

    def values(owner: bpy.types.ID, path: str, index: int) -> list[float]:
        if curve := curves.get((path, index)):
            return [curve_parts.value_at(curve, frame) for frame in frames]
        held = getattr(owner, path)
        return [held[index] if owner is camera else held] * len(frames)

    pose = np.array([values(camera, *name) for name in pose_channels.names_of(camera)]).T
    return pose_channels.matrices(pose, camera.rotation_mode), np.array([values(camera.data, *n) for n in _LENS]).T


def _write(action: bpy.types.Action, fitted: dict, mode: str, locked: set[int]) -> None:
    """Replace the keys of the take's curves, those at `locked` frames marked so; curves of another mode go."""
    for curve in _of_other_modes(action, mode):
        compat.object_curves(action).remove(curve)
    for (path, index), keys in fitted.items():
        lens = (path, index) in _LENS
        curves = compat.lens_curves(action) if lens else compat.object_curves(action)
        curve = curves.find(path, index=index) or compat.new_fcurve(curves, path, index, "Lens" if lens else "Camera")
        curve.keyframe_points.clear()
        takes.write_keys(curve, keys)
        for point in curve.keyframe_points if not lens else ():
            if round(point.co.x) in locked:
                point.type = "EXTREME"


def draw(layout: bpy.types.UILayout, action: bpy.types.Action) -> None:
    """The button, which says what the keys would be fitted to."""
    source = "Edited Curves" if written.is_edited(action) else "Prediction"
    layout.operator("dollygrip.refit", text=f"Refit from {source}", icon="IPO_BEZIER")


class DOLLYGRIP_OT_refit(bpy.types.Operator):
    """Fit the take's keys anew: from the dense prediction, or from the curves where they were edited"""

    bl_idname = "dollygrip.refit"
    bl_label = "Refit Curves"
    bl_options = {"REGISTER", "UNDO"}

    position: FloatProperty(
        name="Position",
        description="How far the camera may be off at any frame, in percent of the scene depth",
        default=100 * cameras.POSITION_TOLERANCE,
        soft_min=0.01,
        soft_max=5.0,
        precision=3,
        subtype="PERCENTAGE",
    )
    angle: FloatProperty(
        name="Angle",
        description="How far the camera may look astray at any frame",
        default=cameras.ANGLE_TOLERANCE,
        soft_min=radians(0.01),
        soft_max=radians(5.0),
        subtype="ANGLE",
    )
    rotation: EnumProperty(name="Rotation", items=_MODES)

    @classmethod
    def poll(cls, context):
        return rigs.shows_take(cls, context)

    def execute(self, context):
        camera = context.scene.camera
        mode = self.rotation
        if mode == "KEEP":
            mode = "QUATERNION" if camera.rotation_mode == "QUATERNION" else "XYZ"
        source = "the edited curves" if written.is_edited(takes.shown(camera)) else "the prediction"
        try:
            count = refit(context, camera, self.position / 100, self.angle, mode)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{count} poses keyed, fitted to {source}.")
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_refit,))
