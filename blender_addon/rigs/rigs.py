"""Three rigs for one take: plain curves, a path to ride along, a subject to look at. The camera seen stays the same.

Path: the take's location curves rest, muted; a Bézier curve object takes the camera's place under its parent, and the
camera follows it by a speed curve of the take (the constraint's offset factor). Aim: the rotation curves rest; the
camera tracks a subject, an empty whose Z rotation rolls the camera. The take's Action knows its curve or subject, so
the rig comes and goes with its take. Converted back, the resting curves wake up where they still hold; where the rig
was edited they are fitted anew.
"""

from math import radians

import bpy
import numpy as np
from bpy.props import EnumProperty

from dollygrip.conventions import blender_from_c2w, c2w_from_blender
from dollygrip.curves import BezierKeys, Channel, fit_channels
from dollygrip.errors import DollygripError, InputError
from dollygrip.rotations import angle_between, euler_xyz_from_matrix

from .. import compat, linked
from ..camera import curve_parts
from ..camera.camera import evaluated
from ..camera.parents import follow
from ..takes import helpers, settings, takes
from ..takes.helpers import AIM, PATH, PLAIN, helper_of, kind_of
from . import aim_rig, path_rig, rekey

_KINDS = [
    (PLAIN, "Curves", "Location and rotation curves"),
    (PATH, "Path", "A Bézier curve that the camera rides along, with a speed curve"),
    (AIM, "Aim", "A subject that the camera looks at, with a roll"),
]
_PATH_NAME, _AIM_NAME, _ROLL_NAME = "Dollygrip Path", "Dollygrip Aim", "Dollygrip Roll"
_OFFSET = f'constraints["{_PATH_NAME}"].offset_factor'
_RESTING = {PLAIN: (), PATH: ("location",), AIM: ("rotation_euler", "rotation_quaternion", "rotation_axis_angle")}
_POSITION, _ANGLE = 3e-5, radians(0.015)  # of the scene depth; path and speed, or sight and roll, use it each
_SMOOTHER = 0.1  # of the bound, so that the straight lines of a path do not jolt the camera
_EDITED = 2.5  # times these the camera is off where the animator changed the rig


def convert(context: bpy.types.Context, camera: bpy.types.Object, kind: str, smooth: bool = False) -> None:
    """Give the take that the camera shows another rig. Raises InputError where it cannot have it, saying why.

    smooth: whether the acceleration of what the rig adds must not jump at its keys.
    """
    action = takes.shown(camera)
    if kind_of(action) == kind:
        return
    release(context, camera)
    if kind == PATH:
        _to_path(context, camera, action, smooth)
    elif kind == AIM:
        _to_aim(context, camera, action, smooth)


def show(camera: bpy.types.Object, action: bpy.types.Action | None) -> None:
    """Set the camera up for the rig of the take that it shows now; whatever another take's rig set goes."""
    _detach(camera)
    helper = helper_of(action) if action else None
    if helper is None:
        return
    for collection in () if helper.users_collection else camera.users_collection:
        collection.objects.link(helper)
    if kind_of(action) == PATH:
        _take_place(helper, camera)
        camera.parent, camera.location = None, (0.0, 0.0, 0.0)
        ride = _constrain(camera, "FOLLOW_PATH", _PATH_NAME, helper, 0)
        ride.use_fixed_location, ride.use_curve_follow = True, False
        return
    look = _constrain(camera, "TRACK_TO", _AIM_NAME, helper, 0)
    look.track_axis, look.up_axis = "TRACK_NEGATIVE_Z", "UP_Y"
    # All axes, though the subject turns about Z alone: of one axis Blender may take the other of two sets of angles.
    roll = _constrain(camera, "COPY_ROTATION", _ROLL_NAME, helper, 1)
    roll.mix_mode = "AFTER"


def release(context: bpy.types.Context, camera: bpy.types.Object) -> None:
    """Back to plain curves, and what the rig added is removed."""
    action = takes.shown(camera)
    if kind_of(action) == PLAIN:
        return
    world, _ = poses(context, camera)
    _detach(camera)
    helpers.discard(action)
    _wake(action)
    plain, parents = poses(context, camera)
    far = np.linalg.norm(plain[:, :3, 3] - world[:, :3, 3], axis=1).max() > _EDITED * _POSITION * _depth(
        context, action
    )
    turned = angle_between(plain[:, :3, :3], world[:, :3, :3]).max() > _EDITED * _ANGLE
    if far or turned:
        _write(context, camera, world, parents, turned, (_POSITION, _ANGLE), _RESTING[PATH] + _RESTING[AIM])


def rewrite(
    context: bpy.types.Context,
    camera: bpy.types.Object,
    world: np.ndarray,
    turn: bool,
    tolerance: tuple[float, float],
    smooth: bool = False,
) -> list[str]:
    """Edit a take so that its camera stands at `world` (T, 4, 4), Blender axes and units, on its frames, by keys alone.

    turn: whether the rotations changed too; if not, their keys are left alone. tolerance: of the fit, in scene depths
    and radians. smooth: whether acceleration must not jump at keys. The rig stays; where the new camera cannot have
    it, a sentence says so. Raises InputError where new keys would lose some that are outside, or modifiers.
    """
    action = takes.shown(camera)
    kind = kind_of(action)
    if turn:
        rekey.check_order(camera, action)
    release(context, camera)
    _write(context, camera, world, poses(context, camera)[1], turn, tolerance, _RESTING[kind], smooth)
    try:
        convert(context, camera, kind, smooth)
    except InputError as error:
        return [f"The take has plain curves now: {error.message}"]
    return []


def poses(
    context: bpy.types.Context, camera: bpy.types.Object, span: tuple[int, int] | None = None, keys_only: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """World matrices (T, 4, 4) without scale of a camera, and those of what it is parented to.

    span: first and last frame, by default those of the take that it shows. Constraints that are not of the rig are left
    out, so that they are not counted twice when curves are written; with `keys_only` modifiers of its curves too.
    """
    first, last = span or takes.frame_range(takes.shown(camera))
    layers = [m for c in compat.object_curves(takes.shown(camera)) for m in c.modifiers] if keys_only else []
    evaluated(context, camera)  # refuses one that Blender would leave where it is
    world, above = follow(context, camera, first, last, [*own_constraints(camera), *layers])
    return _without_scale(world), above


def _without_scale(matrices: np.ndarray) -> np.ndarray:
    return blender_from_c2w(c2w_from_blender(matrices))


def _depth(context: bpy.types.Context, action: bpy.types.Action) -> float:
    """The take's scene depth in Blender units."""
    return takes.scene_depth(action) / context.scene.unit_settings.scale_length


def own_constraints(camera: bpy.types.Object) -> list[bpy.types.Constraint]:
    """What moves a camera besides its take and the rig of that: constraints of the animator's, the handheld layer."""
    return [c for c in camera.constraints if c.name not in (_PATH_NAME, _AIM_NAME, _ROLL_NAME) and not c.mute]


def _constrain(camera: bpy.types.Object, kind: str, name: str, target: bpy.types.Object, place: int):
    """A constraint of the rig; rigs come before what the animator adds, as the curves they replace do."""
    made = camera.constraints.new(kind)
    made.name, made.target = name, target
    camera.constraints.move(len(camera.constraints) - 1, place)
    return camera.constraints[name]


def _detach(camera: bpy.types.Object) -> None:
    """Take the rig off the camera; after a path it is parented again to what the path is parented to."""
    if (mount := mount_of(camera)) != camera:
        _take_place(camera, mount)
    for name in (_PATH_NAME, _AIM_NAME, _ROLL_NAME):
        if name in camera.constraints:
            camera.constraints.remove(camera.constraints[name])


def mount_of(camera: bpy.types.Object) -> bpy.types.Object:
    """What bears the camera's parent: the path that it rides along, else the camera itself."""
    path = camera.constraints.get(_PATH_NAME)
    return path.target if path and path.target and camera.parent is None else camera


def _take_place(child: bpy.types.Object, other: bpy.types.Object) -> None:
    """Parent `child` exactly as `other` is."""
    child.parent, child.parent_type = other.parent, other.parent_type
    child.parent_bone, child.parent_vertices = other.parent_bone, other.parent_vertices
    child.matrix_parent_inverse = other.matrix_parent_inverse


def _wake(action: bpy.types.Action) -> None:
    """Unmute the curves that a rig let rest, and remove its speed curve."""
    curves = compat.object_curves(action)
    if (speed := curves.find(_OFFSET)) is not None:
        curves.remove(speed)
    for curve in curves:
        if curve.data_path in _RESTING[PATH] + _RESTING[AIM]:
            curve.mute = False


def _install(camera: bpy.types.Object, action: bpy.types.Action, helper: bpy.types.Object) -> None:
    """Let the take ride or aim by this new helper."""
    camera.users_collection[0].objects.link(helper)
    helpers.give(action, helper)
    for curve in compat.object_curves(action):
        if curve.data_path in _RESTING[kind_of(action)]:
            curve.mute = True
    show(camera, action)


def _write(
    context: bpy.types.Context,
    camera: bpy.types.Object,
    world: np.ndarray,
    parents: np.ndarray,
    turn: bool,
    tolerance: tuple[float, float],
    baked: tuple[str, ...],
    smooth: bool = False,
) -> None:
    """New keys for the camera's location, and with `turn` for its rotation, that put it at `world`.

    Modifiers stay as they are, on top of the keys; so do keys outside of the take, and locks. baked: channels for which
    `world` has what their modifiers add.
    """
    action = takes.shown(camera)
    first, last = takes.frame_range(action)
    curves = compat.object_curves(action)
    locked = {frame for frame in curve_parts.locked_frames(curves) if first <= frame <= last}
    if turn and camera.rotation_mode != "XYZ":
        for old in [curve for curve in curves if curve.data_path in _RESTING[AIM]]:
            curves.remove(old)
        camera.rotation_mode = "XYZ"
        settings.keep(action, camera)
    local = _without_scale(np.linalg.inv(parents) @ world)
    angles = euler_xyz_from_matrix(local[:, :3, :3])
    position = tolerance[0] * _depth(context, action) / _largest_scale(parents)
    numbers, frames = np.concatenate([local[:, :3, 3], angles if turn else 0 * angles], 1), np.arange(first, last + 1)
    names = [(path, index) for path in ("location", "rotation_euler")[: 1 + turn] for index in range(3)]
    for column, (path, index) in enumerate(names):
        if curve := curves.find(path, index=index):
            numbers[:, column] -= rekey.added(curve, frames) * (path in baked)
            if path == "rotation_euler":  # in full turns next to the old keys, so that those outside lie near
                off = curve_parts.value_at(curve, first) - numbers[0, column]
                numbers[:, column] += 2 * np.pi * np.round(off / (2 * np.pi))
    fitted = _fit(numbers[:, :3], numbers[:, 3:], first, position, tolerance[1], smooth, sorted(locked))
    for path, index in names:
        curve = curves.find(path, index=index) or compat.new_fcurve(curves, path, index, "Camera")
        rekey.put(curve, fitted[path, index], first, last, locked)


def _to_path(context: bpy.types.Context, camera: bpy.types.Object, action: bpy.types.Action, smooth: bool) -> None:
    curves = compat.object_curves(action)
    own = [curves.find("location", index=i) for i in range(3)]

    def location(frames: np.ndarray) -> np.ndarray:
        values = [
            [c.evaluate(f) for f in frames] if c else [camera.location[i]] * len(frames) for i, c in enumerate(own)
        ]
        return np.array(values).T

    first, last = takes.frame_range(action)
    keys = [point.co.x for curve in own if curve for point in curve.keyframe_points]
    bound = _POSITION * _depth(context, action) / _largest_scale(poses(context, camera)[1])
    bound *= _SMOOTHER if smooth else 1
    path, speed = path_rig.build(f"{action.name} Path", location, keys, np.arange(first, last + 1.0), bound, smooth)
    _install(camera, action, path)
    takes.write_keys(compat.new_fcurve(curves, _OFFSET, 0, "Camera"), speed)


def _to_aim(context: bpy.types.Context, camera: bpy.types.Object, action: bpy.types.Action, smooth: bool) -> None:
    rekey.check_order(camera, action)
    world, depth, first = poses(context, camera)[0], _depth(context, action), takes.frame_range(action)[0]
    points, roll, bound = aim_rig.aim(world, first, depth, _ANGLE)
    angles = roll[:, None] * [0.0, 0.0, 1.0]
    subject = bpy.data.objects.new(f"{action.name} Subject", None)
    subject.empty_display_type, subject.empty_display_size = "SPHERE", 0.05 * depth
    subject.location, subject.rotation_euler = points[0], angles[0]
    subject.lock_rotation = (True, True, False)
    fitted = _fit(points, angles, first, bound, _ANGLE, smooth)
    if moving := {channel: keys for channel, keys in fitted.items() if len(keys.frames) > 1}:
        curves = compat.animate_object(subject, subject.name)
        for (path, index), keys in moving.items():
            takes.write_keys(compat.new_fcurve(curves, path, index, "Subject"), keys)
    _install(camera, action, subject)


def _fit(
    places: np.ndarray,
    angles: np.ndarray,
    first: int,
    position: float,
    angle: float,
    smooth: bool = False,
    held: list[int] | None = None,
) -> dict[Channel, BezierKeys]:
    """Keys for (T, 3) places and XYZ angles, within `position` in their own unit and `angle` in radians."""
    count = len(places)
    lens, shift = np.ones(count), np.zeros((count, 2))
    return fit_channels(places, angles, lens, shift, first, position, angle, held=held or (), smooth=smooth)


def _largest_scale(matrices: np.ndarray) -> float:
    return np.linalg.norm(matrices[:, :3, :3], axis=1).max()


class DOLLYGRIP_OT_set_rig(bpy.types.Operator):
    """Convert the take to another rig; the camera moves and looks exactly as before"""

    bl_idname = "dollygrip.set_rig"
    bl_label = "Set Rig"
    bl_options = {"REGISTER", "UNDO"}

    kind: EnumProperty(name="Rig", items=_KINDS)

    @classmethod
    def poll(cls, context):
        return shows_take(cls, context)

    def execute(self, context):
        camera = context.scene.camera
        before = kind_of(takes.shown(camera))
        try:
            convert(context, camera, self.kind)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            convert(context, camera, before)
            return {"CANCELLED"}
        return {"FINISHED"}


def shows_take(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators that edit the take that the scene's camera shows."""
    if not takes.shown(context.scene.camera):
        operator.poll_message_set("The scene's camera shows no take")
        return False
    return linked.is_own(operator, context)


def has_camera(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Poll of operators that change the scene's camera, whatever moves it."""
    if context.scene.camera is None:
        operator.poll_message_set("The scene has no camera")
        return False
    return linked.is_own(operator, context)


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_set_rig,))
